#!/bin/bash
# Short storms of every strategy, in production and in the simulator; the options, the page, the
# same run from the same seed.
# Usage: stress_test.sh FOLDER-OF-PROGRAMS
set -u
stress="$1/troupe-stress"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

ok() { passed=$((passed + 1)); }
fail() {
    failed=$((failed + 1))
    echo "FAIL tools.stress: $*"
    sed 's/^/    out: /' "$work/out" | tail -9
    sed 's/^/    err: /' "$work/err" | tail -9
}

# run STATUS ARGUMENT...: runs the program; its output is in $work/out and $work/err.
run() {
    local wanted=$1 got
    shift
    what="troupe-stress $*"
    timeout 500 "$stress" "$@" >"$work/out" 2>"$work/err"
    got=$?
    if [ $got -eq "$wanted" ]; then ok; else fail "$what: status $got, not $wanted"; fi
}
out() { if grep -q -e "$1" "$work/out"; then ok; else fail "$what: no '$1' in the output"; fi; }
err() { if grep -q -e "$1" "$work/err"; then ok; else fail "$what: no '$1' in the errors"; fi; }
# json EXPRESSION: the last line of the output is a JSON object j for which the expression holds.
json() {
    if tail -n 1 "$work/out" | python3 -c "
import json, sys
j = json.load(sys.stdin)
sys.exit(not ($1))" 2>/dev/null
    then ok; else fail "$what: not true of the JSON: $1"; fi
}

# ---- usage ----
run 0 --help; out '^Usage: troupe-stress'
run 2 --nonsense; err "Try 'troupe-stress --help'"
run 2 --seconds 0; err "'0' is not a number from 1"
run 2 --seeds 5..3; err 'no range'
run 2 --strategy simple_one_for_one; err 'no strategy'
run 2 --depth 9 --fanout 9; err 'more than 100000 leaves'
run 2 --sim --isolated 1; err 'no processes'
run 2 --depth 1 --fanout 3 --isolated 4; err 'not so many leaves'
run 2 extra; err 'not expected'

# ---- storms ----
run 0 --seconds 2 --kill-rate 500 --load 5000 --json --html "$work/page.html"
json "j['ok'] and j['broken'] == '' and j['leaves'] == 64 and j['supervisors'] == 9"
json "j['restarts'] > 100 and j['latency']['count'] > 0 and j['actors_left'] == 0"
json "j['sent'] + j['notices'] == j['handled'] + j['dropped'] + j['dead_letters'] + j['replies']"
json "j['escalations_expected'] == j['escalations_seen'] and j['escalations_unexpected'] == 0"
if [ "$(grep -c '<svg' "$work/page.html")" -eq 4 ]; then ok; else fail "$what: not 4 plots"; fi
if grep -q -i -e 'src=' -e 'href=' -e '@import' -e 'url(' "$work/page.html"
then fail "$what: the page is not self-contained"; else ok; fi
for strategy in one_for_all rest_for_one; do
    run 0 --seconds 1 --kill-rate 200 --load 1000 --depth 2 --fanout 3 --strategy $strategy \
        --workers 2
    out '^stress: OK$'
done
# Leaves that are processes: SIGKILL among the rest, and nothing is left. A process that copies
# itself is more than ThreadSanitizer follows.
if grep -q __tsan_init "$stress"; then :; else
    for strategy in one_for_one one_for_all rest_for_one; do
        run 0 --seconds 2 --kill-rate 100 --load 2000 --fanout 3 --isolated 8 --workers 2 --json \
            --strategy $strategy
        json "j['ok'] and j['isolated'] == 8 and j['latency_isolated']['count'] > 0"
        json "j['hurt']['sigkill'] > 0 and not j['process_left'] and j['descriptors_left'] == 0"
    done
fi
run 1 --seconds 1 --load 100 --kill-rate 100 --html "$work/no/where"; err 'No such file'

# ---- in the simulator ----
for strategy in one_for_one one_for_all rest_for_one; do
    run 0 --seconds 1 --kill-rate 300 --load 1000 --depth 3 --fanout 2 --seeds 1..5 --json \
        --strategy $strategy
    json "j['ok'] and j['sim'] and j['runs'] == 5 and j['runs_broken'] == 0"
done
run 0 --sim --seconds 1 --kill-rate 300 --load 1000 --seed 7; cp "$work/out" "$work/first"
run 0 --sim --seconds 1 --kill-rate 300 --load 1000 --seed 7
if cmp -s "$work/out" "$work/first"; then ok; else fail "$what: the same seed, another run"; fi
run 0 --sim --seconds 1 --kill-rate 300 --load 1000 --seed 8
if cmp -s "$work/out" "$work/first"; then fail "$what: another seed, the same run"; else ok; fi
echo "$passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
