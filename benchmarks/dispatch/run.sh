#!/bin/sh
# run.sh [RANKS [OPTION…]]: null evaluations per second of dh_mpi (with these options),
# mpi4py.futures and a bare MPI loop, in one run, in turn, three times each; the table shows medians.
# See README.md.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH='' cd -- "$here/../.." && pwd)
build=${DH_BUILD:-$root/build}
ranks=${1:-4}
[ $# -eq 0 ] || shift
rounds=${DH_ROUNDS:-3}
evaluations=${DH_EVALUATIONS:-200000}

for program in src/app/dh_mpi benchmarks/dispatch/bare_loop; do
    if [ ! -x "$build/$program" ]; then
        echo "run.sh: no $build/$program; build first: meson setup build && ninja -C build" >&2
        exit 69
    fi
done

# For Open MPI: more ranks than cores, and in a container where everybody is root.
export OMPI_MCA_rmaps_base_oversubscribe=1
[ "$(id -u)" != 0 ] || export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

# What the search itself took, without the start of MPI: from its last status.json.
measure_dh_mpi()
{
    rm -f dispatch.h5* status.json
    if ! mpiexec -n "$ranks" "$build/src/app/dh_mpi" -q \
        --set "search.max_evaluations=$evaluations" "$@" "$here/dispatch.cfg" >dh_mpi.log 2>&1; then
        cat dh_mpi.log >&2
        return 1
    fi
    python3 - "$evaluations" <<'END'
import json, sys
status = json.load(open("status.json"))
assert status["finished"] and status["trials"]["ok"] == int(sys.argv[1]), status["trials"]
print("%.0f" % (status["ended_here"] / status["elapsed"]))
END
}

measure_futures()
{
    mpiexec -n "$ranks" /usr/bin/python3 -m mpi4py.futures "$here/futures.py" 20000
}

measure_bare()
{
    mpiexec -n "$ranks" "$build/benchmarks/dispatch/bare_loop" 400000 "$1"
}

round=0
while [ "$round" -lt "$rounds" ]; do
    round=$((round + 1))
    echo "round $round of $rounds" >&2
    measure_dh_mpi "$@" >>dh_mpi
    measure_futures >>futures
    measure_bare 1 >>bare_1
    measure_bare 4 >>bare_4
done

median()
{
    sort -n "$1" | awk '{ v[NR] = $1 }
        END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

base=$(median futures)
row()
{
    median "$2" | awk -v name="$1" -v base="$base" -v all="$(sort -n "$2" | tr '\n' ' ')" \
        '{ printf "%-34s %10.0f %8.1f   %s\n", name, $1, $1 / base, all }'
}
echo "Null evaluations per second, $ranks ranks on $(nproc) cores, median of $rounds"
printf '%-34s %10s %8s   %s\n' '' 'per second' 'ratio' 'measured'
row 'mpi4py.futures' futures
row 'dh_mpi, random search, journal on' dh_mpi
row 'bare MPI loop, 1 task a worker' bare_1
row 'bare MPI loop, 4 tasks a worker' bare_4
