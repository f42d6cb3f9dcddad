#!/bin/sh
# run.sh [NAME…]: install what is missing, build, run every test (or those named). Ends with
# "N passed, N failed" and, if anything failed, a code other than 0.
#
#   build/        gcc, warnings are errors: all tests, also those of MPI and whole searches
#   build-mpich/  with MPICH instead of Open MPI: the tests of messages and of launching (other
#                 integration tests by hand: meson test -C build-mpich --suite integration)
#   build-asan/   address, undefined-behaviour and leak sanitizers: the unit tests
#   build-clang/  clang, warnings are errors: compiled only
#   build-fuzz/   clang, sanitizers, libFuzzer: each fuzz target for DH_FUZZ_SECONDS (default 20)
#
# A build counts as one test. Names are those of `meson test --list`.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
sh "$root/jobscripts/install.sh" build quickstart test
logs=

# For Open MPI: more ranks than cores, and in a container where everybody is root.
export OMPI_MCA_rmaps_base_oversubscribe=1
[ "$(id -u)" != 0 ] || export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export ASAN_OPTIONS=detect_leaks=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

# build FOLDER OPTION…: configure and compile $targets (all if empty); its outcome goes into
# FOLDER/build.result.
targets=
build()
{
    folder=$root/$1
    shift
    mkdir -p "$folder"
    rm -f "$folder/meson-logs/testlog.json"
    if [ -f "$folder/build.ninja" ]; then
        set -- meson configure "$folder" "$@"
    else
        set -- meson setup "$folder" "$root" "$@"
    fi
    # shellcheck disable=SC2086
    if "$@" >"$folder/build.log" 2>&1 && ninja -C "$folder" $targets >>"$folder/build.log" 2>&1; then
        echo OK >"$folder/build.result"
    else
        echo FAIL >"$folder/build.result"
    fi
    logs="$logs $folder"
}

built()
{
    [ "$(cat "$root/$1/build.result")" = OK ]
}

# run_tests FOLDER "MESON OPTIONS" NAME…: failures are counted from the log at the end.
run_tests()
{
    folder=$root/$1 options=$2
    shift 2
    # shellcheck disable=SC2086 # several options
    if [ $# -gt 0 ]; then # only those that this build has
        known=$(meson test -C "$folder" --no-rebuild --list $options 2>/dev/null |
            sed 's/.* \/ //') || known=
        for name in "$@"; do
            shift
            ! printf '%s\n' "$known" | grep -qxF "$name" || set -- "$@" "$name"
        done
        [ $# -gt 0 ] || return 0
    fi
    # shellcheck disable=SC2086
    meson test -C "$folder" --no-rebuild --timeout-multiplier 3 $options "$@" || :
}

export CC=gcc
build build -Dtests=true -Dwerror=true
build build-asan -Dtests=true -Db_sanitize=address,undefined
CC=clang
build build-clang -Dtests=true -Dwerror=true
CC=gcc
targets=mpi_targets
build build-mpich -Dtests=true -Dwerror=true -Dmpi=mpicc.mpich
CC=clang
targets=fuzz_targets
build build-fuzz -Dtests=true -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false
! built build-asan || run_tests build-asan '--no-suite mpi --no-suite integration' "$@"
! built build || run_tests build '' "$@"
! built build-mpich || run_tests build-mpich '--suite mpi --suite launch' "$@"
! built build-fuzz || run_tests build-fuzz '--suite fuzz --num-processes 2' "$@"

# shellcheck disable=SC2086
exec python3 "$root/test/summary.py" "$#" $logs
