#!/bin/sh
# run.sh [RANKS [SECONDS]]: the CPU that idle worker ranks use, and what the manager and the
# launchers use meanwhile. One evaluation of a builtin function lasts the whole time, so all
# workers but one wait for a proposal that never comes.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
build=${DH_BUILD:-$here/../../build}
build=$(cd "$build" && pwd)
ranks=${1:-4}
seconds=${2:-20}
settle=$((4 + ranks / 4)) # until all ranks have started and have nothing to do
if [ ! -x "$build/src/app/dh_mpi" ]; then
    echo "run.sh: no $build/src/app/dh_mpi; build first: meson setup build && ninja -C build" >&2
    exit 69
fi

# For Open MPI: more ranks than cores, and in a container where everybody is root.
export OMPI_MCA_rmaps_base_oversubscribe=1
[ "$(id -u)" != 0 ] || export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mpiexec -n "$ranks" "$build/src/app/dh_mpi" -q \
    --set "evaluator.duration=$((seconds + 2 * settle)).0" "$here/idle.cfg" >log 2>&1 &
launch=$!
sleep "$settle"
exec_time() { # ticks of user and system time of the processes $*
    for pid in "$@"; do sed 's/.*) //' "/proc/$pid/stat" | awk '{ print $12 + $13 }'; done |
        awk '{ s += $1 } END { print s + 0 }'
}
rank_of() { tr '\0' '\n' <"/proc/$1/environ" | sed -n 's/^OMPI_COMM_WORLD_RANK=//p'; }
rank_pids=$(pgrep -P "$launch" dh_mpi)
manager= workers= launchers=
for pid in $rank_pids; do
    if [ "$(rank_of "$pid")" = 0 ]; then manager=$pid; else workers="$workers $pid"; fi
    launchers="$launchers $(pgrep -P "$pid" || :)"
done
before_manager=$(exec_time "$manager")
before_workers=$(exec_time $workers)
before_launchers=$(exec_time $launchers)
sleep "$seconds"
hertz=$(getconf CLK_TCK)
share() { # LABEL COUNT TICKS
    awk -v label="$1" -v n="$2" -v ticks="$3" -v s="$seconds" -v hz="$hertz" 'BEGIN {
        printf "%-22s %3d   %6.2f%% of a core each\n", label, n, 100 * ticks / hz / s / n }'
}
count() { echo $#; }
echo "CPU over $seconds seconds, $ranks ranks"
share "worker ranks" "$(count $workers)" $(($(exec_time $workers) - before_workers))
share "their launchers" "$(count $launchers)" $(($(exec_time $launchers) - before_launchers))
share "manager" 1 $(($(exec_time "$manager") - before_manager))
wait "$launch"
