#!/bin/bash
# The API reference builds without a warning; the picture of the rooms is the one the includes give.
source "$(dirname "$0")/common.sh"
bash tools/docs/build.sh --check
verdict $? "API reference and architecture picture"
