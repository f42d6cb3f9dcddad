#!/bin/sh
# quickstart.sh: install what is missing, build, and tune a classifier of scikit-learn on 4 ranks;
# its best is then compared with scikit-learn's default. Interrupt it and run it again: it goes on.
# Arguments are passed to dh_mpi, e.g. --fresh, or --set search.max_evaluations=300.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
build=$root/build
folder=$build/quickstart
dh_mpi=$build/src/app/dh_mpi
dhctl=$build/src/ctl/dhctl

sh "$root/jobscripts/install.sh" build quickstart
[ -f "$build/build.ninja" ] || meson setup "$build" "$root" -Dtests=false
ninja -C "$build" src/app/dh_mpi src/ctl/dhctl

# The first Python that has scikit-learn: another one may come before the system's in PATH.
for python in python3 /usr/bin/python3 ''; do
    if [ -z "$python" ]; then
        echo "quickstart.sh: no python3 has scikit-learn" >&2
        exit 69
    fi
    ! "$python" -c 'import sklearn' 2>/dev/null || break
done

# For Open MPI: four ranks on a small machine, and in a container where everybody is root.
export OMPI_MCA_rmaps_base_oversubscribe=1
[ "$(id -u)" != 0 ] || export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

mkdir -p "$folder"
cd "$folder"
echo "mpiexec -n 4 dh_mpi benchmarks/digits/digits.cfg    (in $folder)" >&2
status=0
mpiexec -n 4 "$dh_mpi" --set "evaluator.python=\"$python\"" "$@" \
    "$root/benchmarks/digits/digits.cfg" || status=$?
if [ "$status" = 75 ]; then
    echo "Stopped early: run this script again and the search goes on." >&2
fi
[ "$status" = 0 ] || exit "$status"

"$dhctl" export --format csv digits.h5 >results.csv
echo
"$python" "$root/benchmarks/digits/compare.py" results.csv
cat <<END

The search is in $folder: digits.h5, results.csv. Try next:
  $dhctl best $folder/digits.h5
  $dhctl list $folder/digits.h5
  sh jobscripts/quickstart.sh --set search.max_evaluations=300    # goes on from here
  sh jobscripts/quickstart.sh --fresh --set search.seed=7         # starts anew
README.md: the same with your own function, program or library.
END
