#!/bin/sh
# mixed.sh: the second half of `make demo`, after `make stage`. It builds the package in mixed/
# against the staged libeddy.so and runs it: a C echo server and Swift clients in one process, on
# one loop, in one group. Exit status 0 only if all that the program checks was so.
#
# Environment: STAGE (default build/stage), BUILD (default build), SWIFT (default swift).
set -eu
cd "$(dirname "$0")/../.."
STAGE=${STAGE:-$PWD/build/stage}
BUILD=${BUILD:-build}
SWIFT=${SWIFT:-swift}

if [ ! -e "$STAGE/lib/pkgconfig/eddy.pc" ]; then
    echo "demo: no $STAGE/lib/pkgconfig/eddy.pc; run \`make demo\`, which stages the library" >&2
    exit 1
fi
PKG_CONFIG_PATH=$STAGE/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
LD_LIBRARY_PATH=$STAGE/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export PKG_CONFIG_PATH LD_LIBRARY_PATH

echo "swift build (the mixed demo)"
# shellcheck disable=SC2086 # the command is words
$SWIFT build --quiet --package-path CExamples/demo/mixed --scratch-path "$BUILD/demo/mixed"
exec "$BUILD/demo/mixed/debug/mixed-demo" Include/eddy.h LICENSE
