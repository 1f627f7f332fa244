#!/bin/sh
# `swift test` with each trait, each test counted: the core built along as ordinary Swift, and the
# installed libeddy, staged in build/stage, found by pkg-config. With the installed one no core may
# be in the test program itself, since two cores in one process are two runtimes. Both traits at
# once, or none, must not build.
# With `races`: the tests in which threads race, under TSan, which ends a program with its report.
# usage: test_swift.sh [bundled|installed|refused|races]...
set -u
. Scripts/report.sh
mkdir -p build
installed="--traits InstalledCore --scratch-path .build-installed"

use_stage() {
  PKG_CONFIG_PATH=$STAGE/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
  LD_LIBRARY_PATH=$STAGE/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  export PKG_CONFIG_PATH LD_LIBRARY_PATH
}

# tests WHAT LOG FILTER [OPTION...]: builds the tests and runs them, not through `swift test`, which
# now and then loses a few kilobytes of what they say. All that ran must have said how it ended.
tests() {
  what=$1 log=$2 filter=$3
  shift 3
  if ! timeout 900 $SWIFT build --build-tests "$@" > "$log" 2>&1; then
    fail "$what does not build"
    tail -n 60 "$log" > "$log.tail"
    explain "$log.tail"
    return
  fi
  program=$(ls "$($SWIFT build --show-bin-path "$@")"/*.xctest | head -n 1)
  timeout 900 "$program" --testing-library swift-testing --filter "$filter" > "$log" 2>&1
  status=$?
  good=$(grep '^✔ Test .* passed after' "$log" | grep -v -c '^✔ Test run with')
  bad=$(grep '^✘ Test .* failed after' "$log" | grep -v -c '^✘ Test run with')
  all=$(sed -n 's/^. Test run with \([0-9]*\) test.*/\1/p' "$log")
  if [ "$status" = 0 ] && [ "$good" = "$all" ]; then
    pass "$what: $good tests" "$good"
    return
  fi
  [ "$good" -le 0 ] || pass "$what: $good of ${all:-?} tests" "$good"
  fail "$what: exit status $status" "$((bad > 1 ? bad : 1))"
  tail -n 60 "$log" > "$log.tail"
  explain "$log.tail"
}

# The program that the tests with the installed core were: it needs libeddy and has no core itself.
one_runtime() {
  # The list of options is to be split into words.
  program=$(ls "$($SWIFT build $installed --show-bin-path)"/*.xctest 2> /dev/null | head -n 1)
  own=$(nm "$program" 2> /dev/null |
    grep -c -e ' [TtDdBb] eddy_\(loop\|task\|scope\|sw\)_' -e ' [Tt] \$s8EddyCore')
  if ! readelf -d "$program" 2> /dev/null | grep -q 'NEEDED.*libeddy'; then
    fail "InstalledCore: the test program needs no libeddy"
  elif [ "$own" != 0 ]; then
    fail "InstalledCore: the test program has $own symbols of a core itself"
  else
    pass "InstalledCore: one runtime, that of libeddy"
  fi
}

# refused WHAT TEXT OPTION...: the package does not build, and says TEXT.
refused() {
  what=$1 text=$2
  shift 2
  if timeout 300 $SWIFT build --scratch-path .build-refused --target Eddy "$@" \
    > build/swift-refused.log 2>&1; then
    fail "$what: it builds"
  elif grep -q "error: Eddy: $text" build/swift-refused.log; then
    pass "$what: refused with a message"
  else
    fail "$what: refused without our message"
    explain build/swift-refused.log
  fi
}

begin "swift test"
for part in ${*:-bundled installed refused}; do
  case $part in
  bundled) tests BundledCore build/swift-test.log . ;;
  installed)
    use_stage
    # The list of options is to be split into words.
    tests InstalledCore build/swift-test-installed.log . $installed
    one_runtime
    ;;
  races)
    TSAN_OPTIONS="halt_on_error=1 ${TSAN_OPTIONS:-}"
    export TSAN_OPTIONS
    tests "races under TSan" build/swift-test-tsan.log RaceTests --sanitize=thread \
      --scratch-path .build-tsan
    ;;
  refused)
    use_stage
    refused "both traits" "BundledCore and InstalledCore exclude each other" \
      --traits BundledCore,InstalledCore
    refused "no trait" "no core" --disable-default-traits
    ;;
  esac
done
finish
