#!/bin/bash
# The bank over real networks: four hosts, each a network namespace with an address of its own,
# joined by a switch (another namespace), talking TLS with the cluster's secret inside. While
# money moves, one host is unplugged for longer than the heartbeat and plugged in again; then a
# client says the verdict.
# Needs root, ip and openssl; nothing of this machine's own network is touched, and nothing stays.
# Usage: hosts.sh [FOLDER-OF-PROGRAMS] [TRANSFERS]
set -u
bin=${1:-build/release/bin} transfers=${2:-20000}
name=bank$$ work=$(mktemp -d) || exit 1
hosts=(1 2 3 4) pids=()
skip() {
    echo "SKIP bank.hosts: $1"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
}
clean() {
    [ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null
    wait
    for host in switch "${hosts[@]}"; do ip netns del "$name-$host" 2>/dev/null; done
    rm -rf "$work"
}
fail() {
    echo "FAIL bank.hosts: $1"
    tail -n 5 "$work"/*.log
    echo "0 passed, 1 failed, 0 skipped"
    exit 1
}
trap clean EXIT
trap 'exit 1' INT TERM

command -v ip >/dev/null && command -v openssl >/dev/null || skip "there is no ip or openssl here"
ip netns add "$name-switch" 2>/dev/null || skip "network namespaces cannot be made here"
on() { # HOST COMMAND...
    ip netns exec "$name-$1" "${@:2}"
}

# ---- the network ----
{
    on switch ip link add name bridge type bridge && on switch ip link set bridge up ||
        skip "a bridge cannot be made here"
    for host in "${hosts[@]}"; do
        ip netns add "$name-$host" &&
            ip link add "p$host" netns "$name-switch" type veth \
                peer name eth0 netns "$name-$host" &&
            on switch ip link set "p$host" master bridge up &&
            on "$host" ip link set lo up && on "$host" ip link set eth0 up &&
            on "$host" ip address add "10.77.0.$host/24" dev eth0 ||
            skip "host $host cannot be connected here"
    done
} 2>"$work/network.log"

# ---- who may talk: a secret, and a certificate for each host ----
{
    cd "$work" && head -c 32 /dev/urandom >secret &&
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
            -subj /CN=authority -keyout authority.key -out authority.pem
    for host in "${hosts[@]}"; do
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=bank.example \
            -keyout "$host.key" -out "$host.csr" &&
            openssl x509 -req -in "$host.csr" -CA authority.pem -CAkey authority.key \
                -CAcreateserial -days 2 -out "$host.pem" ||
            fail "no certificate for host $host"
    done
    chmod 600 secret ./*.key
    cd - >/dev/null || exit 1
} >"$work/openssl.log" 2>&1

# ---- the nodes ----
node() { # HOST ROLES OPTION...
    local host=$1 roles=$2
    shift 2
    # exec: the shell in the background becomes the node, so that to end one is to end the other
    exec ip netns exec "$name-$host" "$bin/bank" node --name "bank$host" --roles "$roles" \
        --shards 2 --workers 2 --heartbeat-ms 1500 --secret-file "$work/secret" \
        --tls-certificate "$work/$host.pem" --tls-key "$work/$host.key" \
        --tls-authority "$work/authority.pem" --tls-name bank.example \
        --listen "tls+tcp://10.77.0.$host:7100" "$@"
}
join=(--join tls+tcp://10.77.0.1:7100)
node 1 ledger,teller --shard 0 >"$work/1.log" 2>&1 & pids+=($!)
node 2 ledger,teller,report --shard 1 "${join[@]}" >"$work/2.log" 2>&1 & pids+=($!)
node 3 teller,report "${join[@]}" >"$work/3.log" 2>&1 & pids+=($!)
node 4 client "${join[@]}" --transfers "$transfers" --json >"$work/verdict" 2>"$work/4.log" &
client=$!
echo "bank over 4 hosts, TLS: $transfers transfers"

# ---- host 3 is unplugged, and plugged in again ----
sleep 2
on switch ip link set p3 down
sleep 5
on switch ip link set p3 up

timeout 600 tail --pid=$client -f /dev/null || fail "the client did not end"
wait $client
status=$?
cat "$work/verdict"
[ $status -eq 0 ] || fail "status $status"
tail -n 1 "$work/verdict" | grep -q '"conserved":true' || fail "the money is not conserved"
echo "bank: OK"
echo "1 passed, 0 failed, 0 skipped"
