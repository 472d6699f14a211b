#!/bin/bash
# bank serve, asked over HTTP.
# Usage: serve_test.sh FOLDER-OF-PROGRAMS
set -u
exec python3 "$(dirname "$0")/serve_test.py" "$1/bank"
