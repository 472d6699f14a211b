#!/bin/bash
# Sourced by the steps of `make check`. A step prints what it does; its last line is its verdict,
# and "N passed, N failed, N skipped" when it counts tests.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
jobs=$(nproc)
werror=$([ -n "${CI:-}" ] && echo ON || echo OFF)

# configure_and_build PRESET [CMAKE-OPTIONS...] [-- TARGETS...]
configure_and_build() {
    local preset=$1 options=() targets=()
    shift
    while [ $# -gt 0 ] && [ "$1" != "--" ]; do
        options+=("$1")
        shift
    done
    if [ $# -gt 0 ]; then shift; fi
    if [ $# -gt 0 ]; then targets=(--target "$@"); fi
    cmake -DTP_WERROR="$werror" "${options[@]}" --preset "$preset" &&
        cmake --build --preset "$preset" --parallel "$jobs" "${targets[@]}"
}

# verdict STATUS WHAT: the closing line of a step that counts no tests of its own.
verdict() {
    if [ "$1" -eq 0 ]; then
        echo "ok: $2"
    else
        echo "FAIL: $2"
    fi
    exit "$1"
}
