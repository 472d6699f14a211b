#!/bin/bash
# Runs one program of the guide and compares what it prints with the text the chapter promises.
# Usage: run_chapter.sh PROGRAM EXPECTED [EMULATOR...]
set -u
program=$1
expected=$2
shift 2
actual=$("$@" "$program") || { echo "$program: exit status $?"; exit 1; }
if [ ! -f "$expected" ]; then
    echo "$program: no file $expected says what it prints"
    exit 1
fi
diff <(printf '%s\n' "$actual") "$expected" || exit 1
echo "1 passed, 0 failed, 0 skipped"
