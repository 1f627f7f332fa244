#!/bin/sh
# Builds every CExamples/NN_*.c as its users do, with plain cc and what pkg-config says of the
# staged library, runs it and compares its output with CExamples/expected/NN_*.txt. Under a
# sanitizer the sanitized library is linked instead.
# Without a tool also the mixed examples of Swift and C, which check themselves.
# usage: test_examples.sh TOOL, as in Scripts/tools.sh
set -u
. Scripts/report.sh
. Scripts/tools.sh
use_tool "$1"
begin "examples, tool $tool"
work=build/tests/examples-$tool
mkdir -p "$work"
PKG_CONFIG_PATH=$STAGE/lib/pkgconfig
export PKG_CONFIG_PATH

# build NAME; an example with a libuv loop of its own links libuv too.
build() {
  more=""
  case $1 in *attach*) more=$(pkg-config --cflags --libs libuv) ;; esac
  case $tool in
  none | valgrind)
    library=$STAGE/lib
    $CC "CExamples/$1.c" -o "$work/$1" $(pkg-config --cflags --libs eddy) $more \
      > "$work/$1.log" 2>&1
    ;;
  *)
    $compiler $flags -IInclude "CExamples/$1.c" -o "$work/$1" -L"$library" -leddy $more \
      $late_flags > "$work/$1.log" 2>&1
    ;;
  esac
}

# A server is loaded and stopped by the demo's client, which checks all that it says. Valgrind is
# too slow for that: there it is only started and stopped.
run_server() {
  if [ "$tool" != valgrind ]; then
    $CC -O2 CExamples/demo/load.c -o "$work/load" > "$work/$1.err" 2>&1 &&
      run_program "$work/$1" "$work/load" "$work/$1" "$library" Include/eddy.h LICENSE
    return
  fi
  : > "$work/$1.out"
  (
    tries=0
    until grep -q '^listening' "$work/$1.out" || [ "$tries" = 600 ]; do
      sleep 0.1
      tries=$((tries + 1))
    done
    kill -INT "$(cat "$work/$1.pid")"
  ) &
  stopper=$!
  run_program "$work/$1" "$work/$1" && grep -q '^stopped: 0 served' "$work/$1.out"
  status=$?
  wait "$stopper"
  return "$status"
}

run_and_compare() {
  run_program "$work/$1" "$work/$1" &&
    diff -u "CExamples/expected/$1.txt" "$work/$1.out" > "$work/$1.err"
}

run() {
  case $1 in
  *server*) run_server "$1" ;;
  *) run_and_compare "$1" ;;
  esac
}

one() {
  reason=$(skip_reason "CExamples/$1.c" "$tool")
  if [ -n "$reason" ]; then
    skip "$1" "$reason"
  elif ! build "$1"; then
    fail "$1 does not build"
    explain "$work/$1.log"
  elif run "$1"; then
    pass "$1"
  else
    fail "$1"
    tail -n 60 "$work/$1.err" > "$work/$1.said"
    explain "$work/$1.said"
  fi
}

for file in CExamples/[0-9]*.c; do
  one "$(basename "$file" .c)"
done
if [ "$tool" = none ]; then
  if sh CExamples/mixed/check.sh > "$work/mixed.said" 2>&1; then
    pass "mixed"
  else
    fail "mixed"
    explain "$work/mixed.said"
  fi
fi
finish
