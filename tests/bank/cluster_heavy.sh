#!/bin/bash
# The bank over five processes while nodes are killed and stopped and ledger actors crash: the money
# is conserved; and with a ledger's process killed, nobody claims to know.
# Usage: cluster_heavy.sh FOLDER-OF-PROGRAMS
set -u
bank="$1/bank"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
passed=0 failed=0
help=$("$bank" --help) || { echo "FAIL bank.cluster: $bank does not run"; exit 1; }
if ! grep -q ' cluster ' <<<"$help"; then
    echo "SKIP bank.cluster: built without nodes"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
run() { # STATUS EXPRESSION ARGUMENT...
    local wanted=$1 expression=$2 got
    shift 2
    timeout 900 "$bank" cluster --json "$@" >"$work/out" 2>"$work/err"
    got=$?
    if [ $got -eq "$wanted" ] && python3 -c "
import json, sys
j = json.loads(open('$work/out').read().splitlines()[-1])
sys.exit(not ($expression))"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL bank.cluster: bank cluster $*: status $got, not $wanted; or not: $expression"
        tail -n 5 "$work/out" "$work/err"
    fi
}
run 0 "j['conserved'] is True and j['transfers'] + j['rejected'] == 200000" \
    --nodes 5 --transfers 200000
run 0 "j['conserved'] is True and j['transfers'] + j['rejected'] == 4000" \
    --nodes 20 --workers 1 --transfers 4000
for seed in 1 2; do
    run 0 "j['conserved'] is True and j['killed'] > 0 and j['stopped'] > 0 and
        j['ledger_restarts'] > 0 and j['lost_shards'] == 0" \
        --nodes 5 --transfers 20000 --kill 6 --crash-one-in 1000 --seed $seed
done
run 3 "j['conserved'] is None and j['lost_shards'] >= 1 and j['restarts'] >= 1" \
    --nodes 5 --transfers 20000 --kill-ledger 1 --seed 1
echo "$passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
