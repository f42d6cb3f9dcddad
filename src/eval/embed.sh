#!/bin/sh
# The text of files, one behind the other, as a C array: embed.sh NAME FILE... > OUTPUT. Bytes as
# numbers, so that neither quoting nor the limit on string literals matters.
name=$1
shift
echo "/* Made from $(basename -a "$@" | xargs) by embed.sh. */"
echo "extern const unsigned char $name[];"
echo "const unsigned char $name[] = {"
cat "$@" | od -An -v -tu1 | sed 's/  */,/g; s/^,//; s/$/,/'
echo "0};"
