#!/bin/sh
# Builds every Tests/C/*.c as a program of its own, runs it, and adds up what the programs counted.
# usage: test_c.sh TOOL CORE...
#   TOOL  none, asan, tsan or valgrind
#   CORE  embedded (build/lib/libeddy.so or its sanitized kin), swiftpm (the dynamic product),
#         hostile, hostile_swiftpm (the two of `make hostile`)
# ONLY=name runs one program, ONLY="name name" several.
set -u
. Scripts/report.sh
. Scripts/tools.sh
use_tool "$1"
shift

# extra NAME: its flags of Scripts/c_flags.txt.
extra() {
  while read -r pattern more_flags; do
    case $1 in $pattern) echo "$more_flags" ;; esac
  done < Scripts/c_flags.txt
}

# use_core CORE CONFIGURATION: sets library and link; the Embedded core has one configuration.
use_core() {
  EDDY_TEST_CORE=$1
  export EDDY_TEST_CORE
  link="-leddy"
  if [ "$1" = hostile ]; then
    library=$PWD/build/hostile/lib objects=$PWD/build/hostile/switch
  fi
  case $1 in
  swiftpm) set -- "$1" -c "$2" ;;
  hostile_swiftpm)
    set -- "$1" -c "$2" --scratch-path .build-hostile -Xswiftc -DEDDY_HOSTILE -Xcc -DEDDY_HOSTILE
    ;;
  *) return ;;
  esac
  shift
  $SWIFT build --quiet "$@" --product EddyCoreDynamic || exit 1
  library=$($SWIFT build "$@" --show-bin-path) || exit 1
  link="-lEddyCoreDynamic"
}

# build NAME: the program $work/NAME; the compiler's words in $work/NAME.log.
build() {
  more=$(extra "$1" | sed -e 's/@release//')
  with="-L$library $link $(pkg-config --libs libuv)"
  case $more in
  *@switch*)
    more=$(echo "$more" | sed -e 's/@switch//')
    with="$objects/*.o -Wl,--gc-sections"
    ;;
  esac
  # The lists of flags are to be split into words.
  $compiler -std=gnu11 $flags -Wall -Wextra -Werror $more -IInclude -ITests/C "Tests/C/$1.c" \
    -o "$work/$1" $with -pthread -ldl $late_flags > "$work/$1.log" 2>&1
}

# run NAME: its last line "N passed, N failed" is counted; a failure shows all it said.
run() {
  run_program "$work/$1" "$work/$1"
  status=$?
  counts=$(sed -n 's/^\([0-9][0-9]*\) passed, \([0-9][0-9]*\) failed$/\1 \2/p' "$work/$1.out" |
    tail -n 1)
  good=${counts% *} bad=${counts#* }
  if [ "$status" = 0 ] && [ "${bad:-0}" = 0 ]; then
    pass "$1: ${good:-1} passed" "${good:-1}"
    return
  fi
  [ "${good:-0}" = 0 ] || pass "$1: $good passed" "$good"
  [ "${bad:-0}" -gt 0 ] || bad=1
  fail "$1: $bad failed, exit status $status" "$bad"
  grep -a -v -e '^ok  ' -e ' passed, .* failed$' "$work/$1.out" > "$work/$1.said"
  tail -n 60 "$work/$1.err" >> "$work/$1.said"
  explain "$work/$1.said"
}

one() {
  reason=$(skip_reason "Tests/C/$1.c" "$tool" "$core")
  configuration=debug
  case "$core $(extra "$1")" in
  *swiftpm\ *@switch*) reason="links no library; done with the Embedded one" ;;
  *swiftpm\ *@release*) configuration=release ;;
  esac
  if [ -n "$reason" ]; then
    skip "$1" "$reason"
    return
  fi
  [ "$configuration" = debug ] || use_core "$core" "$configuration"
  if build "$1"; then
    run "$1"
  else
    fail "$1 does not build"
    explain "$work/$1.log"
  fi
  [ "$configuration" = debug ] || use_core "$core" debug
}

every() {
  core=$1
  use_core "$core" debug
  begin "C tests, $core core, tool $tool"
  work=build/tests/$tool-$core
  mkdir -p "$work"
  for file in Tests/C/*.c; do
    name=$(basename "$file" .c)
    case " ${ONLY:-$name} " in *" $name "*) one "$name" ;; esac
  done
}

result=0
for core in "$@"; do
  # A subshell each, so that the counts of one core are not those of both.
  (every "$core" && finish) || result=1
done
exit "$result"
