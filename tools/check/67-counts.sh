#!/bin/bash
# Instructions an operation, counted by callgrind, beside the stored ones (bench/counts.json).
source "$(dirname "$0")/common.sh"
configure_and_build release -- troupe-bench || verdict 1 "build"
python3 tools/bench/counts.py --check
