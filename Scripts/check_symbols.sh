#!/bin/sh
# What the shipped library shows to the outside: its exports are the list and nothing else, every
# function of the header is in the list, it needs libuv and libc only, and it is small.
# usage: check_symbols.sh LIBRARY SYMBOLS HEADER
set -u
. Scripts/report.sh
begin symbols
library=$1 symbols=$2 header=$3
work=build/symbols
mkdir -p "$work"
LC_ALL=C
export LC_ALL

# same WHAT EXPECTED FOUND: two files with sorted lines.
same() {
  if diff -u "$2" "$3" > "$work/diff"; then
    pass "$1"
  else
    fail "$1"
    explain "$work/diff"
  fi
}

grep -v -e '^#' -e '^$' "$symbols" > "$work/list"
sort -u "$work/list" > "$work/sorted"
same "the list is sorted and has no name twice" "$work/sorted" "$work/list"

awk '/^EDDY_API/ { on = 1; text = "" }
  on { text = text " " $0 }
  on && /;/ {
    on = 0
    if (match(text, /eddy_[a-z0-9_]+\(/)) print substr(text, RSTART, RLENGTH - 1)
  }
' "$header" | sort > "$work/header"
same "the header's functions are the list" "$work/list" "$work/header"

"$TOOLS/llvm-nm" -D --defined-only "$library" | awk '{ print $NF }' > "$work/versioned"
sed -e 's/@.*//' "$work/versioned" | grep -v '^LIBEDDY_0$' | sort > "$work/exports"
same "the library's exports are the list" "$work/list" "$work/exports"

sed -e 's/$/@@LIBEDDY_0/' "$work/list" > "$work/nodes"
grep -v '^LIBEDDY_0' "$work/versioned" | sort > "$work/exported_nodes"
same "each export is in node LIBEDDY_0" "$work/nodes" "$work/exported_nodes"

"$TOOLS/llvm-objdump" -p "$library" > "$work/headers"
sed -n 's/^ *SONAME  *//p' "$work/headers" > "$work/soname"
echo libeddy.so.0 > "$work/expected_soname"
same "soname" "$work/expected_soname" "$work/soname"

needed=$(sed -n 's/^ *NEEDED  *//p' "$work/headers" | tr '\n' ' ')
case " $needed" in
*" libuv.so.1 "*) extra=$(echo "$needed" | tr ' ' '\n' |
  grep -v -e '^libuv\.so\.1$' -e '^libc\.so\.6$' -e '^libm\.so\.6$' -e '^ld-linux' -e '^$') ;;
*) extra="no libuv" ;;
esac
if [ -z "$extra" ]; then pass "needs $needed"; else fail "needs $needed"; fi

"$TOOLS/llvm-objcopy" --strip-all "$library" "$work/stripped.so"
size=$(wc -c < "$work/stripped.so")
if [ "$size" -lt 200000 ]; then
  pass "$size bytes stripped, under 200 KB"
else
  fail "$size bytes stripped, not under 200 KB"
fi
finish
