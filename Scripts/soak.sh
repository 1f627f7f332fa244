#!/bin/sh
# `make soak`: random programs of C and Swift tasks, each in several seeded orders, checked against
# the law (Tests/Programs/Soak). Two processes, one for each core, for DURATION seconds; what they
# did is added up. A run that fails is shrunk to a small program, which is printed.
#   DURATION=n  seconds, 10 if not told      FIRST=n  the first run's number, 0 if not told
#   SEED=n      shows run n with all that happens, and shrinks it if it fails
#   MUTANT=n    plants fault n, to see that it is found (Tests/Programs/Soak/Faults.swift)
# usage: soak.sh | soak.sh check
# `soak.sh check`, for `make test`: a fixed number of runs, and each planted fault found and shrunk.
set -u
. Scripts/report.sh
mkdir -p build/soak
$SWIFT build --quiet -c release --scratch-path .build-soak --product eddy-soak || exit 1
program=$($SWIFT build -c release --scratch-path .build-soak --show-bin-path)/eddy-soak

faults() { sed -n 's/^  case \([a-zA-Z]*\)$/\1/p' Tests/Programs/Soak/Faults.swift; }

check() {
  begin soak
  if "$program" run 0 1 60 6000 > build/soak/check; then
    pass "$(awk '/ runs /{r = $3} /Swift/{s = $5} END {print r " runs, " s " with Swift tasks"}' \
      build/soak/check)"
  else
    fail "random programs"
    explain build/soak/check
    number=$(awk '/^failed/ {print $2}' build/soak/check)
    "$program" shrink "$number" > build/soak/small
    explain build/soak/small
  fi
  number=0
  for fault in $(faults | sed 1d); do
    number=$((number + 1))
    "$program" find "$number" 20000 > "build/soak/$fault"
    status=$?
    left=$(awk '/operations left/ {print $1}' "build/soak/$fault")
    if [ "$status" = 1 ] && [ "${left:-99}" -le 10 ]; then
      pass "planted fault $fault: found, and shrunk to $left operations"
    else
      fail "planted fault $fault: not found, or not shrunk"
      explain "build/soak/$fault"
    fi
  done
  finish
}

# add_up SECONDS: one line, then one for each kind of operation.
add_up() {
  cat build/soak/worker.0 build/soak/worker.1 | awk -v seconds="$1" '
    /^count/ {
      n = $NF
      sub(/^count /, "")
      sub(/ [0-9]*$/, "")
      if (!($0 in sum)) order[++k] = $0
      sum[$0] += n
    }
    END {
      if (!seconds) seconds = 1
      printf "%d runs in %d s: %d a second\n", sum["runs"], seconds, sum["runs"] / seconds
      for (i = 2; i <= k; i++) printf "%10d %s\n", sum[order[i]], order[i]
    }'
}

soak() {
  seconds=${DURATION:-10}
  began=$(date +%s)
  "$program" run "${FIRST:-0}" 2 "$seconds" > build/soak/worker.0 &
  one=$!
  "$program" run $((${FIRST:-0} + 1)) 2 "$seconds" > build/soak/worker.1 &
  other=$!
  wait $one
  status=$?
  wait $other || status=$?
  add_up $(($(date +%s) - began))
  if [ "$status" = 0 ]; then
    echo "no violation"
    return
  fi
  # Both may have failed, often in two orders of one program: the first is shrunk.
  grep -h -e '^failed' -e '^memory' build/soak/worker.0 build/soak/worker.1
  number=$(awk '/^failed/ {print $2; exit}' build/soak/worker.0 build/soak/worker.1)
  [ -n "$number" ] || exit 1
  "$program" shrink "$number"
  echo "again: make soak SEED=$number"
  exit 1
}

if [ "${1:-}" = check ]; then
  check
elif [ -n "${SEED:-}" ]; then
  if "$program" show "$SEED" "${MUTANT:-0}"; then exit 0; fi
  "$program" shrink "$SEED" "${MUTANT:-0}"
  exit 1
elif [ -n "${MUTANT:-}" ]; then
  "$program" find "$MUTANT" 100000
else
  soak
fi
