#!/bin/bash
# clang-tidy over the library, the bank and the programs, with the compile commands of the ubsan
# preset.
source "$(dirname "$0")/common.sh"
cmake --preset ubsan >/dev/null || verdict 1 "configure"
find core actors transport examples bench -name '*.c' 2>/dev/null | sort |
    xargs -P "$jobs" -n 4 clang-tidy --quiet -p build/ubsan 2>/dev/null
verdict $? "clang-tidy"
