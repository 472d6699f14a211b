#!/bin/bash
# Every lint on the tree; one verdict line each, then the totals.
set -u
cd "$(dirname "$0")/../.." || exit 1
passed=0 failed=0

lint() {
    if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}

# The symbols are read from the library itself.
if [ ! -f build/release/build.ninja ]; then cmake --preset release >/dev/null || exit 1; fi
cmake --build --preset release --parallel "$(nproc)" --target troupe >/dev/null ||
    echo "FAIL: the library does not build"

for name in layers doors docs orders tidy symbols; do
    lint python3 "tools/lint/$name.py"
done
lint bash tools/lint/format.sh
lint python3 tools/docs/architecture.py --check
echo "$passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
