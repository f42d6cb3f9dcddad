#!/bin/sh
# run_mpi.sh MODE PROGRAM MPIEXEC: PROGRAM MODE under MPIEXEC with 4 ranks (`single`, `refused`: without
# it).
set -eu
mode=$1
program=$2
mpiexec=$3
[ "$(id -u)" != 0 ] || export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1
case $mode in
single) exec "$program" messages ;;
refused) exec "$program" refused ;;
kill | kill_tcp)
    "$mpiexec" --version | grep -q 'Open MPI\|OpenRTE' || exit 77 # the option is Open MPI's
    tcp=
    [ "$mode" = kill ] || tcp='--mca btl tcp,self'
    # mpiexec's exit code counts the rank that was killed, so the survivors' word is what counts.
    # Open MPI 4.1's mpiexec itself can crash when it passes on a rank's warning that a peer does
    # not answer (pmix_server_log_fn): that says nothing about us, so it is tried again.
    for attempt in 1 2 3; do
        status=0
        # shellcheck disable=SC2086 # several arguments
        output=$("$mpiexec" --enable-recovery $tcp -n 4 "$program" kill 2>&1) || status=$?
        survivors=$(printf '%s\n' "$output" | grep -c '^survived [0-2]$') || true
        printf '%s\n' "$output" | grep -q 'pmix_server_log_fn' || break
        echo "mpiexec crashed in attempt $attempt" >&2
    done
    if [ "$survivors" != 3 ]; then
        printf '%s\n%s of 3 ranks survived; mpiexec exited with %s\n' \
            "$output" "$survivors" "$status" >&2
        exit 1
    fi
    ;;
board_tcp)
    "$mpiexec" --version | grep -q 'Open MPI\|OpenRTE' || exit 77
    for case in wrap32 wrap64 slow; do
        "$mpiexec" --mca btl tcp,self --mca osc ^ucx,sm -n 4 "$program" "$case"
    done
    ;;
leave)
    for code in 0 75 64; do
        status=0
        "$mpiexec" -n 3 "$program" $code || status=$?
        if [ $status != $code ]; then
            echo "mpiexec exited with $status instead of $code" >&2
            exit 1
        fi
    done
    ;;
board)
    for case in wrap32 wrap64 slow; do "$mpiexec" -n 4 "$program" "$case"; done
    ;;
*) exec "$mpiexec" -n 4 "$program" "$mode" ;;
esac
