#!/bin/bash
# Each public header compiles alone and twice, without a warning, as C (gnu17) and as C++20, with
# every compiler that is here. So does uses.c, which uses what they offer; it is run, too.
# Usage: headers_test.sh FOLDER_OF_PROGRAMS (the library is in ../lib beside it)
set -u
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0

check() { # COMPILER LANGUAGE STANDARD HEADER
    local flags=(-std="$3" -x "$2" -Iinclude -Wall -Wextra -Wpedantic -fsyntax-only)
    printf '#include <troupe/%s>\n#include <troupe/%s>\nint used;\n' "$4" "$4" >"$work/header_user"
    if "$1" "${flags[@]}" -Werror "$work/header_user" 2>"$work/log"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL $1 -std=$3 <troupe/$4>"
        head -n 8 "$work/log"
    fi
}

library=$(realpath "${1:-build/release/bin}/../lib/libtroupe.a")
uses() { # COMPILER LANGUAGE STANDARD
    local flags=(-std="$3" -Iinclude -Wall -Wextra -Wpedantic -Werror)
    # Message types and sends without fields: what C before C23 calls a missing argument.
    if [ "$1" = clang ]; then flags+=(-Wno-gnu-zero-variadic-macro-arguments); fi
    # Members that are left out: g++ warns even where they are named.
    if "$1" -x "$2" "${flags[@]}" -c tests/api/uses.c -o "$work/uses.o" 2>"$work/log" &&
        "$1" "$work/uses.o" "$library" -lmsgpackc -lpthread -lm -o "$work/uses" 2>"$work/log" &&
        "$work/uses" 2>"$work/log"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL $1 -std=$3 tests/api/uses.c"
        head -n 8 "$work/log"
    fi
}

for compiler in gcc:c:gnu17 clang:c:gnu17 g++:c++:c++20 clang++:c++:c++20; do
    IFS=: read -r program language standard <<<"$compiler"
    if ! command -v "$program" >/dev/null; then
        echo "SKIP api.headers: no $program"
        skipped=$((skipped + 1))
        continue
    fi
    for header in include/troupe/*.h; do
        check "$program" "$language" "$standard" "$(basename "$header")"
    done
    uses "$program" "$language" "$standard"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
