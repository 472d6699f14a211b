#!/bin/bash
# Install, then build and run a consumer against it: C and C++20, gcc and clang, three ways to find
# us.
source "$(dirname "$0")/common.sh"
bash tests/package/run.sh
