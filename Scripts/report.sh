# Sourced by every gate: counts checks and prints one line for each.
#
# A gate calls `begin NAME`, then pass, fail and skip, then `finish`, which prints the gate's count
# and gives exit status 1 if anything failed. Where EDDY_COUNTS names a file (Scripts/test.sh does
# so), the counts are added to it.

passed=0
failed=0
skipped=0

begin() {
  gate=$1
  echo "== $gate"
}

# pass WHAT [HOW MANY]
pass() {
  passed=$((passed + ${2:-1}))
  echo "ok    $1"
}

# fail WHAT [HOW MANY]
fail() {
  failed=$((failed + ${2:-1}))
  echo "FAIL  $1"
}

# skip WHAT REASON
skip() {
  skipped=$((skipped + 1))
  echo "skip  $1: $2"
}

# The text of a file, indented, as the explanation of a failure.
explain() {
  sed -e 's/^/      /' "$1"
}

finish() {
  echo "$gate: $passed passed, $failed failed, $skipped skipped"
  [ -z "${EDDY_COUNTS:-}" ] || echo "$passed $failed $skipped $gate" >> "$EDDY_COUNTS"
  [ "$failed" -eq 0 ]
}
