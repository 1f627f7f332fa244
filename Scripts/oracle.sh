#!/bin/sh
# `make oracle`: the same scenarios driven by CPython 3.13's asyncio and by Eddy, trace by trace.
# First both drivers show that they find what is wrong: see Tests/Oracle/selfcheck.
# Last, RANDOM_COUNT=100 scenarios made from SEED=1.
# ONLY="name name" takes the scenario files whose names begin so; EDDY_PYTHON313 names a Python.
# usage: oracle.sh [show]
#   show   prints the traces of both
set -u
. Scripts/report.sh
work=build/oracle
# So many of all scenarios must agree.
least=350
driver=$work/oracle
mkdir -p "$work"

# works COMMAND: it runs, and is a 3.13. A shim may stand in the path and fail.
works() {
  "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' > /dev/null 2>&1
}

find_python() {
  for candidate in python3.13 "${EDDY_PYTHON313:-}"; do
    [ -n "$candidate" ] && works "$candidate" && echo "$candidate" && return
  done
  command -v pyenv > /dev/null 2>&1 || return 1
  for candidate in "$(pyenv root)"/versions/3.13*/bin/python3.13; do
    works "$candidate" && echo "$candidate" && return
  done
  return 1
}

python=$(find_python) || {
  begin oracle
  skip oracle "there is no python3.13 (EDDY_PYTHON313 names one)"
  finish
  exit 0
}

# -B: nothing is written beside the sources.
compare() {
  timeout 300 "$python" -B Tests/Oracle/oracle.py "$@"
}

# planted NAME: the self-check's scenario is among those that were found to be wrong.
planted() {
  if grep -q "^FAIL .*-planted-$1 " "$work/planted.out"; then pass "finds: $1"
  else fail "does not find: $1"; fi
}

# refused FILE LINE: both drivers refuse it, with that line.
refused() {
  bad=Tests/Oracle/selfcheck/$1.txt
  "$driver" Tests/Oracle/grammar.txt "$bad" > "$work/refused.out" 2>&1
  of_eddy=$?
  compare "$driver" "$bad" > "$work/refused.python" 2>&1
  of_python=$?
  if [ "$of_eddy.$of_python" = 2.2 ] && grep -q "^$bad:$2: " "$work/refused.out" &&
    grep -q "^$bad:$2: " "$work/refused.python"
  then pass "refuses $1.txt at line $2"
  else fail "$1.txt is not refused at line $2"; fi
}

self_check() {
  compare "$driver" Tests/Oracle/selfcheck/planted.txt > "$work/planted.out" 2>&1 &&
    fail "planted.txt passes"
  for name in a-disagreement-that-is-not-stated it-is-said-to-differ-and-agrees \
    the-stated-trace-is-another nothing-can-ever-run-again the-row-is-no-deviation no-such-row; do
    planted "$name"
  done
  refused bad-word 4
  refused bad-number 3
  refused bad-block 5
  refused bad-place 6
  refused bad-option 3
}

files=$(for name in ${ONLY:-""}; do ls Tests/Oracle/scenarios/"$name"*.txt; done | LC_ALL=C sort)
begin oracle
[ -n "$files" ] || fail "no file of scenarios begins with $ONLY"
# The lists of flags and of files are to be split into words.
${CC:-cc} -std=gnu11 -g -O1 -Wall -Wextra -pedantic -Werror -IInclude Tests/Oracle/*.c \
  -o "$driver" -Lbuild/lib -leddy -Wl,-rpath,"$PWD/build/lib" || exit 1
if [ "${1:-}" = show ]; then
  compare --show "$driver" $files
  exit
fi
self_check
compare "$driver" $files > "$work/compared.out" 2>&1
status=$?
grep -v '^[0-9]* scenarios ' "$work/compared.out"
# "N scenarios agree, N differ as their D row says, N failed"
counts=$(sed -n '$s/[^0-9]*\([0-9]*\)[^0-9]*/\1 /gp' "$work/compared.out")
read -r agree differ bad << END
$counts
END
[ "${agree:-0}" = 0 ] || pass "scenarios that agree: $agree" "$agree"
[ "${differ:-0}" = 0 ] || pass "scenarios that differ as their D row says: $differ" "$differ"
[ "$status" = 0 ] || fail "scenarios: ${bad:-?}"
[ -n "${ONLY:-}" ] || [ "${agree:-0}" -ge "$least" ] || fail "fewer than $least agree"
if [ -z "${ONLY:-}" ]; then
  if compare --random "${SEED:-1}" "${RANDOM_COUNT:-100}" "$driver" "$work/random.txt" \
    > "$work/random.out" 2>&1
  then pass "$(tail -n 1 "$work/random.out")"
  else
    fail "random scenarios of SEED=${SEED:-1}"
    explain "$work/random.out"
  fi
fi
finish
status=$?
tail -n 1 "$work/compared.out"
exit "$status"
