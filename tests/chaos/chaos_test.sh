#!/bin/bash
# Two processes with the chaos proxy between them: every message once or noconnection once, whatever
# happens to the bytes. Usage: chaos_test.sh FOLDER-OF-PROGRAMS [heavy]
set -u
talker=$1/chaos_talker
bank=$1/bank
heavy=${2:-}
here=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d) || exit 1
passed=0 failed=0 pids=()
finish() {
    for pid in "${pids[@]}"; do kill -KILL "$pid" 2>/dev/null; done
    rm -rf "$work"
}
trap finish EXIT

verdict() { # NAME STATUS
    if [ "$2" -eq 0 ]; then
        passed=$((passed + 1))
        echo "ok   chaos.$1"
    else
        failed=$((failed + 1))
        echo "FAIL chaos.$1"
        tail -n 5 "$work"/*.out "$work"/*.err
    fi
}
start() { # NAME COMMAND...: in the background; waits for its address, which goes to $url
    local name=$1
    shift
    "$@" >"$work/$name.out" 2>"$work/$name.err" &
    started=$!
    pids+=("$started")
    for _ in $(seq 1 1200); do
        url=$(sed -n 's/.*listen[a-z]* at \([a-z+]*:[^ ,]*\).*/\1/p' "$work/$name.out")
        [ -n "$url" ] && return 0
        sleep 0.05
    done
    return 1
}
stop() { # PID: in order
    kill -TERM "$1" 2>/dev/null
    wait "$1" 2>/dev/null
}
is() { # FILE EXPRESSION over the last line's object
    python3 -c "
import json, sys
j = json.loads(open(sys.argv[1]).read().splitlines()[-1])
sys.exit(not ($2))" "$1"
}

# talk NAME EXPRESSION-OF-THE-PROXY MESSAGES FAULT...
talk() {
    local name=$1 expression=$2 messages=$3 server proxy status
    shift 3
    rm -f "$work"/*.out "$work"/*.err
    start server "$talker" server tcp://127.0.0.1:0 || { verdict "$name" 1; return; }
    server=$started
    start proxy "$here/tools/chaos/troupe-chaos" --to "$url" "$@" || { verdict "$name" 1; return; }
    proxy=$started
    timeout 280 "$talker" client "$url" "$messages" >"$work/client.out" 2>"$work/client.err"
    status=$?
    stop "$proxy"
    stop "$server"
    [ $status -eq 0 ] && is "$work/client.out" "j['verdict'] == 'ok' and j['answered'] > 0" &&
        is "$work/proxy.out" "$expression"
    verdict "$name" $?
}

# The client's node reaches the bank through the proxy only: the money is conserved.
bank_through_the_proxy() {
    local name=bank proxy server status
    rm -f "$work"/*.out "$work"/*.err
    head -c 32 /dev/urandom >"$work/secret" && chmod 600 "$work/secret"
    start server "$bank" node --name bank1 --roles ledger,teller,report \
        --secret-file "$work/secret" \
        --listen tcp://127.0.0.1:0 --heartbeat-ms 2000 || { verdict $name 1; return; }
    server=$started
    start proxy "$here/tools/chaos/troupe-chaos" --to "$url" --reset 40000 --flip 90000 \
        --half-close 300000 --stall 100000 200 --faults 30 || { verdict $name 1; return; }
    proxy=$started
    timeout 280 "$bank" node --name client1 --roles client --secret-file "$work/secret" \
        --join "$url" --hidden --heartbeat-ms 2000 --transfers 5000 --json >"$work/client.out" \
        2>"$work/client.err"
    status=$?
    stop "$proxy"
    stop "$server"
    [ $status -eq 0 ] && is "$work/client.out" "j['conserved'] is True" &&
        is "$work/proxy.out" "j['reset'] >= 5"
    verdict $name $?
}

if [ -z "$heavy" ]; then
    talk reset_and_again "j['reset'] >= 1 and j['again'] >= 1" 800 --reset 9000 --again --faults 5
    talk flip_and_replay "j['flip'] + j['replay'] >= 1" 800 --flip 15000 --replay 15000 --faults 4
    talk half_close "j['half_close'] == 1" 800 --half-close 9000 --faults 1
else
    for seed in 1 2 3; do
        talk "everything_$seed" "sum(j[k] for k in
            ('reset', 'half_close', 'replay', 'flip', 'stall')) >= 10" 6000 --seed $seed \
            --reset 60000 --flip 90000 --replay 90000 --half-close 200000 --stall 80000 300 \
            --delay-ms 0-1 --faults 20
    done
    talk stall "j['stall'] == 4" 3000 --stall 20000 4000 --faults 4
    bank_through_the_proxy
    talk slow "j['bytes'] > 50000" 1500 --rate 40000
fi
echo "$passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
