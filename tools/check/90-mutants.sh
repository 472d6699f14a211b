#!/bin/bash
# Planted bugs, one at a time: the tests must find each.
source "$(dirname "$0")/common.sh"
bash tools/mutants/run.sh --jobs "$jobs"
verdict $? "mutants"
