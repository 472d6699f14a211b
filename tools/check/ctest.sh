#!/bin/bash
# Runs the tests of a preset that is already built; shows progress, then the totals.
# Usage: ctest.sh PRESET CTEST-OPTIONS...
set -u
cd "$(dirname "$0")/../.." || exit 1
preset=$1
shift
dir=build/$preset
log=$dir/Testing/Temporary/LastTest.log whole=$dir/Testing/tests.log
rm -f "$log"
# Half of the programs wait for a clock or for each other at some time: under sanitizers, where no
# test says anything about speed, one more than there are processors.
at_once=$(nproc)
if [[ $preset == *san ]]; then at_once=$((at_once + 1)); fi
# Criterion's parent process has been seen to wait when no child was left. A program that does not
# end in its time has a second try, which the tally tells.
ctest --test-dir "$dir" --parallel "$at_once" --output-on-failure --no-tests=error \
    --repeat after-timeout:2 "$@"
status=$?
cp "$log" "$whole"
# Some tests measure real time and real processes on a machine that others may use as well. One or
# two programs that fail are run again, alone; the tally tells what failed at first, and counts a
# program whose first run printed a sanitizer's report as failed, whatever the second says.
if [ $status -ne 0 ] && [ "$(grep -c '^Test Failed\.$' "$whole")" -le 2 ]; then
    # with the same choice of tests: ctest remembers their numbers, which are those of the choice
    ctest --test-dir "$dir" --rerun-failed --output-on-failure --no-tests=error "$@"
    status=$?
    cat "$log" >>"$whole"
fi
python3 tools/check/tally.py "$whole" tools/check/skips-allowed.txt | tee "$dir/totals"
[ "${PIPESTATUS[0]}" -eq 0 ] && [ $status -eq 0 ]
