#!/bin/sh
#PBS -N search
#PBS -l nodes=4:ppn=16
#PBS -l walltime=02:00:00
#PBS -j oe
#
# A search as a chain of PBS jobs (Torque, OpenPBS, PBS Pro). Copy this file and chain.sh beside the
# configuration, edit what is above and the lines below, and submit it from there:
#
#   qsub pbs.sh
#
# Each job stops before its time limit and submits the next one, until the search is finished. qdel
# ends job and chain. Options of qsub belong into the lines above: those of its command line hold for
# the first job alone. The number of the job in the chain is DH_LINK, which qsub is told to pass on:
# not all of these systems give arguments to a script.

trap : USR1         # (qsig) it may come before chain.sh runs, and would end this script
walltime=02:00:00   # as above, for systems that do not set PBS_WALLTIME
dh_mpi=dh_mpi       # the program, or its path
config=config.cfg   # the search
launch='mpiexec'    # with the options that this MPI needs here, e.g. 'mpiexec -n 64'
links=20            # jobs in the chain, at most
script=pbs.sh       # the name of this file
# module load openmpi

if [ "${PBS_ARRAYID:-}${PBS_ARRAY_INDEX:-}" ]; then
    echo "pbs.sh: a job array is no chain: its jobs would all run one search. Submit without -t" \
        "or -J (or unset PBS_ARRAYID and PBS_ARRAY_INDEX, if this is no job of it)" >&2
    exit 64
fi

cd "$PBS_O_WORKDIR" || exit
export PBS_WALLTIME="${PBS_WALLTIME:-$walltime}"
set -- "${DH_LINK:-1}" "$links" qsub -V -v DH_LINK "$script" -- $launch "$dh_mpi" "$config"
# In this shell, which so never is without a trap.
# shellcheck disable=SC1091
. ./chain.sh
