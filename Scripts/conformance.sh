#!/bin/sh
# `make conformance`: runs the tests whose names carry rows of Tests/conformance.rows, in C on both
# builds of the core and in Swift, and judges each row: Scripts/conformance.awk says how. The table
# goes to Documentation/conformance.md. Only tests that ran count, by the names they printed.
# usage: conformance.sh [judge]
#   judge  runs nothing: takes what `make test-c` and `make test-swift` have left
set -u
. Scripts/report.sh
rows=Tests/conformance.rows
document=Documentation/conformance.md
work=build/conformance
mkdir -p "$work"
prefixes=$(awk '$1 == "chapter" { printf "%s%s", n++ ? "|" : "", $3 }' "$rows")

# run_all: every C program that has a row's id in a text of its source, and all Swift tests.
run_all() {
  programs=$(grep -l -E "\"[^\"]*($prefixes)-[0-9]" Tests/C/*.c |
    sed -e 's|.*/||' -e 's|\.c$||' | tr '\n' ' ')
  for name in $programs; do
    rm -f "build/tests/none-embedded/$name.out" "build/tests/none-swiftpm/$name.out"
  done
  rm -f build/swift-test.log
  # Their counts are of tests; those of this gate are of rows.
  run_quietly "the C tests" env ONLY="$programs" sh Scripts/test_c.sh none embedded swiftpm
  run_quietly "the Swift tests" sh Scripts/test_swift.sh bundled
}

# run_quietly WHAT COMMAND...: shows only what went wrong.
run_quietly() {
  echo "run   $1"
  what=$1
  shift
  EDDY_COUNTS='' "$@" > "$work/run.log" 2>&1 && return
  grep -v -e '^ok ' -e '^skip ' "$work/run.log" > "$work/run.said"
  explain "$work/run.said"
  fail "$what do not all pass"
}

# names_of_c BUILD: a line "BUILD, program, outcome, name" for each test, tabs between.
names_of_c() {
  for source in Tests/C/*.c; do
    name=$(basename "$source" .c)
    out=build/tests/none-$1/$name.out
    [ -f "$out" ] || continue
    sed -n -e "s/^ok   /$1	$name	passed	/p" -e "s/^FAIL /$1	$name	failed	/p" \
      -e "s/^hangs: /$1	$name	failed	/p" "$out"
  done
}

# names_of_swift: the same for `swift test`. A known issue is a test that fails, whatever it says.
names_of_swift() {
  [ -f build/swift-test.log ] || return
  sed -n -e '/^. Test run with/d' -e '/^.* Test .* passed after .* known issue/s/passed/failed/' \
    -e 's/^[^ ]* Test \(.*\) \(passed\) after .*/swift	-	\2	\1/p' \
    -e 's/^[^ ]* Test \(.*\) \(failed\) after .*/swift	-	\2	\1/p' build/swift-test.log |
    sed -e 's/ with [0-9]* test cases*$//' -e 's/	"\(.*\)"$/	\1/' | LC_ALL=C sort
}

# sources_of_swift: a line "source, file, -, name" for each name of a test of the Swift layer. Those
# of other targets, which test the core's own functions, say nothing of a Swift task.
sources_of_swift() {
  for source in Tests/EddyTests/*.swift; do
    name=$(basename "$source" .swift)
    sed -n -e '/@Test($/{N;s/\n *//;}' \
      -e "s/^.*@Test(\"\\(.*\\)\"[,)].*/source	$name	-	\\1/p" \
      -e "s/^.*@Test.* func \\([A-Za-z0-9_]*\\)(.*/source	$name	-	\\1()/p" "$source"
  done
}

begin conformance
[ "${1:-run}" = judge ] || run_all
{
  sources_of_swift
  names_of_c embedded
  names_of_c swiftpm
  names_of_swift
} > "$work/tests.tsv"
awk -v document="$work/table.md" -f Scripts/conformance.awk "$rows" "$work/tests.tsv" \
  > "$work/said"
judged=$?
sed -e '/^count /d' "$work/said"
# The last lines are counts, in report.sh's terms.
good=$(sed -n 's/^count passed //p' "$work/said")
bad=$(sed -n 's/^count bad //p' "$work/said")
if [ "$judged" -gt 1 ] || [ -z "$good" ] || [ -z "$bad" ]; then
  fail "the rows cannot be judged"
else
  mv "$work/table.md" "$document"
  [ "$good" = 0 ] || pass "rows that pass" "$good"
  [ "$bad" = 0 ] || fail "rows that fail or have no test" "$bad"
fi
finish
