#!/bin/bash
# Every libFuzzer target for FUZZ_SECONDS (60), starting from its committed corpus, as many at once
# as there are processors. What is found stays in build/fuzz/found, what is learnt in
# build/fuzz/corpus.
source "$(dirname "$0")/common.sh"
configure_and_build fuzz -- fuzzers || verdict 1 "build"

fuzz_one() {
    local name=$1 inputs options=()
    mkdir -p "build/fuzz/corpus/$name" build/fuzz/found
    if [ -f "tests/fuzz/$name.dict" ]; then options=(-dict="tests/fuzz/$name.dict"); fi
    if "build/fuzz/bin/$name" -max_total_time="${FUZZ_SECONDS:-60}" -timeout=5 -rss_limit_mb=1024 \
        -max_len=4096 -use_value_profile=1 -print_final_stats=1 "${options[@]}" \
        -artifact_prefix="build/fuzz/found/$name-" "build/fuzz/corpus/$name" \
        "tests/fuzz/corpus/$name" >"build/fuzz/$name.log" 2>&1; then
        inputs=$(sed -n 's/^stat::number_of_executed_units: *//p' "build/fuzz/$name.log")
        echo "ok   $name: $inputs inputs"
    else
        tail -n 40 "build/fuzz/$name.log"
        echo "FAIL $name"
        return 1
    fi
}
export -f fuzz_one
mapfile -t names < <(cd tests/fuzz && ls ./*_fuzz.c | sed 's|^\./||; s|\.c$||')
if [ ${#names[@]} -eq 0 ]; then verdict 1 "there is nothing to fuzz"; fi
printf '%s\n' "${names[@]}" | xargs -P "$jobs" -I{} bash -c 'fuzz_one {}'
verdict $? "${#names[@]} fuzz targets"
