#!/bin/sh
# The house style of all Swift files, by the toolchain's own formatter.
set -u
. Scripts/report.sh
begin lint
mkdir -p build
if $SWIFT format lint --strict -r Sources Tests Package.swift > build/lint.log 2>&1; then
  pass "swift format lint --strict"
else
  fail "swift format lint --strict"
  explain build/lint.log
fi
finish
