#!/bin/bash
# The Spin models: complete search, and every planted bug found.
source "$(dirname "$0")/common.sh"
bash tests/models/run.sh
verdict $? "models"
