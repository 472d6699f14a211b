#!/bin/bash
# bench/compare.py on made-up runs: noise passes, a regression beyond it and a lost name fail.
set -u
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

run() { # FILE UNIT VALUES
    printf '{"format":1,"machine":{"cpu":"x","cpus":2},"results":[{"name":"a","runtime":"troupe",
    "workers":1,"unit":"%s","values":[%s]}]}' "$2" "$3" >"$work/$1"
}
expect() { # STATUS WORD OLD NEW
    python3 bench/compare.py "$work/$3" "$work/$4" >"$work/out" 2>&1
    local status=$?
    if [ $status -ne "$1" ] || ! grep -q "$2" "$work/out"; then
        echo "FAIL $3 against $4: status $status, wanted $1 and the word $2"
        cat "$work/out"
        failed=1
    fi
}

run old ns/hop 20,21,22
run noisy ns/hop 21,24,26
run slow ns/hop 24,25,26
run fast ns/hop 15,16,17
run near ns/hop 22.01,22.02,22.03
run rate Mmsg/s 50,52,54
run lower Mmsg/s 40,42,44
run higher Mmsg/s 60,62,64
printf '{"format":1,"machine":{"cpu":"x","cpus":2},"results":[]}' >"$work/empty"
expect 0 same old old
expect 0 same old noisy
expect 1 WORSE old slow
expect 0 better old fast
expect 0 same old near
expect 1 WORSE rate lower
expect 0 better rate higher
expect 1 MISSING old empty
python3 bench/compare.py --json "$work/old" "$work/slow" >"$work/out"
if ! grep -q '"failed": 1' "$work/out"; then
    echo "FAIL --json does not count the regression"
    failed=1
fi
exit $failed
