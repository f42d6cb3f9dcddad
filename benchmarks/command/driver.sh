#!/bin/sh
# One evaluation of a simulation code, in its run folder: params.in from the template, the code, its
# results read back. FOLDER is where template, program and data are.
folder=$1
status() { echo "DH-OUTPUT: $1"; exit 0; }

# {name} becomes the value in DH_PARAM_name; what is inactive has none, and gets the code's default
script=$(env | sed -n 's/^DH_PARAM_\([A-Za-z0-9_]*\)=\(.*\)/s|{\1}|\2|g/p')
sed -e "$script" -e '/{[A-Za-z0-9_]*}/d' "$folder/params.template" >params.in

"$folder/epidemic" "$folder/influenza.csv" || exit    # its exit code is the reason

error=$(awk '$1 == "error" { print $2 }' results.out)
left=$(awk '$1 == "never_infected" { print $2 }' results.out)
# a constraint that only the simulation knows: a failure with a reason, from which the search learns
awk "BEGIN { exit !($left > 500) }" && status F_no_outbreak
status "{\"objective\": $error, \"metadata\": {\"never_infected\": $left}}"
