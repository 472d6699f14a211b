#!/bin/bash
# Two processes over tcp with a secret: the example of the guide; then the server is killed, is
# stopped, and ends in order, and the client must say so, once. Usage: two_processes_test.sh BIN
set -u
program=$1/two-nodes
folder=$(mktemp -d)
passed=0
failed=0
pids=()
finish() {
    for pid in "${pids[@]}"; do kill -KILL "$pid" 2>/dev/null; done
    rm -rf "$folder"
}
trap finish EXIT
head -c 32 /dev/urandom >"$folder/secret"
chmod 600 "$folder/secret"

check() { # WHAT CONDITION...
    local what=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
        echo "ok   two_processes.$what"
    else
        failed=$((failed + 1))
        echo "FAIL two_processes.$what"
        cat "$folder"/*.out "$folder"/*.err
    fi
}
wait_for() { # FILE TEXT
    for _ in $(seq 1 600); do
        grep -q "$2" "$1" 2>/dev/null && return 0
        sleep 0.05
    done
    return 1
}
start_server() {
    rm -f "$folder"/*.out "$folder"/*.err
    "$program" server --secret "$folder/secret" "$@" >"$folder/server.out" 2>"$folder/server.err" &
    server=$!
    pids+=("$server")
    wait_for "$folder/server.out" "listening at" || return 1
    url=$(sed -n 's/listening at //p' "$folder/server.out")
}
start_client() {
    "$program" client --secret "$folder/secret" --join "$url" "$@" \
        >"$folder/client.out" 2>"$folder/client.err" &
    client=$!
    pids+=("$client")
}
is() { [ "$(grep -c "$2" "$1")" = "$3" ]; }

check starts start_server
start_client
check calls wait_for "$folder/client.out" "the total is 55"
kill -KILL "$server"
check killed wait_for "$folder/client.out" "the adder is gone: noconnection"
wait "$client"
check client_ends_well [ $? = 0 ]
check once is "$folder/client.out" "is gone" 1

start_server --heartbeat-ms 500
start_client --heartbeat-ms 500
check calls_again wait_for "$folder/client.out" "the total is 55"
kill -STOP "$server"
check stopped wait_for "$folder/client.out" "the adder is gone: noconnection"
kill -CONT "$server"
wait "$client"
start_client # the server that was woken serves on
check woken wait_for "$folder/client.out" "the total is 110"
kill -TERM "$server"
check ended_in_order wait_for "$folder/client.out" "the adder is gone: shutdown"
wait "$server"
check server_ends_well [ $? = 0 ]

start_server
head -c 32 /dev/urandom >"$folder/other"
chmod 600 "$folder/other"
check another_secret is <("$program" client --secret "$folder/other" --join "$url" 2>&1) "refused" 1
chmod 644 "$folder/other"
check a_readable_secret is <("$program" client --secret "$folder/other" --join "$url" 2>&1) \
    "secret_file: .*chmod 600" 1
start_client
check serves_on wait_for "$folder/client.out" "the total is 55"

echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
