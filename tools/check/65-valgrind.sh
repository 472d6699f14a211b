#!/bin/bash
# A small demo under valgrind's memcheck: no error, no leak.
source "$(dirname "$0")/common.sh"
configure_and_build release -- bank || verdict 1 "build"
valgrind --quiet --leak-check=full --show-leak-kinds=definite,indirect,possible \
    --errors-for-leak-kinds=definite,indirect,possible --error-exitcode=9 --fair-sched=yes \
    --max-stackframe=4000000 \
    build/release/bin/bank demo --accounts 20 --clients 4 --transfers 300 --seed 1
verdict $? "valgrind on the demo"
