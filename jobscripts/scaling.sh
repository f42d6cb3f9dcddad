#!/bin/sh
# scaling.sh weak|strong RANKS LAUNCH…: searches on more and more ranks within one job, and a table;
# scaling_slurm.sh and scaling_pbs.sh end in it.
#
#   weak     the same number of evaluations for each worker: the time should stay the same
#   strong   the same number of evaluations in all: the time should fall as the workers grow
#
# LAUNCH is the start of the command that runs N ranks, "N" behind it: `mpiexec -n`, `srun -n`.
# Evaluations are Ackley's function in 5 dimensions with an artificial duration, so the table shows
# what the search itself costs. From the environment: DH_MPI (the program), DH_SECONDS (of an
# evaluation, 10), DH_SPREAD (deviation of its logarithm, 0.3), DH_EACH (evaluations a worker, for
# strong: at the most workers; 10), DH_SLOTS (evaluations at once in a rank, 1), DH_LEAST (fewest
# workers, 16), DH_METHOD (ambs).
set -u
kind=${1:-} ranks=${2:-0}
case $kind in weak | strong) ;; *) kind='' ;; esac
if [ -z "$kind" ] || [ "$#" -lt 3 ] || ! [ "$ranks" -ge 2 ] 2>/dev/null; then
    echo "usage: scaling.sh weak|strong RANKS LAUNCH…   (RANKS: 2 or more; e.g. mpiexec -n)" >&2
    exit 64
fi
shift 2
most=$((ranks - 1)) slots=${DH_SLOTS:-1} each=${DH_EACH:-10} seconds=${DH_SECONDS:-10}
least=${DH_LEAST:-16}
[ "$least" -le "$most" ] || least=$most
folder=$(mktemp -d "$PWD/scaling.XXXXXX") || exit 74
trap 'rm -rf "$folder"' EXIT
trap 'exit 75' TERM INT

cat >"$folder/scaling.cfg" <<END
search     = { name = "scaling"; seed = 1; };
objectives = ( { name = "value"; goal = "minimize"; } );
parameters = (
  { name = "x1"; type = "real"; low = -32.768; high = 32.768; },
  { name = "x2"; type = "real"; low = -32.768; high = 32.768; },
  { name = "x3"; type = "real"; low = -32.768; high = 32.768; },
  { name = "x4"; type = "real"; low = -32.768; high = 32.768; },
  { name = "x5"; type = "real"; low = -32.768; high = 32.768; }
);
optimizer  = { method = "${DH_METHOD:-ambs}"; };
evaluator  = { type = "builtin"; function = "ackley"; duration = $seconds.0;
               duration_spread = ${DH_SPREAD:-0.3}; slots = $slots; };
checkpoint = { file = "scaling.h5"; };
END
case $seconds in *.*) sed -i "s/$seconds\.0/$seconds/" "$folder/scaling.cfg" ;; esac

# The last status.json as a row of the table.
row()
{
    awk -v workers="$1" '
        function value(line) { sub(/^[^:]*: /, "", line); sub(/,$/, "", line); return line + 0 }
        /^ *[{]?"done":/ { done = value($0) }
        /^ *"slots":/ { slots = value($0) }
        /^ *"elapsed":/ { elapsed = value($0) }
        /^ *"late_asks":/ { late = value($0) }
        /^ *"best":/ { best = $0; sub(/.*"objectives": [{]"[^"]*": /, "", best)
                       sub(/[,}].*/, "", best) }
        /^ *"slot_seconds":/ {
            line = $0; sub(/^[^{]*[{]/, "", line); sub(/[}].*/, "", line)
            count = split(line, parts, ", ")
            for (i = 1; i <= count; i++) {
                split(parts[i], pair, ": ")
                if (pair[1] == "\"evaluating\"") busy = pair[2]
                if (pair[1] != "\"failed\"") all += pair[2] # that is a part of evaluating
            }
        }
        END {
            rate = (elapsed > 0) ? done / elapsed : 0
            printf("%8d %8d %12d %8.1f %10.2f %7.2f%% %9d %11.5g\n", workers, slots, done, elapsed,
                   rate, (all > 0) ? 100 * busy / all : 0, late, best)
        }
    ' "$folder/status.json"
}

echo "$kind scaling: evaluations of $seconds s, up to $most workers of $slots slot(s)"
printf '%8s %8s %12s %8s %10s %8s %9s %11s\n' workers slots evaluations seconds 'a second' busy \
    'late asks' best
workers=$least
while :; do
    case $kind in
    weak) evaluations=$((each * slots * workers)) ;;
    strong) evaluations=$((each * slots * most)) ;;
    esac
    rm -f "$folder"/scaling.h5* "$folder/status.json"
    if ! (cd "$folder" && "$@" $((workers + 1)) "${DH_MPI:-dh_mpi}" -q \
        --set "search.max_evaluations=$evaluations" scaling.cfg >run.log 2>&1); then
        echo "scaling.sh: the search on $workers workers failed:" >&2
        cat "$folder/run.log" >&2
        exit 70
    fi
    row "$workers"
    [ "$workers" -lt "$most" ] || break
    workers=$((workers * 2))
    [ "$workers" -le "$most" ] || workers=$most
done
