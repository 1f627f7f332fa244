# Judges the rows of Tests/conformance.rows by the tests that carry their ids.
#
# usage: awk -v document=FILE -f conformance.awk ROWS TESTS
#   TESTS  lines of COLUMN, PROGRAM, passed or failed, NAME, with tabs between; COLUMN is embedded,
#          swiftpm or swift. `source` lines say which file a Swift test's name is in.
# Prints the account, then "count passed N" and "count bad N"; writes the document.
#
# A row passes in a column if a test carries its id there and none that does fails. It passes in C
# if it passes on both builds of the core. A name carries an id if it says it in full, as "TO-14",
# or within a range, as "TO-14..TO-17", "TO-14..17" or "TO-14 to TO-17".
# Exit status: 0, 1 if a required row does not pass, 2 if the list of rows is wrong.

function wrong(text) {
  print "FAIL  " text
  is_wrong = 1
}

# ---- The list of rows ---------------------------------------------------------------------------

function add_chapter(  title) {
  title = $0
  sub(/^chapter +[^ ]+ +[^ ]+ +/, "", title)
  chapters++
  prefix_of[chapters] = $3
  chapter_of[$3] = chapters
  title_of[chapters] = $2 ". " title " (" $3 ")"
}

function add_row(  parts) {
  split($1, parts, "-")
  id = $1
  field = "text"
  if (!(parts[1] in chapter_of) || chapter_of[parts[1]] != chapters)
    wrong(id " is not a row of chapter " title_of[chapters])
  if (parts[2] + 0 != ++rows_of[chapters])
    wrong(id " does not follow the row before it")
  if ($3 !~ /^C=(required|n\/a)$/ || $4 !~ /^Swift=(required|n\/a)$/ || NF != 4)
    wrong(id ": not ID TAG C=... Swift=...: " $0)
  row[++rows] = id
  is_row[id] = chapters
  tag[id] = $2
  required[id, "C"] = $3 == "C=required"
  required[id, "Swift"] = $4 == "Swift=required"
}

function add_text(  line) {
  line = $0
  sub(/^ +/, "", line)
  if (line ~ /^(C|Swift|both): /) {
    field = line
    sub(/:.*/, "", field)
    sub(/^[^:]*: /, "", line)
    if (line ~ /^@/) {
      if (!(substr(line, 2) in reason)) wrong(id ": no reason " line)
      line = reason[substr(line, 2)]
    }
  }
  if (field == "both") {
    append(id, "C", line)
    append(id, "Swift", line)
  } else append(id, field, line)
}

function append(id, field, line) {
  text[id, field] = (text[id, field] == "" ? "" : text[id, field] " ") line
}

function check_rows(  n, id, columns, c) {
  split("C Swift", columns, " ")
  for (n = 1; n <= rows; n++) {
    id = row[n]
    if (text[id, "text"] == "") wrong(id " has no text")
    for (c = 1; c <= 2; c++)
      if (required[id, columns[c]] != (text[id, columns[c]] == ""))
        wrong(id ": n/a needs a reason, and nothing else does: " columns[c])
  }
}

# ---- Tests --------------------------------------------------------------------------------------

# Fills ids with the ids that a name carries; returns how many.
function ids_in(name, ids,  count, rest, one, parts, last, number) {
  count = 0
  rest = name
  while (match(rest, /[A-Z]+-[0-9][0-9]/)) {
    one = substr(rest, RSTART, RLENGTH)
    rest = substr(rest, RSTART + RLENGTH)
    split(one, parts, "-")
    if (!(parts[1] in chapter_of)) continue
    ids[++count] = one
    if (!match(rest, /^(\.\.| to )([A-Z]+-)?[0-9][0-9]/)) continue
    last = substr(rest, RSTART, RLENGTH)
    if (last ~ /[A-Z]/ && index(last, parts[1] "-") == 0) continue
    rest = substr(rest, RSTART + RLENGTH)
    last = substr(last, length(last) - 1)
    for (number = parts[2] + 1; number <= last + 0; number++)
      ids[++count] = sprintf("%s-%02d", parts[1], number)
  }
  return count
}

function add_test(column, program, outcome, name,  ids, count, n, id, plain, key) {
  if (column == "swift" && !(name in file_of)) return
  plain = name
  if (name ~ /\(\)$/) gsub(/_/, "-", plain)
  count = ids_in(plain, ids)
  for (n = 1; n <= count; n++) {
    id = ids[n]
    if (!(id in is_row)) {
      wrong("no row " id ", but a test: " name)
      continue
    }
    if (column == "swift") program = file_of[name]
    if (outcome == "failed" || state[id, column] == "") state[id, column] = outcome
    key = (column == "swift" ? "Swift" : "C") SUBSEP id
    if (!((key, program, name) in seen)) {
      seen[key, program, name] = 1
      test_program[key, ++tests[key]] = program
      test_name[key, tests[key]] = name
    }
    test_outcome[key, program, name, column] = outcome
  }
}

# ---- Verdicts -----------------------------------------------------------------------------------

# In one column of tests.
function verdict(id, column,  language) {
  language = column == "swift" ? "Swift" : "C"
  if (!required[id, language]) return "n/a"
  return state[id, column] == "" ? "missing" : state[id, column]
}

function verdict_in(id, language,  one, other) {
  if (language == "Swift") return verdict(id, "swift")
  one = verdict(id, "embedded")
  other = verdict(id, "swiftpm")
  if (one == "failed" || other == "failed") return "failed"
  return one == "missing" ? one : other
}

function count_all(  n, id, chapter) {
  for (n = 1; n <= rows; n++) {
    id = row[n]
    chapter = is_row[id]
    count_one(chapter, "embedded", verdict(id, "embedded"))
    count_one(chapter, "swiftpm", verdict(id, "swiftpm"))
    count_one(chapter, "C", verdict_in(id, "C"))
    count_one(chapter, "Swift", verdict_in(id, "Swift"))
  }
}

function count_one(chapter, column, outcome) {
  counts[chapter, column, outcome]++
  counts["all", column, outcome]++
}

# ---- The account --------------------------------------------------------------------------------

function four(chapter, column) {
  return sprintf("%5d %4d %4d %4d", counts[chapter, column, "passed"],
    counts[chapter, column, "failed"], counts[chapter, column, "missing"],
    counts[chapter, column, "n/a"])
}

function print_line(title, chapter) {
  printf "%-31s%s  %s   %5d %5d\n", title, four(chapter, "C"), four(chapter, "Swift"),
    counts[chapter, "embedded", "passed"], counts[chapter, "swiftpm", "passed"]
}

function print_account(  n) {
  printf "%-31s%-21s %-21s %s\n", "", "    C (both builds)", "    Swift", "   C passes on"
  printf "%-31s%s  %s   %5s %5s\n", "chapter", " pass fail miss  n/a", " pass fail miss  n/a",
    "Emb.", "SwPM"
  for (n = 1; n <= chapters; n++) print_line(title_of[n], n)
  print_line("all", "all")
  print_reasons("C")
  print_reasons("Swift")
  print_bad()
}

# The rows that are n/a in a column, by reason, in the order of their first row.
function print_reasons(column,  n, id, why, whys, list, order, k) {
  for (n = 1; n <= rows; n++) {
    id = row[n]
    if (required[id, column]) continue
    why = text[id, column]
    if (!(why in list)) order[++whys] = why
    list[why] = (list[why] == "" ? "" : list[why] " ") id
  }
  if (whys) print "not applicable in " column ":"
  for (k = 1; k <= whys; k++) print wrap("  " list[order[k]] ": " order[k], "    ")
}

function print_bad(  n, id, column, columns, c, outcome) {
  split("embedded swiftpm swift", columns, " ")
  for (n = 1; n <= rows; n++) {
    id = row[n]
    for (c = 1; c <= 3; c++) {
      column = columns[c]
      outcome = verdict(id, column)
      if (outcome == "missing") print_missing(id, column)
      if (outcome == "failed") print_failed(id, column)
    }
  }
}

# What is missing on both builds of the core is said once.
function print_missing(id, column,  where) {
  where = called[column]
  if (column != "swift" && verdict(id, "embedded") == verdict(id, "swiftpm")) {
    if (column == "swiftpm") return
    where = "C"
  }
  print wrap("missing " id " " where ": " text[id, "text"], "    ")
}

function print_failed(id, column,  key, n) {
  key = (column == "swift" ? "Swift" : "C") SUBSEP id
  for (n = 1; n <= tests[key]; n++)
    if (test_outcome[key, test_program[key, n], test_name[key, n], column] == "failed")
      print "failed  " id " " called[column] ": " test_program[key, n] ": " test_name[key, n]
}

# ---- The document -------------------------------------------------------------------------------

function out(line) { print line > document }

# Lines of at most 100 columns; those after the first begin with `indent`.
function wrap(line, indent,  words, count, n, result, current) {
  match(line, /^ */)
  current = substr(line, 1, RLENGTH)
  count = split(line, words, " ")
  current = current words[1]
  for (n = 2; n <= count; n++) {
    if (length(current) + 1 + length(words[n]) > 100) {
      result = result current "\n"
      current = indent words[n]
    } else current = current " " words[n]
  }
  return result current
}

function write_document(  n) {
  out("# Conformance")
  out("")
  out("Written by `make conformance` out of `Tests/conformance.rows` and the names of the tests")
  out("that ran; not edited. C tests run on both builds of the core, Embedded Swift (the shipped")
  out("library) and ordinary Swift (SwiftPM); a row passes in C if it passes on both. Swift tests")
  out("run on the core that SwiftPM builds along. A row is `missing` if it is required and no test")
  out("that ran carries its id, and n/a where it has no meaning, with the reason.")
  out("")
  out("Tags: P the outcome is that of Python's asyncio; I the same, reached through scopes; D Eddy")
  out("differs on purpose; O optional; N there is no such thing in Eddy.")
  out("")
  out("| Chapter | C passed | failed | missing | n/a | Swift passed | failed | missing | n/a |")
  out("|---|---|---|---|---|---|---|---|---|")
  for (n = 1; n <= chapters; n++) write_counts(title_of[n], n)
  write_counts("All", "all")
  for (n = 1; n <= chapters; n++) write_chapter(n)
}

function write_counts(title, chapter) {
  out("| " title " | " cells(chapter, "C") " | " cells(chapter, "Swift") " |")
}

function cells(chapter, column) {
  return (counts[chapter, column, "passed"] + 0) " | " (counts[chapter, column, "failed"] + 0) \
    " | " (counts[chapter, column, "missing"] + 0) " | " (counts[chapter, column, "n/a"] + 0)
}

function write_chapter(chapter,  n, id) {
  out("")
  out("## " title_of[chapter])
  out("")
  out("| Row | Tag | C, Embedded | C, SwiftPM | Swift |")
  out("|---|---|---|---|---|")
  for (n = 1; n <= rows; n++) {
    id = row[n]
    if (is_row[id] == chapter)
      out("| " id " | " tag[id] " | " verdict(id, "embedded") " | " verdict(id, "swiftpm") " | " \
        verdict(id, "swift") " |")
  }
  for (n = 1; n <= rows; n++) if (is_row[row[n]] == chapter) write_row(row[n])
}

function write_row(id) {
  out("")
  out(wrap("**" id "** " text[id, "text"], ""))
  out("")
  write_column(id, "C")
  write_column(id, "Swift")
}

function write_column(id, column,  key, n, line) {
  if (!required[id, column]) out(wrap("- " column " n/a: " text[id, column], "  "))
  key = column SUBSEP id
  for (n = 1; n <= tests[key]; n++) {
    line = "- " column " `" test_program[key, n] "`: " test_name[key, n]
    out(wrap(line remarks(key, test_program[key, n], test_name[key, n], column), "  "))
  }
  if (required[id, column] && !tests[key]) out("- " column ": no test")
}

# What is to be said of a test that did not pass wherever it should run.
function remarks(key, program, name, column) {
  if (column == "Swift") return remark(test_outcome[key, program, name, "swift"], "")
  return remark(test_outcome[key, program, name, "embedded"], " on Embedded") \
    remark(test_outcome[key, program, name, "swiftpm"], " on SwiftPM")
}

function remark(outcome, where) {
  if (outcome == "passed") return ""
  return " (" (outcome == "" ? "does not run" : "fails") where ")"
}

# ---- Reading ------------------------------------------------------------------------------------

BEGIN {
  called["embedded"] = "C, Embedded"
  called["swiftpm"] = "C, SwiftPM"
  called["swift"] = "Swift"
}

FNR == 1 { files++ }
files == 1 && /^#|^ *$/ { next }
files == 1 && $1 == "chapter" { add_chapter(); next }
files == 1 && $1 == "reason" {
  line = $0
  sub(/^reason +[^ ]+ +/, "", line)
  reason[$2] = line
  next
}
files == 1 && /^ / { add_text(); next }
files == 1 { add_row(); next }
{
  split($0, part, "\t")
  if (part[1] == "source") {
    file_of[part[4]] = part[2]
  } else add_test(part[1], part[2], part[3], part[4])
}

END {
  check_rows()
  count_all()
  print_account()
  write_document()
  bad = counts["all", "C", "failed"] + counts["all", "C", "missing"]
  bad += counts["all", "Swift", "failed"] + counts["all", "Swift", "missing"]
  print "count passed " counts["all", "C", "passed"] + counts["all", "Swift", "passed"]
  print "count bad " bad
  exit is_wrong ? 2 : bad > 0
}
