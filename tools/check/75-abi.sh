#!/bin/bash
# The ABI of the shared library against the one kept in tests/package/troupe.abi.
source "$(dirname "$0")/common.sh"
configure_and_build release -- troupe || verdict 1 "build"
bash tests/package/abi.sh
verdict $? "ABI"
