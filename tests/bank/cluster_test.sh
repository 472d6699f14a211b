#!/bin/bash
# The bank over three processes: `bank cluster`, then three nodes as three shells would start them.
# Usage: cluster_test.sh FOLDER-OF-PROGRAMS
set -u
bank="$1/bank"
work=$(mktemp -d) || exit 1
passed=0 failed=0
pids=()
finish() {
    for pid in "${pids[@]}"; do kill -KILL "$pid" 2>/dev/null; done
    rm -rf "$work"
}
trap finish EXIT
help=$("$bank" --help) || { echo "FAIL bank.cluster: $bank does not run"; exit 1; }
if ! grep -q ' cluster ' <<<"$help"; then
    echo "SKIP bank.cluster: built without nodes"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi

check() { # WHAT CONDITION...
    local what=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL bank.cluster: $what"
        tail -5 "$work"/*.out "$work"/*.err 2>/dev/null
    fi
}
run() { # STATUS ARGUMENT...
    local wanted=$1 got
    shift
    timeout 500 "$bank" "$@" >"$work/run.out" 2>"$work/run.err"
    got=$?
    check "bank $*: status $got, not $wanted" [ $got -eq "$wanted" ]
}
json() { # an expression over the JSON object j that was printed last
    check "not true: $1" python3 -c "
import json, sys
j = json.loads(open('$work/run.out').read().splitlines()[-1])
sys.exit(not ($1))"
}
wait_for() { # FILE TEXT
    for _ in $(seq 1 2400); do
        grep -q -e "$2" "$1" 2>/dev/null && return 0
        sleep 0.05
    done
    return 1
}

# ---- usage ----
run 0 cluster --help
run 0 node --help
run 2 cluster --nodes 0
run 2 cluster extra
run 2 node --name x --roles baker
run 2 node --name x --roles ledger --listen tcp://127.0.0.1:0
check "names the missing secret" grep -q -e '--secret-file' "$work/run.err"
run 2 node --name x --roles ledger --plain --listen tcp://127.0.0.1:0 --shard 1 --shards 1
run 1 node --name x --roles ledger --plain --listen tcp://0.0.0.0:0

# ---- three processes, started by one ----
run 0 cluster --nodes 3 --transfers 600 --accounts 20 --clients 4 --seed 7 --json
json "j['conserved'] is True and j['lost_shards'] == 0 and j['unresolved'] == 0"
json "j['transfers'] + j['rejected'] == 600 and j['total_minor'] == 20 * 1000000"
json "j['crossing'] > 0 and j['shards'] == 2 and j['nodes'] == 3 and j['repeated'] > 0"
check "says so" grep -q '^bank: OK$' "$work/run.err"

# ---- three shells ----
head -c 32 /dev/urandom >"$work/secret"
chmod 600 "$work/secret"
cat >"$work/common.conf" <<END
secret-file = $work/secret   # of the cluster
shards = 2
listen = tcp://127.0.0.1:0
END
node() { # NAME ARGUMENT...
    local name=$1
    shift
    "$bank" node --name "$name" --config "$work/common.conf" "$@" \
        >"$work/$name.out" 2>"$work/$name.err" &
    pids+=($!)
}
node bank1 --roles ledger,teller --shard 0
check "bank1 listens" wait_for "$work/bank1.out" 'listening at tcp'
url=$(sed -n 's/.*listening at \(.*\), pid.*/\1/p' "$work/bank1.out")
node bank2 --roles ledger,report --shard 1 --join "$url"
check "bank2 listens" wait_for "$work/bank2.out" 'listening at tcp'
# the client joins the first alone, and hears of the second
run 0 node --name bank3 --config "$work/common.conf" --roles client --join "$url" \
    --accounts 10 --clients 2 --transfers 100 --json
json "j['conserved'] is True and j['crossing'] > 0 and j['report_bytes'] > 0"
# once more, with other ids: the money is where the first has left it
run 0 node --name bank4 --config "$work/common.conf" --roles client --join "$url" \
    --accounts 10 --clients 2 --transfers 100 --seed 2 --json
json "j['conserved'] is True and j['total_minor'] == 10 * 1000000"
kill -TERM "${pids[@]}"
for pid in "${pids[@]}"; do
    wait "$pid"
    check "a node ends in order" [ $? -eq 0 ]
done

echo "$passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
