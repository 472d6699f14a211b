#!/bin/bash
# Runs every command of `bank` and checks its exit status, its output and its errors.
# Usage: cli_test.sh FOLDER-OF-PROGRAMS
# BERKA_DIR=... adds the real data set; without it that part is skipped.
set -u
bank="$1/bank"
data="$(cd "$(dirname "$0")/../../examples/bank/testdata" && pwd)"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0

ok() { passed=$((passed + 1)); }
fail() {
    failed=$((failed + 1))
    echo "FAIL bank.cli: $*"
    sed 's/^/    out: /' "$work/out" | tail -5
    sed 's/^/    err: /' "$work/err" | tail -5
}

# run STATUS ARGUMENT...: runs the program; its output is in $work/out and $work/err.
run() {
    local wanted=$1 got
    shift
    what="bank $*"
    timeout 500 "$bank" "$@" >"$work/out" 2>"$work/err"
    got=$?
    if [ $got -eq "$wanted" ]; then ok; else fail "$what: status $got, not $wanted"; fi
}
out() { if grep -q -e "$1" "$work/out"; then ok; else fail "$what: no '$1' in the output"; fi; }
err() { if grep -q -e "$1" "$work/err"; then ok; else fail "$what: no '$1' in the errors"; fi; }
no_out() { if [ ! -s "$work/out" ]; then ok; else fail "$what: there is output"; fi; }
no_err() { if [ ! -s "$work/err" ]; then ok; else fail "$what: there are errors"; fi; }
last() {
    if [ "$(tail -n 1 "$work/out")" = "$1" ]; then ok
    else fail "$what: the last line is not '$1'"; fi
}
# json EXPRESSION: the last line of the output is a JSON object j for which the expression holds.
json() {
    if tail -n 1 "$work/out" | python3 -c "
import json, sys
j = json.load(sys.stdin)
sys.exit(not ($1))" 2>/dev/null
    then ok; else fail "$what: not true of the JSON: $1"; fi
}

# ---- help and usage ----
run 0 --help; out '^Usage: bank'; no_err
run 0 help; out 'replay'
run 0 --version; out '^bank (troupe'
run 2; err '^Usage: bank'; no_out
run 2 frobnicate; err "no command 'frobnicate'"; no_out
for command in demo replay report export; do
    run 0 $command --help; out "^Usage: bank $command"; no_err
    run 2 $command --nonsense; err "Try 'bank $command --help'"; no_out
done
run 2 demo --accounts 1; err "'1' is not a number from 2"
run 2 demo --transfers x; err "'x' is not a number"
run 2 demo --workers 0; err 'number from 1 to 64'
run 2 demo extra; err "'extra' is not expected"
run 2 replay; err 'is needed'
run 2 replay --format; err "Try 'bank replay --help'"
run 2 replay --format xml "$data/history.csv"; err 'neither berka nor csv'
run 2 replay --format csv; err 'the file is missing'
run 2 replay --format berka; err 'the folder is missing'
run 2 replay --format csv a b; err 'more than one file'
run 2 replay --format csv "$data/history.csv" --limit -1; err "'-1' is not a number"
run 2 report --from csv "$data/history.csv"; err 'client ID or --account ID'
run 2 report --from csv "$data/history.csv" --client 1 --account 1; err 'either'
run 2 report --from csv "$data/history.csv" --client 1 --format pdf; err "'pdf' is none of"
run 2 export --from csv "$data/history.csv"; err 'format ledger is needed'
run 2 export --format beancount --from csv "$data/history.csv"; err 'the only form is ledger'
run 1 replay --format csv "$work/nowhere.csv"; err "nowhere.csv: no such file"; no_out
run 1 replay --format berka "$work"; err "trans.asc: no such file"; no_out
run 1 replay --format csv "$work"; err "is a directory"

# ---- demo ----
run 0 demo --accounts 10 --clients 4 --transfers 600 --seed 7; last 'bank: OK'; no_err
out '^Client '; out '  Month '; out '^Total  *100000.00 CZK'
run 0 demo --accounts 10 --clients 4 --transfers 600 --workers 1 --json; err '^bank: OK$'
json "j['conserved'] is True and j['workers'] == 1 and j['accounts'] == 10"
json "j['total_minor'] == 10000000 and j['max_difference_minor'] == 0"
json "j['transfers'] + j['rejected'] == 600 and j['transactions'] == j['transfers'] + 10"
json "j['repeated'] > 0 and j['conflicts'] > 0 and j['seconds'] >= 0"
run 0 demo --accounts 2 --clients 20 --transfers 10 --workers 8; last 'bank: OK'
run 0 demo --transfers 0; last 'bank: OK'

# ---- replay ----
run 0 replay --format csv "$data/history.csv"; last 'bank: OK'; no_err
run 0 replay --format csv "$data/history.csv" --json; err '^bank: OK$'
json "j['accounts'] == 2 and j['transactions'] == 8 and j['rejected'] == 0"
json "j['total_minor'] == 1684960 and j['max_difference_minor'] == 0 and j['conserved'] is True"
run 0 replay --format csv "$data/history.csv" --limit 3 --json
json "j['transactions'] == 3 and j['total_minor'] == 1024950"

run 0 replay --format csv "$data/refused.csv" --json
json "j['accounts'] == 2 and j['transactions'] == 4 and j['rejected'] == 11"
json "j['total_minor'] == 9223372036854775807 + 1655 and j['conserved'] is True"
sed "s|^$data/||; \$d" "$work/err" >"$work/places"
cat >"$work/expected" <<'END'
refused.csv:3:24: unknown column: the header names 5, the line has 6
refused.csv:4:15: bad amount: not a digit
refused.csv:5:14: amount overflows: too large for 64 bits
refused.csv:6:24: wrong encoding: not UTF-8
refused.csv:7:19: truncated: 3 of 5 fields
refused.csv:8:11: bad date: no such day
refused.csv:9:19: bad amount: more than two decimals
refused.csv:10:20: the id was used before
refused.csv:14:22: truncated: the quote is never closed
refused.csv:16:24: truncated: the line has no line end
refused.csv:12:14: the balance overflows: too large for 64 bits
END
if diff "$work/expected" "$work/places"; then ok; else fail "$what: the refusals differ"; fi
run 2 replay --format csv "$data/refused.csv" --strict --json
json "j['transactions'] == 1 and j['rejected'] == 1"
printf 'account,color\n1,red\n' >"$work/header.csv"
run 0 replay --format csv "$work/header.csv" --json; err 'header.csv:1:9: unknown column "color"'
json "j['transactions'] == 0 and j['rejected'] == 1"
run 2 replay --format csv "$work/header.csv" --strict; err ':1:9: unknown column'
out 'bank: stopped at the line that was refused'
: >"$work/empty.csv"
run 0 replay --format csv "$work/empty.csv"; err 'empty.csv:1:1: the file has no header'

for workers in 1 2 8; do
    run 0 replay --format berka "$data/berka" --json --workers $workers
    json "j['accounts'] == 4 and j['transactions'] == 130 and j['rejected'] == 0"
    json "j['total_minor'] == 5807163 and j['max_difference_minor'] == 30"
    json "j['conserved'] is True"
    json "j['workers'] == $workers"
done
cp -r "$data/berka" "$work/cut"
head -c -20 "$data/berka/trans.asc" >"$work/cut/trans.asc"
sed -i '5s/;"PRIJEM".*/;"PRI\r/' "$work/cut/trans.asc"
run 0 replay --format berka "$work/cut" --json
err 'trans.asc:5:15: truncated'; err 'trans.asc:131:39: truncated'
json "j['transactions'] == 128 and j['rejected'] == 2 and j['conserved'] is True"
run 2 replay --format berka "$work/cut" --strict
rm "$work/cut/order.asc"
run 0 replay --format berka "$work/cut" --json; err 'order.asc: no such file; going on without it'

# ---- report ----
run 0 report --from csv "$data/history.csv" --client 7; no_err
out '^Client 7$'; out 'Account 100: 149.50 CZK'
run 0 report --from csv "$data/history.csv" --account 200 --format json
json "j['accounts'][0]['balance_minor'] == 1670010 and len(j['accounts'][0]['entries']) == 4"
json "j['accounts'][0]['entries'][3]['text'] == 'two\nlines'"
run 0 report --from berka "$data/berka" --client 3 --format json
json "j['client']['born'] == '1971-09-23' and [a['account'] for a in j['accounts']] == [12, 25]"
json "all(sum(e['amount_minor'] for e in a['entries']) == a['balance_minor']
    for a in j['accounts'])"
json "all(m['closing_minor'] for a in j['accounts'] for m in a['months'])"
json "j['accounts'][0]['standing_orders'][0]['purpose'] == 'SIPO'"
run 0 report --from csv "$data/history.csv" --client 7 --format html; out '&lt;b&gt;not bold'
if python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' "$work/out"
then ok; else fail "$what: not well-formed"; fi
if grep -q -i -e 'src=' -e 'href=' -e '@import' -e 'url(' "$work/out"
then fail "$what: the page is not self-contained"; else ok; fi
run 1 report --from csv "$data/history.csv" --client 99; err 'there is no client 99'; no_out
run 1 report --from csv "$data/history.csv" --account 99; err 'there is no account 99'; no_out
run 2 report --from csv "$data/refused.csv" --account 1 --strict; no_out

# ---- export ----
run 0 export --format ledger --from csv "$data/history.csv"; no_err
out 'Accounts:100  *-250.50 CZK'
if [ "$(grep -c '^20' "$work/out")" -eq 8 ]; then ok; else fail "$what: not 8 records"; fi
run 1 replay --format csv "$data/history.csv" --balances "$work/no/where"
err 'cannot be written: No such file'
"$bank" export --format ledger --from berka "$data/berka" >/dev/full 2>"$work/err"
if [ $? -eq 1 ]; then ok; else fail "export to a full device: status is not 1"; fi
if [ "$(grep -c 'standard output: cannot be written: No space left on device' "$work/err")" -eq 1 ]
then ok; else fail "export to a full device: does not say, or says twice, why"; fi
# More than a stream's buffer holds: the write that fails is not the last one.
{
    head -n 1 "$data/history.csv"
    seq 2000 | sed 's/.*/&,100,7,2024-01-02,1.00,&.00,Cash,one more/'
} >"$work/long.csv"
"$bank" export --format ledger --from csv "$work/long.csv" >/dev/full 2>"$work/err"
if [ $? -eq 1 ]; then ok; else fail "a long export to a full device: status is not 1"; fi
if [ "$(grep -c 'standard output: cannot be written: No space left' "$work/err")" -eq 1 ]
then ok; else fail "a long export to a full device: does not say, or says twice, why"; fi

# ---- the real data set ----
if [ -n "${BERKA_DIR:-}" ] && [ -f "$BERKA_DIR/trans.asc" ]; then
    for workers in 1 2 8; do
        run 0 replay --format berka "$BERKA_DIR" --json --workers $workers
        json "j['accounts'] == 1229 and j['transactions'] == 46997 and j['rejected'] == 0"
        json "j['total_minor'] == 3929676280 and j['max_difference_minor'] <= 70"
        json "j['conserved'] is True"
    done
else
    echo "SKIP bank.berka: BERKA_DIR names no folder with trans.asc"
    skipped=$((skipped + 1))
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
