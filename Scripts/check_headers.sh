#!/bin/sh
# Compiles Tests/Header/*.c, which include eddy.h twice and use each of its macros, as C and as C++
# with gcc and clang; and sees to it that no macro of the header is left out.
set -u
. Scripts/report.sh
begin headers
work=build/headers
mkdir -p "$work"

# compiles COMPILER NAME LANGUAGE STANDARD
compiles() {
  for file in Tests/Header/*.c; do
    what="$(basename "$file") with $2 -std=$4"
    if "$1" -x "$3" "-std=$4" -Wall -Wextra -pedantic -Werror -IInclude -c "$file" \
      -o "$work/out.o" > "$work/log" 2>&1; then
      pass "$what"
    else
      fail "$what"
      explain "$work/log"
    fi
  done
}

# every COMPILER NAME LANGUAGE STANDARD...: the standards, if the compiler can do the language.
every() {
  compiler=$1 name=$2 language=$3
  shift 3
  echo 'int eddy_probe;' > "$work/probe.c"
  if "$compiler" -x "$language" -c "$work/probe.c" -o "$work/out.o" > "$work/log" 2>&1; then
    for standard in "$@"; do compiles "$compiler" "$name" "$language" "$standard"; done
  else
    skip "$name for $language" "there is none here"
  fi
}

every gcc gcc c c99 c11 c17
every gcc gcc c++ c++11 c++17 c++20
every "$CLANG" clang c c99 c11 c17
every "$CLANG" clang c++ c++11 c++17 c++20

sed -n 's/^#define \([A-Za-z][A-Za-z0-9_]*\)(.*/\1/p' Include/eddy.h | sort -u > "$work/macros"
unused=
while read -r macro; do
  grep -q "\b$macro *(" Tests/Header/macros.c || unused="$unused $macro"
done < "$work/macros"
# Used through others, never by hand.
unused=$(echo "$unused" | sed -e 's/ EDDY_PRINTF\>//' -e 's/ EDDY_SITE_TEXT_//' \
  -e 's/ EDDY_SITE_JOIN_//')
if [ -z "$unused" ]; then
  pass "every macro with parameters is used"
else
  fail "Tests/Header/macros.c does not use:$unused"
fi
finish
