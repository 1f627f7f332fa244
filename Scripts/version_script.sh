#!/bin/sh
# Prints the linker's version script: the listed functions in node LIBEDDY_0, all else local.
# usage: version_script.sh SYMBOLS
set -eu
echo "LIBEDDY_0 {"
echo "  global:"
sed -e '/^#/d' -e '/^$/d' -e 's/.*/    &;/' "$1"
echo "  local:"
echo "    *;"
echo "};"
