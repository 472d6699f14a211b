#!/bin/bash
# The program troupe against a node: every command, with and without --json, and what is refused.
# Usage: cli_test.sh PROGRAMS
set -u
bin=$1
work=$(mktemp -d)
jobs_of_mine=()
stop_all() {
    for job in "${jobs_of_mine[@]}"; do kill -9 "$job" 2>/dev/null; done
    wait 2>/dev/null
    rm -rf "$work"
}
trap stop_all EXIT
passed=0
failed=0
note() { # note STATUS WHAT
    if [ "$1" -eq 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL $2"
        sed 's/^/    out: /' "$work/out" | head -20
        sed 's/^/    err: /' "$work/err" | head -20
    fi
}
run() { # run COMMAND...: its status in $status
    timeout 120 "$bin/troupe" "$@" >"$work/out" 2>"$work/err" </dev/null
    status=$?
}
gives() { # gives STATUS PATTERN WHAT: of the last run's output or errors
    local good=1
    [ "$status" -eq "$1" ] && cat "$work/out" "$work/err" | grep -qE -- "$2" && good=0
    note $good "$3: status $status, wanted $1 and '$2'"
}
json() { # json EXPRESSION WHAT: over the last run's lines, as v and vs
    python3 - "$work/out" "$1" 2>>"$work/err" <<'PYTHON'
import json, sys
vs = [json.loads(line) for line in open(sys.argv[1])]
v = vs[0]
sys.exit(0 if eval(sys.argv[2]) else 1)
PYTHON
    note $? "$2: $1"
}
serve() { # serve NAME OPTION...: a server; its address in $url, its process in $server
    "$bin/two-nodes" server --name "$1" --secret "$work/secret" "${@:2}" >"$work/$1.log" 2>&1 &
    server=$!
    jobs_of_mine+=("$server")
    for _ in $(seq 600); do
        url=$(sed -n 's/^listening at //p' "$work/$1.log")
        [ -n "$url" ] && return
        sleep 0.1
    done
    echo "FAIL the server $1 does not start"
    exit 1
}

head -c 32 /dev/urandom >"$work/secret"
head -c 32 /dev/urandom >"$work/other"
chmod 600 "$work/secret" "$work/other"
serve server@test --inspect any
export TROUPE_AT=$url TROUPE_SECRET_FILE=$work/secret
unset TROUPE_AS TROUPE_CLUSTER

# ---- looking ----
run nodes
gives 0 '^server@test: up .* actors' "nodes"
gives 0 '^troupe-[0-9a-f]{8}@cli +them .* all$' "nodes shows who is connected"
run nodes --json --as ops@cli
json 'v["node"]["name"] == "server@test" and "ops@cli" in [p["name"] for p in v["peers"]]' "nodes"
run ps
gives 0 '^[0-9]+\.[0-9]+ +adder +adder +idle ' "ps"
run ps --sort name --limit 1
note "$([ "$(wc -l <"$work/out")" -eq 2 ]; echo $?)" "ps --limit 1 shows a head and a line"
run ps --json
json '"adder" in [a.get("name") for a in v["actors"]] and v["count"] == len(v["actors"])' "ps"
run tree
gives 0 '^adder [0-9]+\.[0-9]+ "adder"' "tree"
run tree adder --json
json 'v["roots"][0]["name"] == "adder" and v["roots"][0]["children"] == []' "tree"
run info adder
gives 0 '^handles +add\(amount u64\)$' "info"
run info adder --json
json 'v["name"] == "adder" and v["handles"][0]["type"] == "add" and v["doing"] == "idle"' "info"
pid=$(sed 's/.*"pid":"\([0-9.]*\)".*/\1/' "$work/out")
run info "$pid"
gives 0 "^pid +$pid on server@test" "info of a pid"
run ping --count 3 --interval 0.01
gives 0 '^3 answers: least' "ping"
run ping "$pid" --count 2 --interval 0.01 --json
json 'v["answers"] == 2 and 0 < v["least_us"] <= v["mean_us"] <= v["most_us"]' "ping"
run top --count 2 --interval 0.05
note "$([ "$(grep -c '^PID ' "$work/out")" -eq 2 ]; echo $?)" "top --count 2 looks twice"
run top --count 3 --interval 0.05 --sort mailbox --json
json 'len(vs) == 3 and "rate" in vs[2]["actors"][0] and vs[2]["time"] > vs[0]["time"]' "top"

# ---- taking part ----
run send adder add amount=5
gives 0 "^sent $pid" "send"
run send "$pid" add 7 --raw --json
json "v['sent'] == '$pid'" "send by looks"
run send adder add '{"amount": 18446744073709551615}'
gives 0 "^sent $pid" "send of JSON"
run info adder --json
json 'v["handled"] == 3' "all three have been handled"
run send adder add '{"amount": 18446744073709551616}'
gives 2 'not JSON at its byte 12: a number of more than 64 bits' "send of too large a number"
run send adder add '{"amount": [1]}'
gives 2 "field 'amount': \[1\] is no u64" "send of JSON that does not fit"
run send adder add '{"amount": 1'
gives 2 'byte 13: unexpected end of data' "send of half a JSON text"
run send adder add amount=-1
gives 2 "'-1' is no u64" "send of a wrong value"
run send adder add sum=1
gives 2 "no such field: 'sum=1'" "send of a wrong field"
run send adder subtract amount=1
gives 1 "no handler for 'subtract'" "send of a wrong type"


# ---- traces ----
trace() { # trace OPTION...: in the background, as $tracer
    "$bin/troupe" trace adder "$@" >"$work/trace" 2>"$work/trace.err" </dev/null &
    tracer=$!
    jobs_of_mine+=("$tracer")
}
traced() { # waits until the adder is traced, or ($1 False) is not
    for _ in $(seq 300); do
        run info adder --json
        [ "$status" -eq 0 ] && grep -q "\"traced\":$1" "$work/out" && return 0
        sleep 0.1
    done
    return 1
}
trace --limit 3 --seconds 600 --json
traced true
note $? "the adder is traced"
run trace adder
gives 1 'traced already' "a second trace"
for i in 1 2 3 4 5; do run send adder add amount=$i; done
wait "$tracer"
note $? "a trace ends well at its limit"
cp "$work/trace" "$work/out"
json '[e["text"] for e in vs[:-1]] == ["add{amount=%d}" % n for n in (1, 2, 3)]' "trace"
json 'vs[-1]["ended"] == "limit" and vs[-1]["told"] == 3' "trace"
run trace adder --seconds 1
gives 0 '^0 events; ended: time' "a trace ends at its time"
trace --seconds 3600
traced true && kill -9 "$tracer" && traced false
note $? "a trace is over when who asked for it is gone"
trace --seconds 3600
traced true && kill -INT "$tracer" && wait "$tracer" && traced false
note $? "a trace ends well with a signal"

# ---- what is not there, and what is not permitted ----
run info nobody
gives 5 "no actor has the name 'nobody'" "an unknown name"
run info 999.9
gives 5 'no such actor' "an unknown pid"
run kill 999.9
gives 5 'no such actor' "kill of an unknown pid"
run trace 999.9
gives 5 'no such actor' "trace of an unknown pid"
run tree 999.9
gives 5 'no such actor' "tree of an unknown pid"
run ps --secret-file "$work/other"
gives 3 'refused: another secret' "another secret"
run ps --plain
gives 3 'refused' "no secret"
run ps --cluster bank
gives 3 'another cluster \(here: "bank"\)' "another cluster"
chmod 644 "$work/other"
run ps --secret-file "$work/other"
gives 2 'chmod 600' "a secret that others can read"
run ps --secret-file "$work/none"
gives 2 'there is no' "no such secret"
run dance
gives 2 "no command 'dance'" "no such command"
run --help
gives 0 'Exit status' "help"

# Whoever kills a tracer hears that it is gone; who traced, why.
trace --seconds 3600
traced true
run ps --json
victim=$(grep -o '"pid":"[0-9.]*","behavior":"tp.tracer"' "$work/out" | cut -d'"' -f4)
run kill "$victim" --json
json "v['killed'] == '$victim'" "kill"
wait "$tracer"
note "$([ $? -eq 1 ] && grep -q 'the trace ended: killed' "$work/trace.err"; echo $?)" \
    "a trace whose tracer was killed"

# The server goes when its adder does, perhaps before it can say that it is gone.
run kill adder
note "$([ "$status" -eq 0 ] || [ "$status" -eq 3 ]; echo $?)" "kill of the adder"
for _ in $(seq 300); do kill -0 "$server" 2>/dev/null || break; sleep 0.1; done
run ps --timeout 20
gives 3 'nobody listens there' "a node that has ended"

serve named@test --inspect ops@cli
run ps --at "$url"
gives 4 'does not let troupe-.*@cli look at it: .*TP_MAY_INSPECT' "another name than the permitted"
run ps --at "$url" --as ops@cli
gives 0 ' adder ' "the permitted name"
serve closed@test
run ps --at "$url"
gives 4 'lets nobody look: .*tp_inspect_start' "a node that lets nobody look"

echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
