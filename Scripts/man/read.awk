# Reads eddy.h into tables: sections, comments and what they stand above.
#
# What is read, in the order of the header:
#   opening             the text of the first comment, from its second paragraph on
#   section_title[s], section_text[s]       s = 1..sections
#   item_kind[i], item_name[i], item_text[i], item_comment[i], item_section[i]   i = 1..items
#     kind: function, form (a macro that users call for a function), macro, constant, struct,
#     handle or callback (a type of function)
#     item_comment: a number of comment_text, 0 without one
#     item_note: the comment at the end of a constant's line
# A comment belongs to what follows it without an empty line, and to all of that up to the next.

BEGIN { skipped["EDDY_API"] = skipped["EDDY_PRINTF"] = skipped["EDDY_NULLABLE"] = 1 }

# ---- Comments -----------------------------------------------------------------------------------

function keep_block(kind, text) {
  block[++blocks] = text
  block_kind[blocks] = kind
  return " \001" blocks "\001 "
}

function end_block() {
  if (pending == "") return ""
  return keep_block(pending_kind, pending_take())
}

function pending_take(  text) {
  text = pending
  pending = ""
  return text
}

# Lines of a comment as a text. An example is indented by four or more, a list by two with a gap.
function comment_line(line,  kind, indented, out) {
  sub(/^ \*/, "", line)
  sub(/^ /, "", line)
  indented = line
  line = trim(line)
  kind = ""
  if (pending != "" && pending_kind == "list" && indented ~ /^    /) {
    pending = pending " " line
    return ""
  }
  if (indented ~ /^    [^ ]/ || pending_kind == "example" && indented ~ /^     / ) kind = "example"
  else if (indented ~ /^  [a-z]+  +[^ ]/) kind = "list"
  if (kind == "") {
    out = end_block()
    return out (line == "" ? keep_block("paragraph", "") : " " line)
  }
  if (pending != "" && pending_kind != kind) out = end_block()
  pending_kind = kind
  sub(/^    /, "", indented)
  pending = pending (pending == "" ? "" : "\n") (kind == "list" ? line : indented)
  return out
}

# Gives the text of the comment whose first line is $0 of `lines`, and leaves `at` on its last.
function read_comment(  text, line) {
  text = ""
  pending = ""
  line = source[at]
  sub(/^\/\*/, " *", line)
  for (;;) {
    if (line ~ /\*\/ *$/) {
      sub(/ *\*\/ *$/, "", line)
      if (line !~ /^ *$/) text = text comment_line(line)
      break
    }
    if (line !~ /^ \*$/ || text != "") text = text comment_line(line)
    line = source[++at]
  }
  text = text end_block()
  gsub(/  +/, " ", text)
  sub(/^( *\001[0-9]+\001)? */, "", text)
  return trim(text)
}

# ---- Declarations -------------------------------------------------------------------------------

function add_item(kind, name, text) {
  items++
  item_kind[items] = kind
  item_name[items] = name
  item_text[items] = text
  item_comment[items] = comment
  item_section[items] = sections
  item_of[name] = items
  if (comment) comment_used[comment] = 1
}

function joined_until(end,  text, line) {
  text = ""
  for (;;) {
    line = source[at]
    if (end == "\\" ? line !~ /\\$/ : line ~ end) return text " " line
    sub(/ *\\$/, "", line)
    text = text " " line
    at++
  }
}

function read_define(  text, name, note) {
  text = trim(joined_until("\\"))
  sub(/^#define +/, "", text)
  match(text, /^[A-Za-z0-9_]+/)
  name = substr(text, 1, RLENGTH)
  text = substr(text, RLENGTH + 1)
  if (name in skipped || name ~ /_$/ || text ~ /^ *$/) return
  note = ""
  if (text ~ /\/\*.*$/) {
    note = text
    while (note !~ /\*\//) note = note " " trim(source[++at])
    sub(/^.*\/\* */, "", note)
    sub(/ *\*\/.*$/, "", note)
    sub(/ *\/\*.*$/, "", text)
  }
  gsub(/  +/, " ", text)
  if (name ~ /^eddy_/) add_item("form", name, text)
  else if (text ~ /^\(/) add_item("macro", name, text)
  else add_item("constant", name, trim(text))
  item_note[items] = note
}

function read_typedef(  text, name, line) {
  if (source[at] ~ /\{ *$/) {
    name = source[at]
    sub(/^typedef struct /, "", name)
    sub(/ .*/, "", name)
    text = source[at]
    while (source[at] !~ /^\}/) text = text "\n" source[++at]
    add_item("struct", name "_t", text)
    return
  }
  line = joined_until(";")
  text = trim(line)
  gsub(/EDDY_NULLABLE */, "", text)
  gsub(/  +/, " ", text)
  if (match(text, /\(\*eddy_[a-z_]+\)/))
    add_item("callback", substr(text, RSTART + 2, RLENGTH - 3), text)
  else {
    name = text
    sub(/; *$/, "", name)
    sub(/.* /, "", name)
    add_item("handle", name, text)
  }
}

function read_function(  text, name) {
  text = joined_until(";")
  gsub(/EDDY_API|EDDY_NULLABLE|EDDY_PRINTF\([^)]*\)/, "", text)
  gsub(/ +/, " ", text)
  gsub(/\* /, "*", text)
  sub(/ *; *$/, "", text)
  match(text, /eddy_[a-z0-9_]+\(/)
  name = substr(text, RSTART, RLENGTH - 1)
  add_item("function", name, trim(text))
  result_of[name] = trim(substr(text, 1, RSTART - 1))
  read_parameters(name, substr(text, RSTART + RLENGTH))
}

# parameters[name], and parameter_name and parameter_type by name and position.
function read_parameters(name, text,  n, i, part) {
  sub(/\) *$/, "", text)
  n = split_at(text, ", ", part)
  parameters[name] = 0
  for (i = 1; i <= n; i++) {
    if (part[i] == "void") continue
    parameters[name]++
    if (part[i] == "...") {
      parameter_name[name, i] = "..."
      parameter_type[name, i] = ""
      continue
    }
    match(part[i], /[A-Za-z0-9_]+$/)
    parameter_name[name, i] = substr(part[i], RSTART)
    parameter_type[name, i] = trim(substr(part[i], 1, RSTART - 1))
  }
}

# ---- The file -----------------------------------------------------------------------------------

function read_section(  text, n, part) {
  sections++
  source[at] = " *"
  text = read_comment()
  n = split_at(text, ". ", part)
  # The title is the first line; a text begins after a gap.
  section_title[sections] = text
  section_text[sections] = ""
  if (match(text, /\001[0-9]+\001/)) {
    section_title[sections] = trim(substr(text, 1, RSTART - 1))
    section_text[sections] = trim(substr(text, RSTART + RLENGTH))
  }
  comment = 0
}

function read_header(  line) {
  comment = sections = items = 0
  for (at = 1; at <= lines; at++) {
    line = source[at]
    if (line ~ /^\/\*/) {
      if (opening == "") opening = read_comment()
      else if (line ~ /^\/\* -----/) read_section()
      else comment_text[comment = ++comments] = read_comment()
    } else if (line ~ /^ *$/) comment = 0
    else if (line ~ /^#define /) read_define()
    else if (line ~ /^typedef /) read_typedef()
    else if (line ~ /^EDDY_API/ && line !~ /^EDDY_API *$/) read_function()
  }
  join_forms()
}

# A macro that calls a function of the same comment is the form of it that users write.
function join_forms(  i, name) {
  for (i = 1; i <= items; i++) {
    if (item_kind[i] != "form") continue
    match(item_text[i], /eddy_[a-z0-9_]+\(/)
    name = substr(item_text[i], RSTART, RLENGTH - 1)
    form_of[name] = item_name[i]
    called_by[item_name[i]] = name
  }
}

FNR == 1 { lines = 0 }
{ source[++lines] = $0 }
