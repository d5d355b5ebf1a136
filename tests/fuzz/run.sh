#!/bin/sh
# Runs libFuzzer targets, JOBS at once, each SECONDS long, over the corpus in tests/fuzz/corpus/NAME (read) and a growing one under
# the build folder. A finding ends with the input's path and exit 1.
set -u
build=$1 seconds=$2 jobs=$3
shift 3
export build seconds
one() {
    name=$1
    mkdir -p "$build/corpus/$name" "$build/findings"
    seeds="tests/fuzz/corpus/$name"
    [ -d "$seeds" ] || seeds=""
    if "$build/$name" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -max_len=65536 -artifact_prefix="$build/findings/$name-" \
        "$build/corpus/$name" $seeds >"$build/$name.log" 2>&1; then
        echo "ok - $name: $(grep -o 'stat::number_of_executed_units:.*\|^Done .*' "$build/$name.log" | tail -1)"
    else
        echo "not ok - $name: see $build/$name.log"
        tail -40 "$build/$name.log"
        return 1
    fi
}
case ${1:-} in --one) one "$2"; exit ;; esac
printf '%s\n' "$@" | xargs -P "$jobs" -I{} sh "$0" "$build" "$seconds" "$jobs" --one {}
