#!/bin/bash
# The heavy tests in the release build: stress, 10^6 actors.
source "$(dirname "$0")/common.sh"
configure_and_build release -DTP_TEST_RUNNER=criterion || verdict 1 "build"
bash tools/check/ctest.sh release --label-regex heavy
