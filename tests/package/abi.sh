#!/bin/bash
# Compares the ABI of the release library with the kept one; --update keeps the present one.
set -u
cd "$(dirname "$0")/../.." || exit 1
library=build/release/lib/libtroupe.so
kept=tests/package/troupe.abi
dump() { # FILE
    abidw --headers-dir include/troupe --drop-private-types --no-show-locs --no-corpus-path \
        --no-comp-dir-path --type-id-style hash --out-file "$1" "$(readlink -f "$library")" &&
        sed -i "s#path='$PWD/#path='../../#" "$1" # as a compiler's cache would have it
}
if [ "${1:-}" = "--update" ]; then
    dump "$kept" && echo "abi: kept in $kept"
    exit
fi
if [ ! -f "$kept" ]; then
    echo "FAIL: there is no $kept (tests/package/abi.sh --update makes it)"
    exit 1
fi
now=$(mktemp)
trap 'rm -f "$now"' EXIT
dump "$now" || exit 1
if abidiff --no-show-locs "$kept" "$now"; then
    echo "abi: unchanged"
else
    echo "FAIL: the ABI changed; when that is meant, say so in CHANGELOG.md and run" \
        "tests/package/abi.sh --update"
    exit 1
fi
