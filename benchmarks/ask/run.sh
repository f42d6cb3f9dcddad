#!/bin/sh
# Prints a table of ask and tell times: run.sh [--build DIR] [--venv DIR] [N …]
# Sizes: 100 1000 10000 100000 by default. Optuna from the environment that
# benchmarks/quality/run.sh makes; without it only dh_mpi's times are shown.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$root/build venv=
while [ $# -gt 0 ]; do
    case $1 in
    --build) build=$2; shift 2 ;;
    --venv) venv=$2; shift 2 ;;
    *) break ;;
    esac
done
venv=${venv:-$build/quality-venv}
[ $# -gt 0 ] || set -- 100 1000 10000 100000

[ -d "$build" ] || meson setup "$build" "$root" --buildtype=release
ninja -C "$build" benchmarks/ask/ask_speed >&2
lines=$(mktemp)
trap 'rm -f "$lines"' EXIT
for pending in 64 4096; do
    "$build/benchmarks/ask/ask_speed" "$pending" "$@" >> "$lines"
    for size in "$@"; do # Optuna needs hours for a million trials
        if [ "$size" -gt 100000 ]; then
            echo "optuna-tpe is not asked at n = $size" >&2
        elif "$venv/bin/python" -c 'import optuna' 2>/dev/null; then
            "$venv/bin/python" "$here/optuna_tpe.py" "$pending" "$size" >> "$lines"
        else
            echo "skipped: no Optuna in $venv" >&2
        fi
    done
done
awk '
    { mean[$1, $2, $3] = $5; line[++count] = $0 }
    END {
        print "| system | n | pending | steps | ask + tell, mean ms | ask median | ask 99 % |" \
              " tell median | tell 99 % | Optuna TPE / dh_mpi |"
        print "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
        for (i = 1; i <= count; i++) {
            split(line[i], f, " ")
            ratio = ""
            if (f[1] == "dh_mpi" && mean["optuna-tpe", f[2], f[3]] > 0)
                ratio = sprintf("%.0f", mean["optuna-tpe", f[2], f[3]] / f[5])
            printf "| %s | %d | %d | %d | %.3f | %.3f | %.3f | %.3f | %.3f | %s |\n", f[1], f[2],
                   f[3], f[4], f[5], f[6], f[7], f[8], f[9], ratio
        }
    }' "$lines"
