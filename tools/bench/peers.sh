#!/bin/bash
# Builds the peers (Erlang, Go, CAF) into build/bench/peers/RUNTIME/run. A peer whose compiler or
# library is missing, or that does not build, is named and left out; that is no failure.
set -u
cd "$(dirname "$0")/../.." || exit 1
out=$PWD/build/bench/peers
mkdir -p "$out"/{erlang,go,caf}

left_out() { # RUNTIME WHY
    rm -f "$out/$1/run"
    echo "peers: $1 is left out: $2" >&2
}
build() { # RUNTIME COMMAND...
    local name=$1
    shift
    if "$@" >"$out/$name/log" 2>&1; then return 0; fi
    left_out "$name" "it does not build, see build/bench/peers/$name/log"
    return 1
}
stale() { # RUNTIME SOURCE...
    local run=$out/$1/run
    shift
    for source in "$@"; do
        if [ ! -e "$run" ] || [ "$source" -nt "$run" ]; then return 0; fi
    done
    return 1
}
go_build() {
    cd bench/peers/go && GO111MODULE=off GOCACHE="$out/go/cache" CGO_ENABLED=0 \
        go build -o "$out/go/run" ./*.go
}

if ! command -v erlc >/dev/null; then
    left_out erlang "the package erlang-base is missing"
elif stale erlang bench/peers/erlang/*; then
    build erlang erlc -o "$out/erlang" bench/peers/erlang/peers.erl &&
        cp bench/peers/erlang/run.sh "$out/erlang/run" && chmod +x "$out/erlang/run"
fi
if ! command -v go >/dev/null; then
    left_out go "the package golang-go is missing"
elif stale go bench/peers/go/*.go; then
    (build go go_build)
fi
if ! command -v g++ >/dev/null || ! [ -e /usr/include/caf/all.hpp ]; then
    left_out caf "the packages libcaf-dev and g++ are needed"
elif stale caf bench/peers/caf/*.cpp; then
    build caf g++ -std=c++17 -O3 -DNDEBUG -o "$out/caf/run" bench/peers/caf/peers.cpp \
        -lcaf_core -pthread
fi
exit 0
