#!/bin/sh
# run.sh TARGET CORPUS BUILD: fuzz for DH_FUZZ_SECONDS (default 20) seconds from the corpus. New
# inputs are dropped; one that fails is kept in BUILD and named: put it into the corpus. The seed is
# DH_FUZZ_SEED (default 1), so that a change is tried with what the last one was; vary it by hand.
# (libFuzzer's own code of a failure, 77, is that of a skipped test.)
set -eu
target=$1 corpus=$2 build=$3
new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT
export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=0
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
"$target" -max_total_time="${DH_FUZZ_SECONDS:-20}" -timeout=10 -rss_limit_mb=2048 \
    -seed="${DH_FUZZ_SEED:-1}" -malloc_limit_mb=512 -max_len=65536 -print_final_stats=1 \
    -error_exitcode=1 -artifact_prefix="$build/$(basename "$target")-" "$new" "$corpus"
