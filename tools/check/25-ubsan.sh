#!/bin/bash
# The functional tests under clang's UBSan: another compiler, another set of warnings.
source "$(dirname "$0")/common.sh"
configure_and_build ubsan -DTP_TEST_RUNNER=forked || verdict 1 "build"
bash tools/check/ctest.sh ubsan --label-regex quick
