#!/bin/sh
# The man pages: each comment of eddy.h has its parts in order, each function has a page, no page
# has an empty section, and the tools that read pages find nothing wrong. Each check is first shown
# something that it must find (Tests/Man).
# usage: check_man.sh VERSION SYMBOLS HEADER MAN    MAN: share/man of an installation
set -u
. Scripts/report.sh
begin man-check
version=$1 symbols=$2 header=$3 stage=$4
work=build/man-check
rm -rf "$work"
mkdir -p "$work"

# same WHAT EXPECTED FOUND
same() {
  if diff -u "$2" "$3" > "$work/diff"; then
    pass "$1"
  else
    fail "$1"
    explain "$work/diff"
  fi
}

# none WHAT FILE: passes if the file is empty.
none() {
  if [ -s "$2" ]; then
    fail "$1"
    sed 20q "$2" > "$work/first"
    explain "$work/first"
  else
    pass "$1"
  fi
}

# without_page FOLDER: of the names on stdin, those that lead to no page.
without_page() {
  while read -r name; do
    file=$1/man3/$name.3
    target=$(sed -n '1s/^\.so //p' "$file" 2> /dev/null)
    [ -s "${target:+$1/}${target:-$file}" ] || echo "$name"
  done
}

# What must be found.
sh Scripts/man.sh check Tests/Man/faults.h > "$work/faults"
same "faults in comments are found" Tests/Man/faults.expected "$work/faults"
sh Scripts/man.sh "$work/sample" 1.2.3 Tests/Man/sample.h
for page in "$work"/sample/man3/*.3 "$work"/sample/man7/*.7; do
  echo "== $(basename "$page")"
  cat "$page"
done > "$work/sample.pages"
same "the pages of a small header" Tests/Man/sample.expected "$work/sample.pages"
(cd Tests/Man && awk -f ../../Scripts/man/sections.awk bad.page) > "$work/bad"
same "wrong sections are found" Tests/Man/bad.expected "$work/bad"
echo eddy_lost | without_page "$stage" > "$work/lost"
echo eddy_lost | diff - "$work/lost" > "$work/diff" &&
  pass "a function without a page is found" || fail "a function without a page is found"

# The real ones.
sh Scripts/man.sh check "$header" > "$work/comments"
none "each comment of eddy.h has its parts, in order" "$work/comments"
grep -v -e '^#' -e '^$' "$symbols" | without_page "$stage" > "$work/missing"
none "each exported function has a page" "$work/missing"
awk -f Scripts/man/sections.awk "$stage"/man3/*.3 "$stage"/man7/*.7 > "$work/sections"
none "no section is empty or out of place" "$work/sections"
grep -L "\"Eddy $version\"" $(grep -L '^\.so ' "$stage"/man3/*.3 "$stage"/man7/*.7) \
  > "$work/version"
none "each page says version $version" "$work/version"

if command -v groff > /dev/null 2>&1; then
  grep -L '^\.so ' "$stage"/man3/*.3 "$stage"/man7/*.7 |
    xargs groff -man -Tutf8 -ww -z > "$work/groff" 2>&1
  none "groff -man -ww" "$work/groff"
else
  skip "groff -man -ww" "there is no groff here"
fi
if command -v mandoc > /dev/null 2>&1; then
  # Pages that are made have no date.
  grep -L '^\.so ' "$stage"/man3/*.3 "$stage"/man7/*.7 | xargs mandoc -T lint -W warning 2>&1 |
    grep -v 'missing date' > "$work/mandoc"
  none "mandoc -T lint" "$work/mandoc"
else
  skip "mandoc -T lint" "there is no mandoc here"
fi
if command -v man > /dev/null 2>&1; then
  for page in eddy_scope_close eddy_group_spawn_at EDDY_TRY_IN eddy; do
    MANPAGER=cat MANWIDTH=80 man -M "$stage" "$page" > "$work/page" 2> "$work/log" < /dev/null
    if grep -q "$page" "$work/page" && grep -q DESCRIPTION "$work/page"; then
      pass "man $page"
    else
      fail "man $page"
      explain "$work/log"
    fi
  done
else
  skip "man eddy_scope_close" "there is no man here"
fi
finish
