#!/bin/sh
# `make faults`: every example again and again, each time with another of its requests for memory
# refused (Tests/Faults/starve.c says what is right), and the task functions of the test kit's
# scenarios likewise (Tests/C/test_kit_scenarios.c, where libuv's requests do not fail).
set -u
. Scripts/report.sh
begin "failing faults"
work=build/faults
mkdir -p "$work"
PKG_CONFIG_PATH=$STAGE/lib/pkgconfig
LD_LIBRARY_PATH=$STAGE/lib
export PKG_CONFIG_PATH LD_LIBRARY_PATH

must() {
  "$@" > "$work/build.log" 2>&1 && return
  fail "it does not build: $*"
  explain "$work/build.log"
  finish
  exit 1
}

# starve KIND EXAMPLE: begins; they sleep most of the time, so all run side by side.
starve() {
  more=""
  case $2 in *attach*) more=$(pkg-config --cflags --libs libuv) ;; esac
  # shellcheck disable=SC2046,SC2086
  must $CC "CExamples/$2.c" -o "$work/$2" $(pkg-config --cflags --libs eddy) $more
  { timeout 300 "$work/starve" "$PWD/$work/shim.so" "$1" "$work/$2" > "$work/$2.out" 2>&1
    echo "$?" > "$work/$2.status"; } &
}

# judge EXAMPLE
judge() {
  if [ "$(cat "$work/$1.status")" = 0 ]; then
    pass "$1: $(tail -n 1 "$work/$1.out")"
  else
    fail "$1"
    tail -n 60 "$work/$1.out" > "$work/said"
    explain "$work/said"
  fi
}

must $CC -std=c99 -O1 -g -Wall -Wextra -Werror -shared -fPIC Tests/Faults/shim.c -o "$work/shim.so"
must $CC -std=c99 -O1 -g -Wall -Wextra -Werror Tests/Faults/starve.c -o "$work/starve"

# The search itself must be able to fail: a program that forgets what it is given, and one that
# does not look at what it is given.
for fault in leaks crashes; do
  must $CC -std=c99 Tests/Faults/planted.c -DPLANT_"$fault" -o "$work/planted" \
    "-I$STAGE/include" "-L$STAGE/lib" -leddy
  if "$work/starve" "$PWD/$work/shim.so" plain "$work/planted" > "$work/planted.out" 2>&1; then
    fail "a program that $fault is not found"
  else
    pass "a program that $fault is found"
  fi
done

for file in CExamples/[0-9]*.c; do
  name=$(basename "$file" .c)
  case $name in
  *server*) starve server "$name" ;;
  *) starve plain "$name" ;;
  esac
done
wait
for file in CExamples/[0-9]*.c; do
  judge "$(basename "$file" .c)"
done
skip "CExamples/mixed" "the Swift runtime ends a program that is out of memory, without a word"
finish
