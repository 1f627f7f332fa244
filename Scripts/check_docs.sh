#!/bin/sh
# The guides: each C block compiles, each whole program and Swift block runs and prints what the
# guide says, names and links lead somewhere, and no name of asyncio's is left out. First a
# guide with faults (Tests/Documentation/faults.md), each of which must be found.
# usage: check_docs.sh STAGE    STAGE: where `make stage` has installed
set -u
. Scripts/report.sh
begin docs-check
stage=$1
work=build/docs
rm -rf "$work"
mkdir -p "$work"
tests=Tests/Documentation
tab=$(printf '\t')
warnings="-Wall -Wextra -pedantic -Werror -Wno-unused"

# The Swift layer, for the blocks to import and link.
swift_library() {
  "$SWIFTC" -swift-version 6 -D BundledCore -parse-as-library -emit-library -static \
    -module-name Eddy -emit-module -emit-module-path "$work/Eddy.swiftmodule" -I Include \
    Sources/Eddy/*.swift -o "$work/libEddySwift.a" > "$work/library.log" 2>&1
}

# compile_c KIND FILE: what the compiler says goes to FILE.log.
compile_c() {
  case $1 in
  program)
    $CC -std=gnu11 $warnings -I "$stage/include" $(pkg-config --cflags libuv) "$2" \
      -o "${2%.c}" -L "$stage/lib" -Wl,-rpath,"$stage/lib" -leddy $(pkg-config --libs libuv) \
      > "$2.log" 2>&1
    ;;
  *) $CC -std=gnu11 $warnings -I "$stage/include" -I $tests -c "$2" -o "$2.o" > "$2.log" 2>&1 ;;
  esac
}

# run_program FILE: exit status 0, and nothing on stderr.
run_program() {
  timeout 20 "${1%.c}" > "$1.out" 2> "$1.log" < /dev/null || return 1
  [ ! -s "$1.log" ]
}

# check_guide GUIDE: prints a line for each fault; files of the blocks go to $work/NAME.
check_guide() {
  guide=$(basename "$1") folder=$work/$(basename "$1" .md)
  mkdir -p "$folder"
  awk -v out="$folder" -v guide="$guide" -f Scripts/docs.awk "$1" > "$folder/blocks"
  program=
  while IFS="$tab" read -r kind file where; do
    echo 1 >> "$work/counted"
    case $kind in
    output)
      [ -z "$program" ] || diff "$file" "$program.out" > "$file.diff" 2>&1 ||
        wrong "$where prints otherwise" "$file.diff"
      ;;
    swift | main) program= && cp "$file" "$work/swift/" ;;
    *)
      program=
      if ! compile_c "$kind" "$file"; then
        wrong "$where does not compile" "$file.log"
      elif [ "$kind" = program ]; then
        program=$file
        run_program "$file" || wrong "$where does not end with 0 and a silent stderr" "$file.log"
      fi
      ;;
    esac
  done < "$folder/blocks"
  check_names "$1"
  check_links "$1"
}

wrong() {
  echo "$1"
  sed -e 5q -e 's/^/  /' "$2"
}

# The names by which headings of a page can be linked to.
anchors() {
  sed -n 's/^##* //p' "$1" | tr '[:upper:]' '[:lower:]' | sed -e 's/[^a-z0-9 _-]//g' -e 's/ /-/g'
}

# Every name of C in the guide is one of the header's.
check_names() {
  grep -o -w -E '(eddy|EDDY)_[A-Za-z0-9_]*[A-Za-z0-9]' "$1" | sort -u | while read -r name; do
    grep -q -w "$name" Include/eddy.h ||
      echo "$(basename "$1") names $name, which is not there"
  done
}

check_links() {
  grep -o -E '\]\([^)]+' "$1" | sed 's/^](//' | grep -v '^https*:' | while read -r link; do
    page=$(dirname "$1")/${link%%#*}
    case $link in '#'*) page=$1 ;; esac
    if [ ! -e "$page" ]; then
      echo "$(basename "$1") links to $link, which is not there"
    elif [ "$link" != "${link#*#}" ]; then
      anchors "$page" | grep -q -x -F -e "${link#*#}" ||
        echo "$(basename "$1") links to $link, which is no heading"
    fi
  done
}

# All Swift blocks make one program: its argument says which of them runs.
swift_program() {
  {
    echo 'import Eddy'
    echo 'switch CommandLine.arguments[1] {'
    for file in "$work"/swift/*.swift; do
      name=$(basename "$file" .swift)
      if grep -q "func $name() async" "$file"; then
        echo "case \"$name\": try runLoop { try await $name() }"
      else
        echo "case \"$name\": try $name()"
      fi
    done
    echo 'default: break'
    echo '}'
  } > "$work/main.swift"
  "$SWIFTC" -swift-version 6 -suppress-warnings -I "$work" -I Include "$work/main.swift" \
    $tests/Prelude.swift "$work"/swift/*.swift -o "$work/swift/program" -L "$work" -lEddySwift \
    -L "$stage/lib" -leddy -Xlinker -rpath -Xlinker "$stage/lib" > "$work/swift.log" 2>&1
}

# run_swift: runs each block, and prints a line for each fault.
run_swift() {
  cat "$work"/*/blocks | while IFS="$tab" read -r kind file where; do
    case $kind in
    swift | main)
      program=$work/swift/$(basename "$file")
      timeout 20 "$work/swift/program" "$(basename "$file" .swift)" > "$program.out" \
        2> "$program.log" < /dev/null || wrong "$where does not end well" "$program.log"
      ;;
    output)
      if [ -n "$program" ]; then
        diff "$file" "$program.out" > "$file.diff" 2>&1 ||
          wrong "$where prints otherwise" "$file.diff"
      fi
      ;;
    *) program= ;;
    esac
  done
}

# judge WHAT FILE: passes if the file is empty.
judge() {
  if [ -s "$2" ]; then
    fail "$1"
    sed 40q "$2" > "$work/first"
    explain "$work/first"
  else
    pass "$1"
  fi
}

# ---- What must be found -------------------------------------------------------------------------

mkdir -p "$work/swift"
if swift_library; then pass "the Swift layer for the blocks"; else
  fail "the Swift layer for the blocks"
  explain "$work/library.log"
fi
check_guide $tests/faults.md > "$work/found"
swift_program || echo "Swift" >> "$work/found"
rm "$work/swift/"*_md_26.swift
swift_program
run_swift >> "$work/found"
for fault in "md:5 does not compile" "md:9 does not compile" "md:18 prints otherwise" \
  "md:22 does not end" "md:34 prints otherwise" "md:38 does not end" "names eddy_missing" \
  "names EDDY_MISSING" "links to nowhere.md" "links to #nowhere" Swift; do
  if grep -q "$fault" "$work/found"; then pass "found: $fault"; else fail "not found: $fault"; fi
done
rm -rf "$work/swift" "$work/faults" "$work/counted"
mkdir -p "$work/swift"

# ---- The guides ---------------------------------------------------------------------------------

for guide in Documentation/*.md; do
  [ "$guide" != Documentation/conformance.md ] || continue
  check_guide "$guide" > "$work/wrong"
  judge "$guide" "$work/wrong"
done
pass "$(wc -l < "$work/counted") blocks"
for page in Documentation/*.md Documentation/decisions/*.md; do
  name=${page#Documentation/}
  [ "$name" = README.md ] || grep -q "($name)" Documentation/README.md || echo "$page"
done > "$work/unlisted"
judge "Documentation/README.md lists every page" "$work/unlisted"
blocks=$(ls "$work/swift" | wc -l)
if swift_program; then run_swift > "$work/wrong"; else cp "$work/swift.log" "$work/wrong"; fi
judge "$blocks Swift blocks run" "$work/wrong"

# names_missing GUIDE: of the names on stdin, those that the guide does not have in backticks.
names_missing() {
  grep -o '`[^`]*`' "$1" | tr -d '`' | sed 's/(.*//' | sort -u > "$work/quoted"
  while read -r name; do grep -q -x -F "$name" "$work/quoted" || echo "$name"; done
}
echo asyncio.lost | names_missing Documentation/coming-from-asyncio.md > "$work/lost"
if [ -s "$work/lost" ]; then pass "found: a lost name"; else fail "not found: a lost name"; fi
grep -v '^#' $tests/asyncio-names.txt | names_missing Documentation/coming-from-asyncio.md \
  > "$work/missing"
judge "every name of asyncio is in its guide ($(grep -c -v '^#' $tests/asyncio-names.txt))" \
  "$work/missing"
finish
