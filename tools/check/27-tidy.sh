#!/bin/bash
# clang-tidy over the library, the bank and the programs, with the compile commands of the ubsan
# preset. The analyzer's shallow mode takes a third of the time; TIDY_DEEP=1 lets it go all the way.
source "$(dirname "$0")/common.sh"
cmake --preset ubsan >/dev/null || verdict 1 "configure"
mode=(--extra-arg=-Xclang --extra-arg=-analyzer-config --extra-arg=-Xclang --extra-arg=mode=shallow)
if [ -n "${TIDY_DEEP:-}" ]; then mode=(); fi
find core actors transport examples bench -name '*.c' 2>/dev/null | sort |
    xargs -P "$jobs" -n 4 clang-tidy --quiet -p build/ubsan "${mode[@]}" 2>/dev/null
verdict $? "clang-tidy"
