#!/bin/bash
# The wire as somebody else would write it: an implementation in JavaScript, made from
# docs/wire-protocol.md alone, comes to the bytes of docs/wire-protocol.json; and that file is what
# our code prints today. Usage: wire_test.sh FOLDER_OF_PROGRAMS
set -u -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
vectors=$here/../../docs/wire-protocol.json
if ! difference=$("$1/wire_vectors" | diff -u "$vectors" -); then
    echo "$difference" | head -n 20
    echo "FAIL: docs/wire-protocol.json is not what the code makes of the same inputs"
    exit 1
fi
if ! command -v node >/dev/null; then
    echo "skipped: wire_test.sh: there is no node here (Debian: nodejs)"
    exit 0
fi
exec node "$here/wire.mjs" "$vectors"
