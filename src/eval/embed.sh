#!/bin/sh
# The text of a file as a C array: embed.sh FILE NAME > OUTPUT. Bytes as numbers, so that neither
# quoting nor the limit on string literals matters.
echo "/* Made from $(basename "$1") by embed.sh. */"
echo "extern const unsigned char $2[];"
echo "const unsigned char $2[] = {"
od -An -v -tu1 "$1" | sed 's/  */,/g; s/^,//; s/$/,/'
echo "0};"
