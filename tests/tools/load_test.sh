#!/bin/bash
# pizza-load against servers of the story: right answers, wrong ones, nobody there.
# Usage: load_test.sh FOLDER-OF-PROGRAMS
set -u
bin=$1
work=$(mktemp -d) || exit 1
server=0
end() {
    if [ $server -ne 0 ]; then kill "$server" 2>/dev/null; fi
    rm -rf "$work"
}
trap end EXIT
passed=0 failed=0

# check WHAT STATUS PATTERN ARGUMENT...: runs pizza-load; its last line must match.
check() {
    local what=$1 wanted=$2 pattern=$3 got
    shift 3
    timeout 500 "$bin/pizza-load" "$@" --json >"$work/out" 2>"$work/err"
    got=$?
    if [ $got -eq "$wanted" ] && tail -1 "$work/out" | grep -q -e "$pattern"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL load: $what: status $got, not $wanted, or no '$pattern'"
        sed 's/^/    /' "$work/out" "$work/err" | tail -9
    fi
}

# serve PROGRAM ARGUMENT...: starts a server and waits for its port.
serve() {
    "$bin/$1" "${@:2}" --port 0 >"$work/said" 2>/dev/null &
    server=$!
    for _ in $(seq 300); do
        port=$(sed -n 's/^listening on //p' "$work/said")
        if [ -n "$port" ]; then return; fi
        sleep 0.1
    done
    echo "FAIL load: $1 does not start"
    exit 1
}
stop() {
    kill $server
    wait $server 2>/dev/null
    server=0
}

serve pizza --model actors
check "the pizza service" 0 '"ok":true' \
    --port "$port" --connections 20 --ms 200 --pid $server \
    --idle-ms 50
check "its figures" 0 '"name":"p99.9"' \
    --port "$port" --connections 3 --ms 100
check "a wrong reply is seen" 1 '"every answer is right","ok":false' \
    --port "$port" --connections 2 --ms 100 --request 13
check "any reply will do" 0 '"ok":true' \
    --port "$port" --connections 2 --ms 100 --request 13 --reply ""
stop
serve fib --model actors
check "the Fibonacci server" 0 '"ok":true' \
    --port "$port" --connections 5 --ms 100 --request 10 --reply 55
stop
check "nobody there" 1 '"all connections are open","ok":false' \
    --port "$port" --connections 2 --ms 100

echo "$passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
