#!/bin/bash
# Each lint on a planted violation that it must find, and on a clean tree that it must accept.
# planted/LINT-CASE/ is a small repository; its expect.txt has the texts that the lint must print.
set -u
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

good() {
    passed=$((passed + 1))
}
bad() {
    failed=$((failed + 1))
    echo "FAIL $1"
    sed 's/^/    /' "$work/out"
}

run_lint() { # LINT ROOT
    case $1 in
    format)
        cp .clang-format "$work/"
        cp -r "$2" "$work/tree"
        bash tools/lint/format.sh --check "$work/tree"
        ;;
    symbols)
        gcc -shared -fPIC -o "$work/library.so" "$2/library.c" &&
            python3 tools/lint/symbols.py --root "$2" --library "$work/library.so" \
                --list "$2/list.txt"
        ;;
    architecture) python3 tools/docs/architecture.py --check --root "$2" ;;
    *) python3 "tools/lint/$1.py" --root "$2" ;;
    esac
}

for root in tests/lint/planted/*-*/; do
    case_name=$(basename "$root")
    if run_lint "${case_name%%-*}" "$root" >"$work/out" 2>&1; then
        bad "$case_name: the lint accepted it"
        continue
    fi
    missing=""
    while read -r text; do
        grep -qF -- "$text" "$work/out" || missing="$text"
    done <"$root/expect.txt"
    if [ -n "$missing" ]; then bad "$case_name: the lint does not say: $missing"; else good; fi
done

for lint in layers doors docs orders tidy; do
    if run_lint "$lint" tests/lint/planted/clean >"$work/out" 2>&1; then
        good
    else
        bad "clean: $lint refuses a tree without a fault"
    fi
done

echo "$passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
