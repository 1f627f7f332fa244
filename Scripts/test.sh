#!/bin/sh
# `make test`: sets the machine up, runs the gates one after another and adds up their counts. The
# last line is "N passed, N failed"; it is also kept in build/test-result.
# usage: test.sh GATE...
set -u

# Options of the outer make, such as -j, are not for the gates.
unset MAKEFLAGS MAKELEVEL MFLAGS
mkdir -p build
EDDY_COUNTS=$PWD/build/test-counts
export EDDY_COUNTS
: > "$EDDY_COUNTS"

sh Scripts/setup.sh install || echo "0 1 0 setup" >> "$EDDY_COUNTS"

for gate in "$@"; do
  # A gate that ends before it has counted anything, such as a build that fails, is one failure.
  before=$(wc -l < "$EDDY_COUNTS")
  if ! make --no-print-directory "$gate" < /dev/null; then
    awk -v skip="$before" 'NR > skip { n += $2 } END { exit n == 0 }' "$EDDY_COUNTS" ||
      echo "0 1 0 $gate" >> "$EDDY_COUNTS"
  fi
done

echo
awk '{ s += $3 }
  $2 { $1 = $2 = $3 = ""; sub(/^ */, ""); print "failed: " $0 }
  END { if (s) print s " skipped, see above" }' "$EDDY_COUNTS"
awk '{ p += $1; f += $2 } END { print p " passed, " f + 0 " failed" }' "$EDDY_COUNTS" |
  tee build/test-result
awk '{ p += $1; f += $2 } END { exit f > 0 || p == 0 }' "$EDDY_COUNTS"
