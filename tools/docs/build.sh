#!/bin/bash
# The API reference into build/docs/html and the picture of the rooms into docs/architecture.svg.
# --check: Doxygen must have nothing to say, and the picture must be the kept one.
set -u
cd "$(dirname "$0")/../.." || exit 1
mkdir -p build/docs
status=0
if ! doxygen docs/Doxyfile 2>build/docs/all-warnings; then status=1; fi
# A field may be explained by the comment of its struct.
grep -vE '\(variable\) of struct \w+ is not documented' build/docs/all-warnings >build/docs/warnings
if [ -s build/docs/warnings ]; then
    cat build/docs/warnings
    echo "doxygen: FAIL, $(wc -l <build/docs/warnings) lines of warnings"
    status=1
else
    echo "doxygen: ok, build/docs/html/index.html"
fi
if [ "${1:-}" = "--check" ]; then
    python3 tools/docs/architecture.py --check || status=1
    exit $status
fi
python3 tools/docs/architecture.py
