#!/bin/sh
#PBS -N scaling
#PBS -l nodes=8:ppn=16
#PBS -l walltime=01:00:00
#PBS -j oe
#
# How a search scales on this machine: searches on 16, 32, 64, … workers within one job, and a table
# in its log (Torque, OpenPBS, PBS Pro). Copy this file and scaling.sh into a folder and submit it
# from there:
#
#   qsub scaling_pbs.sh                   weak scaling
#   qsub -v kind=strong scaling_pbs.sh    strong scaling
#
# `dhctl simulate` says beforehand what to expect.

kind=${kind:-weak}
DH_MPI=${DH_MPI:-dh_mpi}   # the program, or its path
launch='mpiexec -n'        # with the options that this MPI needs here
# module load openmpi

cd "$PBS_O_WORKDIR" || exit
ranks=${ranks:-${PBS_NP:-$(wc -l <"$PBS_NODEFILE")}} # the job's, unless told by qsub -v ranks=…
export DH_MPI
exec sh scaling.sh "$kind" "$ranks" $launch
