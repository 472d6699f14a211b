#!/bin/bash
# `make mutants`: plants one bug at a time in a copy of the tree and shows that the tests find it.
# Arguments: see `tools/mutants/run.sh --help`.
cd "$(dirname "$0")/../.." || exit 1
exec python3 tools/mutants/mutants.py "$@"
