#!/bin/bash
# What other people's programs say about ours: every tests/oracle/*.sh gets the folder of the
# programs.
source "$(dirname "$0")/common.sh"
configure_and_build release || verdict 1 "build"
passed=0 failed=0
for script in tests/oracle/*.sh; do
    if bash "$script" build/release/bin; then
        passed=$((passed + 1))
    else
        echo "FAIL $script"
        failed=$((failed + 1))
    fi
done
if [ $((passed + failed)) -eq 0 ]; then verdict 1 "there is no oracle to ask"; fi
echo "$passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
