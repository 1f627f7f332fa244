#!/bin/sh
# check.sh: runs both mixed examples by their documented commands and compares what they print with
# expected/. Run from anywhere; it stages the library if that is not there yet.
#
# Environment: SWIFT (default swift). Exit status 0 only if both printed what they should.
set -u
cd "$(dirname "$0")/../.."
SWIFT=${SWIFT:-swift}
export SWIFT
failed=0

# one NAME COMMAND...
one() {
    name=$1
    shift
    mkdir -p build/mixed
    if timeout 600 "$@" > "build/mixed/$name.txt" &&
        diff -u "CExamples/mixed/expected/$name.txt" "build/mixed/$name.txt"; then
        echo "ok    mixed/$name"
    else
        echo "FAIL  mixed/$name"
        failed=1
    fi
}

# shellcheck disable=SC2086 # the command is words
one swift_with_c $SWIFT run --quiet --package-path CExamples/mixed/swift_with_c
one c_with_swift make -s --no-print-directory -C CExamples/mixed/c_with_swift run
exit "$failed"
