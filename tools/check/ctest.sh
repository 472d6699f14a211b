#!/bin/bash
# Runs the tests of a preset that is already built; shows progress, then the totals.
# Usage: ctest.sh PRESET CTEST-OPTIONS...
set -u
cd "$(dirname "$0")/../.." || exit 1
preset=$1
shift
dir=build/$preset
rm -f "$dir/Testing/Temporary/LastTest.log"
# Criterion's parent process has been seen to wait when no child was left. A program that does not
# end in its time has a second try, which the tally tells; one that fails has none.
ctest --test-dir "$dir" --parallel "$(nproc)" --output-on-failure --no-tests=error \
    --repeat after-timeout:2 "$@"
status=$?
python3 tools/check/tally.py "$dir/Testing/Temporary/LastTest.log" tools/check/skips-allowed.txt |
    tee "$dir/totals"
[ "${PIPESTATUS[0]}" -eq 0 ] && [ $status -eq 0 ]
