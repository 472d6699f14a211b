#!/bin/bash
# `make check`: every step of tools/check/NN-name.sh in order, each with a log in build/check/ and
# one verdict line. Steps may be named (run.sh asan fuzz); those from 90 on run only then. Ends with
# "N passed, N failed, N skipped".
set -u
cd "$(dirname "$0")/../.." || exit 1
mkdir -p build/check
steps=()
for script in tools/check/[0-9][0-9]-*.sh; do
    name=$(basename "$script" .sh)
    if [ $# -eq 0 ] && [ "${name%%-*}" -ge 90 ]; then continue; fi
    name=${name#*-}
    if [ $# -eq 0 ] || [[ " $* " == *" $name "* ]]; then steps+=("$script"); fi
done

passed=0 failed=0 skipped=0 number=0 broken=()
begin=$SECONDS
for script in "${steps[@]}"; do
    name=$(basename "$script" .sh)
    name=${name#*-}
    number=$((number + 1))
    log=build/check/$name.log
    printf '[%2d/%d] %-10s ' "$number" "${#steps[@]}" "$name"
    start=$SECONDS
    if bash "$script" >"$log" 2>&1; then status=0; else status=$?; fi
    totals=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$log" | tail -n 1)
    if [ -n "$totals" ]; then
        read -r p _ f _ s _ <<<"${totals//,/}"
    else
        p=$((status == 0)) f=0 s=0
    fi
    if [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; then f=1; fi
    # Skips that the step did not count through tally.py.
    while read -r skip; do
        if ! grep -q "^$skip\b" tools/check/skips-allowed.txt; then
            echo "FAIL skip that is not on the list: $skip" >>"$log"
            status=1 f=$((f + 1))
        fi
    done < <(sed -n 's/^SKIP \([^: ]*\): .*/\1/p' "$log" | sort -u)
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    verdict=$([ "$status" -eq 0 ] && echo ok || echo FAIL)
    printf '%-4s %4ds  %s\n' "$verdict" $((SECONDS - start)) "${totals:-$(tail -n 1 "$log")}"
    if [ "$status" -ne 0 ]; then
        broken+=("$name")
        grep -E '(^|: )FAIL|error: ' "$log" | head -n 20 | sed 's/^/    /'
        echo "    the whole log: $log"
    fi
    grep -E '^NOTE ' "$log" | sort -u | sed 's/^/    /'
    if [ "$s" -gt 0 ]; then grep -E '^SKIP ' "$log" | sort -u | sed 's/^/    /'; fi
done
if [ ${#broken[@]} -gt 0 ]; then
    echo "check: FAIL in ${broken[*]} after $((SECONDS - begin)) s"
else
    echo "check: OK after $((SECONDS - begin)) s"
fi
echo "$passed passed, $failed failed, $skipped skipped" | tee build/check/totals
[ ${#broken[@]} -eq 0 ] && [ "$failed" -eq 0 ]
