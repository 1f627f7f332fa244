#!/bin/sh
# run.sh: what `make demo-c` runs after `make stage`. It builds the echo server the way a user
# would, with pkg-config alone, against the staged libeddy.so, builds load.c beside it, and lets
# load.c start, load and stop the server. Exit status 0 only if all that load.c checks was so.
#
# Environment: STAGE (default build/stage), BUILD (default build), CC (default cc).
set -eu
cd "$(dirname "$0")/../.."
STAGE=${STAGE:-build/stage}
BUILD=${BUILD:-build}
CC=${CC:-cc}
out=$BUILD/demo

if [ ! -e "$STAGE/lib/pkgconfig/eddy.pc" ]; then
    echo "demo: no $STAGE/lib/pkgconfig/eddy.pc; run \`make demo-c\`, which stages the library" >&2
    exit 1
fi
PKG_CONFIG_PATH=$STAGE/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
LD_LIBRARY_PATH=$STAGE/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export PKG_CONFIG_PATH LD_LIBRARY_PATH

mkdir -p "$out"
flags=$(pkg-config --cflags --libs eddy)
# shellcheck disable=SC2086 # the compiler and the flags are words
$CC -O2 CExamples/06_echo_server.c -o "$out/echo_server" $flags
$CC -O2 CExamples/demo/load.c -o "$out/load"
exec "$out/load" "$out/echo_server" "$STAGE/lib" Include/eddy.h LICENSE
