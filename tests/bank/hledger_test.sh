#!/bin/bash
# The export, read by hledger and by ledger: all their balances are compared with those of the
# account actors.
# Usage: hledger_test.sh FOLDER-OF-PROGRAMS [FOLDER-OF-DATA]
# Without a folder: the samples, and BERKA_DIR if it is set (else that part is skipped).
set -u
bank="$1/bank"
data="$(cd "$(dirname "$0")/../../examples/bank/testdata" && pwd)"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0
export LC_ALL=C.UTF-8

skip() {
    echo "SKIP $1: $2"
    skipped=$((skipped + 1))
}

# "NAME,AMOUNT" lines, sorted, amounts with two decimals, no zero balances.
hledger_balances() {
    hledger -f "$1" balance --flat --no-total -O csv | python3 -c '
import csv, sys
for name, amount in list(csv.reader(sys.stdin))[1:]:
    number = float(amount.split()[0].replace(",", ""))
    if name.startswith("Accounts:"): print(f"{name},{amount.split()[0]}")'
}
ledger_balances() {
    ledger -f "$1" balance --flat --no-total --format '%(account),%(display_total)\n' '^Accounts:' |
        sed 's/ CZK$//'
}
normal() {
    python3 -c '
import sys
from decimal import Decimal
for line in sys.stdin:
    name, amount = line.strip().split(",")
    amount = Decimal(amount)
    if amount: print(f"{name},{amount:.2f}")' | sort
}

# compare TOOL FORMAT PATH: every balance that TOOL finds is that of the account actor.
compare() {
    local count
    "$bank" export --format ledger --from "$2" "$3" >"$work/journal" 2>"$work/err" &&
        "$bank" replay --format "$2" "$3" --balances "$work/balances" >"$work/out" 2>>"$work/err"
    if [ $? -ne 0 ]; then
        cat "$work/err"
        failed=$((failed + 1))
        return
    fi
    normal <"$work/balances" >"$work/ours"
    "$1_balances" "$work/journal" | normal >"$work/theirs"
    count=$(wc -l <"$work/ours")
    if [ "$count" -gt 0 ] && diff "$work/ours" "$work/theirs" >"$work/diff"; then
        echo "ok   $1: $count balances of $3"
        passed=$((passed + 1))
    else
        echo "FAIL bank.$1: $3: $(grep -c '^[<>]' "$work/diff") lines differ"
        head -5 "$work/diff"
        failed=$((failed + 1))
    fi
}

for tool in hledger ledger; do
    if ! command -v $tool >/dev/null; then
        skip "bank.$tool" "$tool is not installed"
        continue
    fi
    if [ -n "${2:-}" ]; then
        compare $tool berka "$2"
        continue
    fi
    compare $tool berka "$data/berka"
    compare $tool csv "$data/history.csv"
    if [ -n "${BERKA_DIR:-}" ] && [ -f "$BERKA_DIR/trans.asc" ]; then
        compare $tool berka "$BERKA_DIR"
    else
        skip bank.berka "BERKA_DIR names no folder with trans.asc"
    fi
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
