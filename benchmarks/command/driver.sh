#!/bin/sh
# One evaluation of a simulation code, in its run folder: params.in from the template, the code, its
# results read back. FOLDER is where template, program and data are.
set -e    # what goes wrong ends the evaluation, and its exit code is the reason
folder=$1
status() { echo "DH-OUTPUT: $1"; exit 0; }

# {name} becomes the value in DH_PARAM_name, whatever characters it has; a line with one that has
# none, since it is inactive, is left out: the code's default holds
awk '{
    line = ""
    while (match($0, /[{][A-Za-z0-9_]+[}]/)) {
        name = "DH_PARAM_" substr($0, RSTART + 1, RLENGTH - 2)
        if (!(name in ENVIRON))
            next
        line = line substr($0, 1, RSTART - 1) ENVIRON[name]
        $0 = substr($0, RSTART + RLENGTH)
    }
    print line $0
}' "$folder/params.template" >params.in

"$folder/epidemic" "$folder/influenza.csv"

error=$(awk '$1 == "error" { print $2 }' results.out)
left=$(awk '$1 == "never_infected" { print $2 }' results.out)
: "${error:?is not in results.out}" "${left:?is not in results.out}"
# a constraint that only the simulation knows: a failure with a reason, from which the search learns
if awk "BEGIN { exit !($left > 500) }"; then status F_no_outbreak; fi
status "{\"objective\": $error, \"metadata\": {\"never_infected\": $left}}"
