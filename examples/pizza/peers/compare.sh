#!/bin/bash
# The same load on bare epoll (one loop and one a CPU), the actors, Erlang and Go, in turns, with
# the middle of the rounds for each. Peers that are not installed are left out.
# Usage: compare.sh [CONNECTIONS [MS [ROUNDS]]]
set -u
cd "$(dirname "$0")/../../.." || exit 1
bin=build/release/bin
connections=${1:-10000} ms=${2:-3000} rounds=${3:-3}
work=$(mktemp -d) || exit 1
server=0
end() {
    if [ $server -ne 0 ]; then kill "$server" 2>/dev/null; fi
    rm -rf "$work"
}
trap end EXIT
ulimit -n "$(ulimit -Hn)"

peers=(reactor reactors actors)
if command -v erlc >/dev/null && erlc -o "$work" examples/pizza/peers/pizza.erl; then
    peers+=(erlang)
fi
if command -v go >/dev/null &&
    GOCACHE="$work/go" GO111MODULE=off go build -o "$work/pizza-go" \
        examples/pizza/peers/pizza.go; then
    peers+=(go)
fi

start() {
    case $1 in
    reactor) exec $bin/pizza --model reactor --port 0 ;;
    reactors) exec $bin/pizza --model reactor --workers "$(nproc)" --port 0 ;;
    actors) exec $bin/pizza --model actors --kitchen 0 --port 0 ;;
    erlang) exec erl +Q 65536 -noshell -noinput -pa "$work" -run pizza main 0 ;;
    go) exec "$work/pizza-go" 0 ;;
    esac
}

# one PEER: a line "PEER RATE P50 P99 BYTES" is added to the results.
one() {
    : >"$work/said"
    start "$1" >"$work/said" 2>"$work/errors" &
    server=$!
    for _ in $(seq 100); do
        if grep -q listening "$work/said"; then break; fi
        sleep 0.1
    done
    port=$(sed -n 's/^listening on //p' "$work/said")
    "$bin/pizza-load" --port "$port" --connections "$connections" --ms "$ms" --pid $server \
        --idle-ms 500 --json >"$work/load" || echo "$1: some answers were wrong" >&2
    tail -1 "$work/load" | python3 -c '
import json, sys
figures = {f["name"]: f["value"] for f in json.load(sys.stdin)["figures"]}
print(sys.argv[1], figures["requests"], figures["p50"] / 1000, figures["p99"] / 1000,
      figures["memory per connection"], figures["CPU when idle"])' "$1" >>"$work/results"
    kill $server 2>/dev/null
    wait $server 2>/dev/null
    server=0
}

for _ in $(seq "$rounds"); do
    for peer in "${peers[@]}"; do one "$peer"; done
done
python3 - "$work/results" "${peers[@]}" <<'END'
import statistics
import sys

rows = [line.split() for line in open(sys.argv[1])]
print(f"{'':10} {'requests/s':>10} {'p50 ms':>8} {'p99 ms':>8} {'B/conn':>8} {'idle %':>7}")
for peer in sys.argv[2:]:
    mine = [[float(x) for x in row[1:]] for row in rows if row[0] == peer]
    rate, p50, p99, memory, idle = (statistics.median(column) for column in zip(*mine))
    print(f"{peer:10} {rate:10.0f} {p50:8.1f} {p99:8.1f} {memory:8.0f} {idle:7.1f}")
END
