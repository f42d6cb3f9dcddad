#!/bin/sh
# mpi_flags.sh WRAPPER: the compiler's arguments that an MPI's compiler wrapper adds, each on a line.
# `-show` is understood by those of Open MPI, MPICH, Intel MPI and MVAPICH; what it prints is quoted
# for a shell.
shown=$("$1" -show) || exit
eval "set -- $shown"
shift # the compiler
while [ $# -gt 0 ]; do
    case $1 in
    -Xlinker) # meson may move a word away from the one that it belongs to
        printf '%s\n' "-Wl,$2"
        shift
        ;;
    *) printf '%s\n' "$1" ;;
    esac
    shift
done
