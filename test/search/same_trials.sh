#!/bin/sh
# The same seed gives the same trials on any machine: here with the C library's functions for an old
# processor, and with the model's code compiled for one (another program: other instructions,
# another optimisation).
#
#   same_trials.sh TRIALS TRIALS_NARROW
set -eu
old='glibc.cpu.hwcaps=-AVX,-AVX2,-AVX512F,-FMA,-FMA4,-AVX_Usable,-AVX2_Usable,-FMA_Usable'
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failed=0
for search in '60 auto auto' '30 et auto' '20 gbrt auto' '40 gp quantile'; do
    # shellcheck disable=SC2086 # three arguments
    {
        "$1" $search > "$folder/here"
        GLIBC_TUNABLES=$old "$1" $search > "$folder/old C library"
        "$2" $search > "$folder/old processor"
    }
    for other in 'old C library' 'old processor'; do
        if cmp "$folder/here" "$folder/$other"; then
            echo "$search: the same with an $other"
        else
            failed=1
        fi
    done
done
exit $failed
