#!/bin/sh
# `swift test`, each test counted.
set -u
. Scripts/report.sh
begin "swift test"
mkdir -p build
log=build/swift-test.log
$SWIFT test > "$log" 2>&1
status=$?
# Both harnesses may be in use: a line "✔ Test name() passed" or "Test Case 'name' passed".
good=$(grep -c -e '^✔ Test .* passed after' -e "^Test Case .* passed (" "$log")
runs=$(grep -c '^✔ Test run with' "$log")
bad=$(grep -c -e '^✘ Test .* failed after' -e "^Test Case .* failed (" "$log")
good=$((good - runs))
if [ "$status" = 0 ] && [ "$good" -gt 0 ]; then
  pass "$good tests" "$good"
else
  [ "$good" -le 0 ] || pass "$good tests" "$good"
  fail "swift test" "$((bad > 1 ? bad : 1))"
  tail -n 60 "$log" > "$log.tail"
  explain "$log.tail"
fi
finish
