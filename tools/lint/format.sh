#!/bin/bash
# clang-format over the C sources: --check (default) counts what differs, --fix rewrites.
# Usage: format.sh [--check|--fix] [ROOT]
set -u
cd "${2:-$(dirname "$0")/../..}" || exit 1
mapfile -t files < <(find include core transport actors examples bench tests docs/guide tools \
    -path tests/lint/planted -prune -o -name '*.[ch]' -print 2>/dev/null |
    sort)
if [ "${1:-}" = "--fix" ]; then
    python3 tools/lint/reflow.py "${files[@]}" && clang-format -i "${files[@]}"
    exit
fi
bad=0
for file in "${files[@]}"; do
    if ! clang-format --dry-run --Werror "$file" 2>/dev/null; then
        echo "$file:1: not as clang-format would write it (make format)"
        bad=$((bad + 1))
    fi
done
if [ $bad -gt 0 ]; then
    echo "format: FAIL, $bad files"
    exit 1
fi
echo "format: ok (${#files[@]} files)"
