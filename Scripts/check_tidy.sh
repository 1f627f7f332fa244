#!/bin/sh
# Runs the Tidy rules over the repository, after they have shown that they find what is wrong.
# usage: check_tidy.sh PROGRAM
set -u
. Scripts/report.sh
begin tidy
if "$1" --self-check; then pass "the rules find what is wrong"; else fail "self-check"; fi
if "$1"; then pass "the repository holds the rules"; else fail "the repository"; fi
finish
