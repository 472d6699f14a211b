#!/bin/bash
# The guide's example, from Node.js. Usage: example_test.sh FOLDER_OF_PROGRAMS
set -u
here=$(cd "$(dirname "$0")" && pwd)
if ! command -v node >/dev/null; then
    echo "SKIP gateway.example: there is no node here (Debian: nodejs)"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
exec node "$here/example.mjs" "$1/browser" "$here/../.."
