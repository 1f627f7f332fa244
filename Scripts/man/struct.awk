# Writes the page of a struct, and structs within the pages of functions.

# The structs that the functions of this page take or fill.
function write_taken_structs(  n, k, type, seen) {
  for (n = 1; n <= count_functions; n++)
    for (k = 1; k <= parameters[functions[n]]; k++) {
      type = parameter_type[functions[n], k]
      sub(/^const /, "", type)
      sub(/ \*+$/, "", type)
      if (type in seen || !(type in item_of) || item_kind[item_of[type]] != "struct") continue
      seen[type] = 1
      head(type ~ /_options_t$/ ? "OPTIONS" : toupper(type))
      put("\\fB" type "\\fR(3)" (initialiser(type) == "" ? ":" : \
        ", which begins as \\fB" initialiser(type) "\\fR:"))
      mention(type)
      put_fields(item_of[type])
      put_constants(item_of[type], 0)
    }
}

# A comment is a struct's if the struct comes first after it.
function struct_text(i,  c) {
  c = item_comment[i]
  return c && item_comment[i - 1] != c ? comment_text[c] : struct_purpose(item_name[i])
}

function write_struct(p,  i, text) {
  i = page_item[p]
  text = struct_text(i)
  write_name(page, text)
  head("SYNOPSIS")
  put(".nf")
  put("\\fB#include <eddy.h>\\fR")
  put("")
  put_struct_code(item_text[i])
  put_callbacks(page)
  put(".fi")
  head("DESCRIPTION")
  put_text(capital(text), "")
  if (initialiser(page) != "") {
    put(".PP")
    put("Begin with \\fB" initialiser(page) "\\fR, which sets the size and every default.")
  } else if (item_text[i] ~ /uint32_t size;/ && page ~ /_info_t$/) {
    put(".PP")
    put("Set the size before the call that fills it.")
  }
  head("FIELDS")
  put_fields(i)
  put_callback_notes(page)
  put_constants(i, 1)
}

# For a struct without a comment: whose it is.
function struct_purpose(name,  i, line) {
  line = ""
  for (i = 1; i <= pages; i++)
    if (page_kind[i] == "function" && takes(i, name))
      line = line (line == "" ? "" : ", ") page_name[i]
  if (line == "") return "A part of other structs."
  return (name ~ /_options_t$/ ? "Options of " : "The struct of ") line "."
}

function put_callbacks(name,  n, i, word) {
  n = split(names_of[name], word, " ")
  for (i = 1; i <= n; i++) if (item_kind[item_of[word[i]]] == "callback") {
    put("")
    put("\\fB" code(item_text[item_of[word[i]]]) "\\fR")
  }
}

# What a callback of its own comment does.
function put_callback_notes(name,  n, i, j, word) {
  n = split(names_of[name], word, " ")
  for (i = 1; i <= n; i++) {
    j = item_of[word[i]]
    if (item_kind[j] != "callback" || item_comment[j] == item_comment[item_of[name]]) continue
    put(".TP")
    put("\\fB" word[i] "\\fR")
    put_text(comment_text[item_comment[j]], "")
  }
}

# Declarations alone; the comments are among the fields.
function put_struct_code(text,  n, i, line) {
  n = split(text, line, "\n")
  for (i = 1; i <= n; i++) {
    gsub(/EDDY_NULLABLE */, "", line[i])
    if (line[i] !~ /;|\{|\}/) continue
    sub(/ *\/\*.*$/, "", line[i])
    if (line[i] ~ /\*\/ *$/ || line[i] ~ /^ *$/) continue
    put("\\fB" code(line[i]) "\\fR")
  }
}

# A tag for each field, then its comment.
function put_fields(i,  n, k, line, above, field, note) {
  n = split(item_text[i], line, "\n")
  above = ""
  for (k = 2; k < n; k++) {
    gsub(/EDDY_NULLABLE */, "", line[k])
    if (line[k] ~ /^ *\/\*/) {
      note = trim(line[k])
      while (note !~ /\*\/$/) note = note " " trim(line[++k])
      gsub(/^\/\* *| *\*\/$/, "", note)
      gsub(/ \* /, " ", note)
      above = note
      continue
    }
    field = trim(line[k])
    note = ""
    if (match(field, /\/\*/)) {
      while (field !~ /\*\/$/) field = field " " trim(line[++k])
      note = substr(field, index(field, "/*") + 2)
      sub(/ *\*\/$/, "", note)
      field = trim(substr(field, 1, index(field, "/*") - 1))
      gsub(/ \* /, " ", note)
    }
    if (note == "") note = above
    above = ""
    sub(/;$/, "", field)
    if (field ~ /^uint32_t size$/) note = "The size of the struct that the caller knows, in bytes."
    if (field ~ / reserved$/) note = "0."
    if (trim(note) == "") note = "See the field above."
    put(".TP")
    put("\\fB" code(field) "\\fR")
    put_text(ended(capital(trim(note))), "")
  }
}

function ended(s) {
  return s ~ /[.:]$/ ? s : s "."
}

# The constants that a struct's fields take.
function put_constants(i, own,  j, any) {
  any = 0
  for (j = 1; j <= items; j++) {
    if (!belongs(j, i)) continue
    if (own && !any) head("CONSTANTS")
    any = 1
    put_constant(j)
  }
}

# Whether a comment is about more than one constant.
function is_shared(c,  j, n) {
  n = 0
  for (j = 1; j <= items; j++) if (item_comment[j] == c && item_kind[j] == "constant" &&
    item_name[j] !~ /_INIT$/) n++
  return n > 1
}

function put_constant(j,  note, value, c) {
  c = item_comment[j]
  note = item_note[j]
  if (c && is_shared(c) && item_comment[j - 1] != c) {
    put(".PP")
    put_text(comment_text[c], "")
  } else if (note == "" && c && !is_shared(c)) note = comment_text[c]
  value = item_text[j]
  gsub(/\(\([a-z0-9_]+\)|\)$/, "", value)
  put(".TP")
  put("\\fB" item_name[j] "\\fR" (value ~ /^-?[0-9]+$/ ? " (" plain(value) ")" : ""))
  if (note == "" && value ~ /^EDDY_[A-Z_]+$/) note = "As " value
  if (note == "" && c && index(comment_text[c], item_name[j])) note = "As said above"
  if (note == "") {
    note = tolower(item_name[j])
    sub(/.*_/, "", note)
  }
  put_text(ended(capital(note)), "")
}
