#!/bin/sh
#SBATCH --job-name=scaling
#SBATCH --ntasks=129
#SBATCH --time=01:00:00
#SBATCH --output=%x-%j.log
#
# How a search scales on this machine: searches on 16, 32, 64, … workers within one job, and a table
# in its log. Copy this file and scaling.sh into a folder and submit it from there:
#
#   sbatch scaling_slurm.sh                                weak scaling, 128 workers and rank 0
#   sbatch --export=ALL,kind=strong scaling_slurm.sh       strong scaling
#   sbatch --ntasks=4097 scaling_slurm.sh                  more workers
#
# `dhctl simulate` says beforehand what to expect.

kind=${kind:-weak}
DH_MPI=${DH_MPI:-dh_mpi}   # the program, or its path
launch='mpiexec -n'        # or 'srun --mpi=pmix_v4 -n'; `srun --mpi=list` says what there is
# module load openmpi

export DH_MPI
exec sh scaling.sh "$kind" "$SLURM_NTASKS" $launch
