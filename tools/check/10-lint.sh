#!/bin/bash
# The lints on the tree, and each lint on a planted violation that it must find.
source "$(dirname "$0")/common.sh"
passed=0 failed=0
for part in tools/lint/run.sh tests/lint/run.sh; do
    bash $part 2>&1 | tee build/check/lint.part
    read -r good _ bad _ <<<"$(tail -n 1 build/check/lint.part | tr -d ,)"
    passed=$((passed + good)) failed=$((failed + bad))
done
echo "$passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
