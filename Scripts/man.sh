#!/bin/sh
# Makes the man pages of a header: OUT/man3 and OUT/man7. Needs an awk, and nothing else.
# usage: man.sh OUT VERSION HEADER
#        man.sh check HEADER        says what is wrong with the header's comments
set -u
folder=$(dirname "$0")/man
if [ "$1" = check ]; then
  set -- "$2" -v check=1
else
  rm -rf "$1"
  mkdir -p "$1/man3" "$1/man7"
  set -- "$3" -v out="$1" -v version="$2"
fi
header=$1
shift
exec awk "$@" -f "$folder/text.awk" -f "$folder/read.awk" -f "$folder/parts.awk" \
  -f "$folder/page.awk" -f "$folder/function.awk" -f "$folder/returns.awk" \
  -f "$folder/struct.awk" -f "$folder/overview.awk" "$header"
