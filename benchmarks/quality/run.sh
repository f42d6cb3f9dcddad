#!/bin/sh
# Plays dh_mpi and its peers on the set of problems and prints the tables: see README.md.
#
#   run.sh [--small] [--build DIR] [--venv DIR] [options of "quality.py run" …]
#
# --small ends within five minutes on two cores: fewer problems, systems and seeds, its own file.
# Otherwise everything is played (many hours: some peers need seconds an ask); what is in
# results.csv is not played again, so it can be broken off and continued.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
small= build=$root/build venv=
while [ $# -gt 0 ]; do
    case $1 in
    --small) small=1; shift ;;
    --build) build=$2; shift 2 ;;
    --venv) venv=$2; shift 2 ;;
    *) break ;;
    esac
done
venv=${venv:-$build/quality-venv}

[ -d "$build" ] || meson setup "$build" "$root" --buildtype=release
ninja -C "$build" benchmarks/quality/dh_ask_tell >&2
# A copy: a build during the run does not change what is measured.
DH_ASK_TELL=$(mktemp)
trap 'rm -f "$DH_ASK_TELL"' EXIT
cp "$build/benchmarks/quality/dh_ask_tell" "$DH_ASK_TELL"
chmod +x "$DH_ASK_TELL"
export DH_ASK_TELL

if [ ! -e "$venv/complete" ] && [ "$small" ]; then
    echo "the peers are not installed (without --small they are, into $venv): those that" \
        "python3 finds are played" >&2
elif [ ! -e "$venv/complete" ]; then
    echo "installing the peers into $venv (once, some GB)" >&2
    if python3 -m venv "$venv" && "$venv/bin/pip" install -q -r "$here/requirements.txt" >&2; then
        touch "$venv/complete"
    else
        echo "not all peers could be installed: those that are missing are skipped" >&2
    fi
fi
python=$venv/bin/python
"$python" -c 'import numpy, sklearn' 2>/dev/null || python=/usr/bin/python3
"$python" -c 'import numpy, sklearn' || { echo "run.sh: needs numpy and scikit-learn" >&2; exit 1; }

if [ "$small" ]; then
    results=$build/quality-small.csv
    rm -f "$results"
    "$python" "$here/quality.py" run --results "$results" --seeds 2 -n 100 --time-limit 240 \
        --systems dh_mpi optuna-tpe optuna-gp random \
        --problems branin rosenbrock6 hartmann6 two_functions like_training7 branches network_cancer \
        "$@"
    "$python" "$here/quality.py" report --results "$results" --at 100
    exit
fi
"$python" "$here/quality.py" run "$@"
"$python" "$here/quality.py" report --plot "$here/results.png" | tee "$here/results.md"
