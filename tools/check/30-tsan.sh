#!/bin/bash
# The whole suite under ThreadSanitizer, on the in-process runner.
source "$(dirname "$0")/common.sh"
configure_and_build tsan || verdict 1 "build"
bash tools/check/ctest.sh tsan
