#!/bin/sh
# `make sanitize`: the C tests and the examples under ASan with UBSan (LeakSanitizer on), under
# TSan, and under Valgrind with descriptors tracked. A test that one of them cannot run says so in
# its first line. Under TSan also the Swift tests in which threads race. UBSan covers the C code
# only; the Swift compiler has none.
# usage: sanitize.sh [asan|tsan|valgrind]...
set -u
mkdir -p build
EDDY_COUNTS=$PWD/build/sanitize-counts
export EDDY_COUNTS
: > "$EDDY_COUNTS"
sh Scripts/setup.sh install sanitize || exit 1
result=0

for tool in ${*:-asan tsan valgrind}; do
  case $tool in
  asan) make --no-print-directory lib BUILD=build/asan SAN=address || exit 1 ;;
  tsan) make --no-print-directory lib BUILD=build/tsan SAN=thread || exit 1 ;;
  valgrind)
    make --no-print-directory lib stage || exit 1
    if ! command -v valgrind > /dev/null 2>&1; then
      echo "skip  valgrind: there is none here"
      continue
    fi
    ;;
  esac
  sh Scripts/test_c.sh "$tool" embedded || result=1
  [ -n "${ONLY:-}" ] || sh Scripts/test_examples.sh "$tool" || result=1
  [ "$tool" != tsan ] || [ -n "${ONLY:-}" ] || sh Scripts/test_swift.sh races || result=1
done

awk '{ p += $1; f += $2; s += $3 }
  END { print s + 0 " skipped, see above"; print p + 0 " passed, " f + 0 " failed" }' "$EDDY_COUNTS"
exit "$result"
