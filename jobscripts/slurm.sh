#!/bin/sh
#SBATCH --job-name=search
#SBATCH --ntasks=64
#SBATCH --time=02:00:00
#SBATCH --output=%x-%j.log
#SBATCH --signal=B:USR1@120
#
# A search as a chain of Slurm jobs. Copy this file and chain.sh beside the configuration, edit what
# is above and the lines below, and submit it from there:
#
#   sbatch slurm.sh
#
# Each job stops before its time limit (which dh_mpi knows; the signal is for the case that it does
# not) and submits the next one, until the search is finished. scancel ends job and chain. The
# number of the job in the chain is this script's argument, so that --export=NONE does not lose it.

dh_mpi=dh_mpi       # the program, or its path
config=config.cfg   # the search
launch='mpiexec'    # or 'srun --mpi=pmix_v4'; `srun --mpi=list` says what there is
links=20            # jobs in the chain, at most
# module load openmpi

# Its own path, without its arguments, which Slurm appends.
script=$(scontrol show job "$SLURM_JOB_ID" | sed -n 's/^ *Command=//p')
exec sh chain.sh "${1:-1}" "$links" sbatch "${script%" $*"}" '{link}' -- \
    $launch "$dh_mpi" "$config"
