#!/bin/sh
# Prints a table of ask and tell times: run.sh [--build DIR] [--venv DIR] [--peer-most N] [N …]
# Sizes: 100 1000 10000 100000 1000000 by default. Optuna from the environment that
# benchmarks/quality/run.sh makes, for sizes up to --peer-most (10000: it needs minutes for more);
# without it only dh_mpi's times are shown.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$root/build venv= most=10000
while [ $# -gt 0 ]; do
    case $1 in
    --build) build=$2; shift 2 ;;
    --venv) venv=$2; shift 2 ;;
    --peer-most) most=$2; shift 2 ;;
    -*) echo "run.sh: $1: expected --build, --venv or --peer-most" >&2; exit 64 ;;
    *) break ;;
    esac
done
venv=${venv:-$build/quality-venv}
[ $# -gt 0 ] || set -- 100 1000 10000 100000 1000000

[ -d "$build" ] || meson setup "$build" "$root" --buildtype=release
ninja -C "$build" benchmarks/ask/ask_speed >&2
lines=$(mktemp)
trap 'rm -f "$lines"' EXIT
peer=yes
"$venv/bin/python" -c 'import optuna' 2>/dev/null || peer=
[ "$peer" ] || echo "skipped: no Optuna in $venv" >&2
for pending in 64 4096; do
    for size in "$@"; do # a process each: its memory is its own
        "$build/benchmarks/ask/ask_speed" "$pending" "$size" | tee -a "$lines" >&2
        if [ "$peer" ] && [ "$size" -le "$most" ]; then
            "$venv/bin/python" "$here/optuna_tpe.py" "$pending" "$size" | tee -a "$lines" >&2
        fi
    done
done
awk '
    { work[$1, $2, $3] = $7; line[++count] = $0 }
    END {
        print "| system | n | pending | steps | ask + tell | processor time | ask, median | 99 % |" \
              " own 99 % | own worst | tell, median | 99 % | own 99 % | own worst | MiB |" \
              " Optuna / dh_mpi |"
        print "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |" \
              " --- | --- |"
        for (i = 1; i <= count; i++) {
            split(line[i], f, " ")
            ratio = ""
            if (f[1] == "dh_mpi" && work["optuna-tpe", f[2], f[3]] > 0)
                ratio = sprintf("%.0f", work["optuna-tpe", f[2], f[3]] / f[7])
            printf "| %s | %d | %d | %d | %.3f | %.3f | %.3f | %.2f | %.3f | %.2f | %.4f | %.3f |" \
                   " %.3f | %.2f | %d | %s |\n", f[1], f[2], f[3], f[5], f[6], f[7], f[8], f[9],
                   f[11], f[12], f[13], f[14], f[16], f[17], f[18], ratio
        }
    }' "$lines"
