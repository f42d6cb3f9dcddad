#!/bin/sh
#SBATCH --job-name=search
#SBATCH --ntasks=64
#SBATCH --time=02:00:00
#SBATCH --output=%x-%j.log
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@120
#
# A search as a chain of Slurm jobs. Copy this file and chain.sh beside the configuration, edit what
# is above and the lines below, and submit it from there:
#
#   sbatch slurm.sh
#
# Each job stops before its time limit (which dh_mpi knows; the signal is for the case that it does
# not) and submits the next one, until the search is finished. scancel ends job and chain. Options
# of sbatch belong into the lines above: those of its command line hold for the first job alone. The
# number of the job in the chain is this script's argument, so that --export=NONE does not lose it.

trap : USR1         # it may come before chain.sh runs, and would end this script
dh_mpi=dh_mpi       # the program, or its path
config=config.cfg   # the search
launch='mpiexec'    # or 'srun --mpi=pmix_v4'; `srun --mpi=list` says what there is
links=20            # jobs in the chain, at most
# module load openmpi
export SLURM_EXPORT_ENV=ALL # under --export=NONE, too, ranks and mpiexec's daemons get what is set here

if [ "${SLURM_ARRAY_JOB_ID:-}" ]; then
    echo "slurm.sh: a job array is no chain: each of its jobs would submit it again. Submit" \
        "without --array (or unset SLURM_ARRAY_JOB_ID, if this is no job of it)" >&2
    exit 64
fi

# What Slurm knows of this job: nothing, where its controller does not answer.
job=$(scontrol show job "$SLURM_JOB_ID")

# When it ends, for chain.sh; not exported, since the next job would inherit it.
job_end=$(echo "$job" | sed -n 's/.*EndTime=\([0-9][^ ]*\).*/\1/p' | sed q)
[ -z "$job_end" ] || job_end=$(date -d "$job_end" +%s)

# Its own path, without its arguments, which Slurm appends. (A heterogeneous job has several lines.)
script=$(echo "$job" | sed -n 's/^ *Command=//p' | sed q)
script=${script:-$PWD/slurm.sh}
case $script in
'(null)'*)
    echo "slurm.sh: Slurm has no path of this script, so it could not submit the next job. Submit" \
        "it as a file, not from a pipe" >&2
    exit 64
    ;;
esac
set -- "${1:-1}" "$links" sbatch "${script%" $*"}" '{link}' -- $launch "$dh_mpi" "$config"
# In this shell, which so never is without a trap.
# shellcheck disable=SC1091
. ./chain.sh
