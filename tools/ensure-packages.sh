#!/bin/bash
# Installs what is missing of the named package lists (tools/packages/NAME.txt), and says so. When
# nothing is missing it does nothing and asks apt for nothing.
# Usage: ensure-packages.sh build|test|check...
set -eu
cd "$(dirname "$0")"

wanted=()
for list in "$@"; do
    while read -r name; do
        if [ -n "$name" ]; then wanted+=("$name"); fi
    done <"packages/$list.txt"
done

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "packages: this is no Debian system; needed here are (Debian's names): ${wanted[*]}"
    exit 0
fi

missing=()
for name in "${wanted[@]}"; do
    state=$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null || true)
    if [ "$state" != "installed" ]; then missing+=("$name"); fi
done
if [ ${#missing[@]} -eq 0 ]; then exit 0; fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "packages: missing, and there is no sudo here. As root, run:" >&2
        echo "  apt-get install --no-install-recommends ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi
echo "packages: installing ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! "${as_root[@]}" apt-get update -qq >"$log" 2>&1 ||
    ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
        --no-install-recommends "${missing[@]}" >"$log" 2>&1; then
    cat "$log" >&2
    echo "packages: apt-get could not install ${missing[*]}" >&2
    exit 1
fi
echo "packages: done"
