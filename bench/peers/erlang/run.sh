#!/bin/bash
# NAME... [--workers N] [--reps N] [--json]: the schedulers are an option of the emulator, so they
# are taken out of the arguments here. Lies beside the compiled module.
set -eu
workers=1
rest=()
while [ $# -gt 0 ]; do
    case $1 in
    --workers)
        workers=$2
        shift
        ;;
    *) rest+=("$1") ;;
    esac
    shift
done
exec erl -noshell -noinput +S "$workers:$workers" +P 4000000 -pa "$(dirname "$0")" -run peers main \
    -extra "${rest[@]}"
