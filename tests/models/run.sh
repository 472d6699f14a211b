#!/bin/bash
# Searches every model completely, for safety and for its liveness claim (weak fairness), and shows
# that each planted bug is found: by an assertion, or as a cycle that never gets there (a lost
# wake-up is found in no other way). As many searches at once as there are processors and memory for
# them, three minutes on two. A model's head says what its steps stand for.
#
#   run.sh [MODEL...]     all models, or the named ones (mailbox, parking, ...)
#
# One verdict line a run; ends with "N passed, N failed, N skipped"; non-zero when a good model
# errs, a search was not complete, or a planted bug was not found.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
only=" $* "
depth=100000 # steps of the longest path
megabytes=3900

if ! command -v spin >/dev/null || ! command -v gcc >/dev/null; then
    echo "FAIL models: spin and gcc are needed (Debian: apt-get install spin gcc libc6-dev)"
    echo "0 passed, 1 failed, 0 skipped"
    exit 1
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
at_once=$(($(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo) / 1024 / megabytes))
if [ "$at_once" -gt "$(nproc)" ]; then at_once=$(nproc); fi
if [ "$at_once" -lt 1 ]; then at_once=1; fi

# build OPTIMIZE MODEL FLAGS...: makes ./pan; most planted bugs are found at once, so these are not
# optimized but where `optimize` says so
build() {
    local optimize=$1 model=$2 fair=3
    shift 2
    if [ "$model" = connect ]; then fair=5; fi # it has more processes
    rm -f ./*
    cp "$here/$model.pml" . &&
        spin -a "$@" "$model.pml" >build.log 2>&1 &&
        ! grep -q 'Error' build.log &&
        gcc "$optimize" -w -DNFAIR=$fair -DVECTORSZ=2048 -DMEMLIM=$megabytes \
            -o pan pan.c >>build.log 2>&1
}

# verdict STATUS WHAT DETAIL; prints the log of a failure
verdict() {
    if [ "$1" -eq 0 ]; then
        printf 'ok    %-50s %s\n' "$2" "$3"
    else
        printf 'FAIL  %-50s %s\n' "$2" "$3"
    fi
}

wanted() {
    [ "$only" = "  " ] || [[ $only == *" $1 "* ]]
}

# The end of the path to an error.
show_path() {
    local model=$1
    shift
    if [ -f "$model.pml.trail" ]; then
        spin -t -p -g "$@" "$model.pml" 2>&1 | tail -n 40 | sed 's/^/      /'
    else
        tail -n 20 search.log | sed 's/^/      /'
    fi
}

# The search was complete: it ended, and nothing was cut off.
complete() {
    grep -q 'errors: ' search.log &&
        ! grep -q -e 'max search depth too small' -e 'Search not completed' -e 'MEMLIM' \
            -e 'out of memory' -e 'too many processes' -e 'VECTORSZ' search.log
}

# search_good MODEL WHAT OPTION -- FLAGS...: OPTION is -noclaim, or -a for the claim
search_good() {
    local model=$1 what=$2 options=("$3") states
    shift 4
    if [ "${options[0]}" = -a ]; then options+=(-f); fi
    rm -f "$model.pml.trail"
    ./pan "${options[@]}" -m$depth >search.log 2>&1
    states=$(sed -n 's/^ *\([0-9][0-9]*\) states, stored.*/\1/p' search.log)
    if grep -q '^pan:1: ' search.log; then
        verdict 1 "$model $* $what" "$(sed -n 's/^pan:1: //p' search.log | head -n 1)"
    elif ! complete || ! grep -q 'errors: 0' search.log; then
        verdict 1 "$model $* $what" "the search was not complete"
    else
        verdict 0 "$model${*:+ $*} $what" "$states states"
        return
    fi
    show_path "$model" "$@"
}

hold() {
    local model=$1 claim=$2
    shift 2
    if ! build -O2 "$model" "$@"; then
        verdict 1 "$model $*" "does not build"
        sed 's/^/      /' build.log
        return
    fi
    search_good "$model" safety -noclaim -- "$@"
    search_good "$model" "$claim" -a -- "$@"
}

find_bug() {
    local model=$1 kind=$2 found=""
    shift 2
    if ! build "${optimize:--O0}" "$model" "$@"; then
        verdict 1 "$model $*" "does not build"
        sed 's/^/      /' build.log
        return
    fi
    ./pan -a -f -w20 -m$depth >search.log 2>&1
    if grep -q '^pan:1: assertion violated' search.log; then found=assertion; fi
    if grep -q '^pan:1: acceptance cycle' search.log; then found=cycle; fi
    if [ "$found" = "$kind" ]; then
        verdict 0 "$model $*" "found: $(sed -n 's/^pan:1: //p' search.log | head -n 1)"
    else
        verdict 1 "$model $*" "planted bug: expected ${kind}, found ${found:-nothing}"
        tail -n 20 search.log | sed 's/^/      /'
    fi
}

# start COMMAND...: in the background, in a folder of its own; what it prints is kept
count=0
start() {
    while [ "$(jobs -rp | wc -l)" -ge "$at_once" ]; do wait -n; done
    count=$((count + 1))
    mkdir "$work/$count"
    (cd "$work/$count" && "$@" >"$work/$count.out" 2>&1) &
}

# good MODEL CLAIM FLAGS...: holds
good() {
    if wanted "$1"; then start hold "$@"; fi
}

# bad MODEL KIND FLAGS...: is found, as an `assertion` or as a `cycle` in which the claim never
# comes true
bad() {
    if wanted "$1"; then start find_bug "$@"; fi
}

good mailbox settled
good mailbox settled -DSLOTS
good mailbox settled -DSLOTS -DBUDGET=1
optimize=-O2 bad mailbox cycle -DBUG_WITHDRAW_BLIND # the last node is taken out, whoever came
# the node before is emptied when producers attach to it
optimize=-O2 bad mailbox cycle -DBUG_WITHDRAW_LATE
bad mailbox cycle -DBUG_BLIND_IDLE                # IDLE is stored, not set by CAS: no second look
bad mailbox cycle -DBUG_GAP_FORGOTTEN # the CAS meets a gap and the actor is not requeued
bad mailbox cycle -DBUG_NO_SCHEDULE               # a producer finds IDLE and does not schedule
bad mailbox cycle -DBUG_OWNER_AFTER_IDLE # the owner's fields are written after the right is gone
bad mailbox cycle -DSLOTS -DBUG_STUB_RESET # the stub's link is cleared while the stub is in use
bad mailbox assertion -DSLOTS -DBUG_NO_GENERATION # a stale message is handled by the next occupant
bad mailbox assertion -DSLOTS -DBUG_CLAIM_BY_STORE # a spawner takes a slot without CAS

good parking ran
good parking ran -DSTUCK
good parking ran -DPOLLER
good parking ran -DLINGER
bad parking cycle -DBUG_NO_RECHECK # parks without a look at the queues after announcing
bad parking cycle -DBUG_WAKE_FIRST                 # wakes, then pushes
bad parking cycle -DBUG_NO_WAKE                    # pushes and does not wake
bad parking assertion -DBUG_PINNED_STEALABLE       # what is pinned stands where thieves take
bad parking cycle -DSTUCK -DBUG_NO_BACKLOG_WAKE    # a second local runnable wakes nobody
bad parking cycle -DSTUCK -DBUG_BOUND_EARLY # who else is awake is looked up before announcing
bad parking cycle -DLINGER -DBUG_LINGER_ASLEEP     # still counts as lingering when it sleeps
bad parking cycle -DLINGER -DBUG_LINGER_LOOK_FIRST # who lingers is looked up before the push
bad parking cycle -DPOLLER -DBUG_POLLER_BY_FUTEX   # the one in the poller is woken by its futex
bad parking cycle -DPOLLER -DBUG_POLLER_NO_LOOK # no look at the wake word after entering the poller
bad parking cycle -DPOLLER -DBUG_LOOK_UNCLAIMED    # another's look into the poller eats the wake-up
bad parking cycle -DPOLLER -DBUG_ARM_SILENT        # a first descriptor is armed and nobody told

good suspend ended_all
good suspend ended_all -DMUTUAL
good suspend ended_all -DCALLS
bad suspend cycle -DBUG_BLOCKING_KEEPS            # a receiver blocks without releasing
bad suspend cycle -DBUG_DEATH_KEEPS               # dies without releasing
bad suspend cycle -DBUG_DRAIN_SILENT              # a CREDIT to a dead slot is not answered
bad suspend cycle -DMUTUAL -DBUG_CYCLE_SUSPENDS   # a sender suspends although that closes a cycle
# a call closes one and lets no suspended sender go
bad suspend cycle -DCALLS -DBUG_CALL_RELEASES_NONE
# a RESUME that comes during the search is not noticed
bad suspend cycle -DCALLS -DBUG_RESUME_FORGOTTEN

good calls ended_all
good calls ended_all -DTHREE
good calls ended_all -DDELEGATE
good calls ended_all -DTIMEOUTS
bad calls cycle -DBUG_WALK_FIRST                      # walks, then publishes: both miss the cycle
bad calls cycle -DTHREE -DBUG_WALK_FIRST
bad calls assertion -DBUG_NO_CONFIRM                  # no confirmation under the lock: both fail
bad calls assertion -DTHREE -DBUG_NO_CONFIRM
bad calls assertion -DBUG_EDGE_LEFT # a reply leaves the edge to its caller to remove
bad calls assertion -DBUG_DEFER_KEEPS_EDGE            # a deferred request keeps its edge
bad calls assertion -DBUG_PUSH_FIRST # the request is pushed before the edge is published
bad calls assertion -DTIMEOUTS -DBUG_NO_IDS           # the second walk does not compare call ids
# nobody looks for the cycle a delegation closes
bad calls cycle -DDELEGATE -DBUG_DELEGATE_UNSEARCHED
# who delegates does not remove the edge under the lock
bad calls assertion -DDELEGATE -DBUG_DELEGATE_UNLOCKED

good stuck ran
good stuck ran -DFENCED
bad stuck assertion -DBUG_NO_FENCE                    # the worker's stores are not made seen
bad stuck assertion -DBUG_NO_SECOND_LOOK              # STUCK is enough to take
bad stuck assertion -DBUG_NO_LOCK                     # the worker takes back while it is swept
bad stuck assertion -DBUG_NO_LOOK                     # the worker does not ask who has it

good links settled
bad links assertion -DBUG_INACTIVE_EXITS # an exit counts although the entry is inactive
bad links assertion -DBUG_LINK_REVIVES   # a link that is received makes an inactive entry active
bad links assertion -DBUG_NO_ACK         # no ack is sent
bad links assertion -DBUG_DEAD_NO_ACK    # a dead actor sends none
bad links assertion -DBUG_ANY_ACK        # an ack's id is not compared

good exits settled
bad exits assertion -DBUG_NAME_LATE           # the name is released after the end was told
bad exits assertion -DBUG_FETCH_LAST          # the end is told before what has come is applied
bad exits assertion -DBUG_DEAD_LINK_SILENT    # a link to a dead actor is not answered
bad exits assertion -DBUG_DEAD_MONITOR_RECORDED # a monitor that comes too late is recorded
bad exits assertion -DBUG_DOWN_UNASKED        # a down is not looked up in the table of monitors

good restart settled
bad restart assertion -DBUG_STOP_IN_INIT # told to stop during a child's init it ends at once
bad restart assertion -DBUG_STALE_RETRY  # who is terminated stays marked for another attempt
bad restart assertion -DBUG_EXIT_LEFT    # the exit of a stopped child stays, and counts later
bad restart cycle -DBUG_RETRY_AT_ONCE    # a failed restart is tried again at once, for ever
bad restart cycle -DBUG_NO_KILL          # a child that is deaf to shutdown is not killed

good connect settled
good connect settled -DCUTS=0
good connect settled -DCUTS=2
good connect settled -DSECOND
bad connect assertion -DCUTS=0 -DSECOND -DBUG_SECOND # a second attempt replaces what the first made
bad connect cycle -DCUTS=0 -DBUG_NOBODY_STAYS        # each refuses the other's attempt
bad connect assertion -DCUTS=0 -DBUG_BOTH_STAY       # each accepts it

wait
passed=0 failed=0
for ((number = 1; number <= count; number++)); do
    cat "$work/$number.out"
    good=$(grep -c '^ok ' "$work/$number.out")
    bad=$(grep -c '^FAIL ' "$work/$number.out")
    if [ $((good + bad)) -eq 0 ]; then
        echo "FAIL  search number $number ended without a verdict"
        bad=1
    fi
    passed=$((passed + good)) failed=$((failed + bad))
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
