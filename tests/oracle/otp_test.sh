#!/bin/bash
# Erlang/OTP is asked: every scene of otp/scenes.txt and every script of otp/machines.txt is played
# by it and by troupe, and both must print the same. Then mistakes are planted, which must be
# noticed.
# Usage: otp_test.sh FOLDER_OF_PROGRAMS
set -u -o pipefail
here=$(cd "$(dirname "$0")" && pwd)/otp
bin=$1
if ! command -v erl >/dev/null || ! command -v erlc >/dev/null; then
    echo "skipped: otp_test.sh: there is no erl here (Debian: erlang-base)"
    exit 0
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

# erlang MODULE: what it makes of its scenes.
erlang() {
    timeout 400 erl -noshell -kernel logger_level none -pa "$work" -s "$1" main <"$here/$1.txt"
}
# judge NAME OURS THEIRS
judge() {
    local difference
    if difference=$(diff "$2" "$3"); then
        echo "ok $1"
        passed=$((passed + 1))
    else
        echo "FAIL $1 (< troupe, > OTP)"
        echo "$difference"
        failed=$((failed + 1))
    fi
}

if ! erlc -o "$work" "$here/scenes.erl" "$here/machines.erl"; then
    echo "FAIL erlc"
    exit 1
fi
# Ours runs in virtual time. Erlang's time is the real one: on a machine that is too busy for it,
# what was meant to be later comes first. Then all of it is played again, and slower. A scene with a
# time limit of its own shows something else when it is slow: each may match in any of the plays.
play() { # MODULE
    timeout 500 "$bin/otp_$1" <"$here/$1.txt" >"$work/$1.ours" &&
        erlang "$1" >"$work/$1.theirs"
}
for module in scenes machines; do
    try=0
    for scale in 1 1 10 40; do
        try=$((try + 1))
        if TROUPE_OTP_SCALE=$scale play "$module"; then
            cp "$work/$module.theirs" "$work/$module.theirs.$try"
            if cmp -s "$work/$module.ours" "$work/$module.theirs"; then break; fi
        elif [ $scale -eq 40 ]; then
            echo "FAIL $module did not end well"
            failed=$((failed + 1))
        fi
    done
done

for scene in $(sed -n 's/^\([a-z_]*\): .*/\1/p' "$here/scenes.txt"); do
    grep "^$scene " "$work/scenes.ours" >"$work/ours"
    for theirs in "$work"/scenes.theirs.*; do
        grep "^$scene " "$theirs" >"$work/theirs"
        if cmp -s "$work/ours" "$work/theirs"; then break; fi
    done
    if [ ! -s "$work/theirs" ]; then echo "$scene is not there" >"$work/theirs"; fi
    judge "$scene" "$work/ours" "$work/theirs"
done

number=0
while read -r script; do
    number=$((number + 1))
    sed -n "${number}p" "$work/machines.ours" >"$work/ours"
    sed -n "${number}p" "$work/machines.theirs" >"$work/theirs"
    if [ ! -s "$work/theirs" ]; then echo "$script is not there" >"$work/theirs"; fi
    judge "machine_$number" "$work/ours" "$work/theirs"
done < <(grep -v '^#' "$here/machines.txt")

for plant in trap demonitor intensity; do
    TROUPE_OTP_PLANT=$plant timeout 500 "$bin/otp_scenes" <"$here/scenes.txt" >"$work/planted"
    if cmp -s "$work/planted" "$work/scenes.theirs"; then
        echo "FAIL planted_$plant was not noticed"
        failed=$((failed + 1))
    else
        echo "ok planted_$plant"
        passed=$((passed + 1))
    fi
done
echo "$passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
