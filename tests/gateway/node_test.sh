#!/bin/bash
# The client in JavaScript, from Node.js. Usage: node_test.sh FOLDER_OF_PROGRAMS
set -u
here=$(cd "$(dirname "$0")" && pwd)
if ! command -v node >/dev/null; then
    echo "SKIP gateway.node: there is no node here (Debian: nodejs)"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
exec node "$here/node.mjs" "$1/gateway_peer"
