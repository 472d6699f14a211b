#!/bin/bash
# The whole suite under AddressSanitizer, LeakSanitizer and UBSan.
source "$(dirname "$0")/common.sh"
configure_and_build asan -DTP_TEST_RUNNER=forked || verdict 1 "build"
bash tools/check/ctest.sh asan
