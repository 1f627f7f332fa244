# Writes what is left of a section as a page, SEE ALSO, and eddy(7).

function write_rest(p,  s, n, word, i, j) {
  s = page_section[p]
  n = split(names_of[page], word, " ")
  write_name(page, rest_text(p))
  head("SYNOPSIS")
  put(".nf")
  put("\\fB#include <eddy.h>\\fR")
  put("")
  for (i = 1; i <= n; i++) {
    j = item_of[word[i]]
    if (item_kind[j] ~ /^(handle|callback)$/) put("\\fB" code(item_text[j]) "\\fR")
    else if (item_kind[j] == "macro") put("\\fB" macro_form(j) "\\fR")
    else put("\\fB" word[i] "\\fR")
  }
  put(".fi")
  head("DESCRIPTION")
  put_text(section_text[s] != "" && n > 1 ? section_text[s] : ended(capital(rest_text(p))), "")
  for (i = 1; i <= n; i++) {
    j = item_of[word[i]]
    if (item_kind[j] == "constant") put_constant(j)
    else if (item_comment[j]) {
      put(".TP")
      put("\\fB" word[i] "\\fR")
      put_text(comment_text[item_comment[j]], "")
    }
  }
}

# What the page of a section's rest is about: its one comment, the function it is for, or the title.
function rest_text(p,  i, c) {
  c = item_comment[page_item[p]]
  if (c && names_of[page_name[p]] == " " page_name[p]) return comment_text[c]
  for (i = 1; i <= items; i++)
    if (item_kind[i] == "function" && item_section[i] == page_section[p] &&
      index(comment_text[item_comment[i]], page_name[p]))
      return "Constants of " page_of[item_name[i]]
  return section_name(page_section[p])
}

function section_name(s) {
  return s ? section_title[s] : "The version of this header"
}

function macro_form(j,  text) {
  text = item_text[j]
  sub(/\).*/, ")", text)
  return item_name[j] code(text)
}

function noun_of(name) {
  sub(/^eddy_/, "", name)
  if (name ~ /^(call|with_timeout|defer)$/) return "scope"
  if (name ~ /^(call_|post)/) return "callback"
  sub(/_.*/, "", name)
  return name ~ /^(group|timeout|deadline|shield)$/ ? "scope" : name
}

# What the text names, and the functions of the same noun, or of the section if there are none.
function see_also(p,  i, count, same, line, name) {
  same = 0
  for (i = 1; i <= pages; i++)
    if (i != p && page_kind[i] == "function" && noun_of(page_name[i]) == noun_of(page)) same++
  for (i = 1; i <= pages; i++) {
    name = page_name[i]
    if (i == p || name in mentioned) continue
    if (page_kind[i] == "function" && (noun_of(name) == noun_of(page) ||
      !same && page_section[i] == page_section[p])) mentioned[name] = 1
    else if (page_kind[p] != "function" && page_kind[i] == "function" && takes(i, page))
      mentioned[name] = 1
  }
  head("SEE ALSO")
  for (i = 1; i <= pages; i++)
    if (i != p && page_name[i] in mentioned) put(".BR " page_name[i] " (3),")
  put(".BR eddy (7)")
}

# Whether a function of page i has a struct among its parameters.
function takes(i, type,  n, word, k, j) {
  n = split(names_of[page_name[i]], word, " ")
  for (k = 1; k <= n; k++)
    for (j = 1; j <= parameters[word[k]]; j++)
      if (index(parameter_type[word[k], j], type " ")) return 1
  return 0
}

function write_overview(  s, i, n, part, start) {
  page = "eddy"
  for (i in parameter) delete parameter[i]
  file = out "/man7/eddy.7"
  put_title("eddy", 7)
  head("NAME")
  put("eddy \\- tasks that can wait, be cancelled, time out and be grouped")
  head("SYNOPSIS")
  put(".nf")
  put("\\fB#include <eddy.h>\\fR")
  put("")
  put("cc \\fIprogram.c\\fR $(pkg\\-config \\-\\-cflags \\-\\-libs eddy)")
  put(".fi")
  head("DESCRIPTION")
  put_rules(opening)
  head("STATUSES")
  for (s = 1; s <= sections; s++) if (section_title[s] == "Statuses") put_text(section_text[s], "")
  for (i = 1; i <= items; i++)
    if (item_kind[i] == "constant" && item_text[i] ~ /\(eddy_status_t\)/) put_constant(i)
  head("FUNCTIONS AND TYPES")
  for (s = 0; s <= sections; s++) put_overview_section(s)
  head("SEE ALSO")
  put(".BR pkg-config (1)")
  close(file)
  file = out "/man3/eddy.3"
  put(".so man7/eddy.7")
  close(file)
}

# The opening, without the file's own line and its licence. "Handles are values." heads a paragraph.
function put_rules(text,  n, part, i, k, pair, title) {
  n = split_at(text, ". ", part)
  for (i = 1; i <= n; i++) {
    if (part[i] ~ /^eddy\.h:/) {
      sub(/^eddy\.h: /, "", part[i])
      put(marked(capital(part[i])))
    } else if (sub(/^This file is/, "The header is", part[i])) {
      put(marked(part[i]))
    } else if (part[i] ~ /SPDX/) continue
    else if (part[i] ~ /^\001/) put(put_block(part[i]))
    else put(marked(part[i]))
  }
}

function put_overview_section(s,  i, any) {
  any = 0
  for (i = 1; i <= pages; i++) {
    if (page_section[i] != s) continue
    if (!any) {
      put(".SS \"" plain(section_name(s)) "\"")
      if (section_text[s] != "" && section_title[s] != "Statuses") put_text(section_text[s], "")
      any = 1
    }
    put(".TP")
    put(".BR " page_name[i] " (3)")
    put_summary(i)
  }
}

function put_summary(i,  n, word, k, c, part, text) {
  c = item_comment[page_item[i]]
  if (page_kind[i] == "rest") text = rest_text(i)
  else if (page_kind[i] == "struct") text = struct_text(page_item[i])
  else text = purpose[c]
  split_at(text, ". ", part)
  put(marked(ended(capital(part[1]))))
}
