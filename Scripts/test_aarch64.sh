#!/bin/sh
# Runs Tests/Switch/run_aarch64.sh, which says what it did; exit status 77 means that the machine
# cannot run it, and its last line says why.
set -u
. Scripts/report.sh
begin aarch64
mkdir -p build/aarch64
log=build/aarch64/log
sh Tests/Switch/run_aarch64.sh > "$log" 2>&1 < /dev/null
case $? in
0) pass "the aarch64 switch under qemu-user" ;;
77) skip "the aarch64 switch" "$(tail -n 1 "$log" | sed -e 's/^skipped: //')" ;;
*)
  fail "the aarch64 switch under qemu-user"
  explain "$log"
  ;;
esac
finish
