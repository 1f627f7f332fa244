# What the other files of this folder share: sentences, lists and roff.
#
# A text is one line. In it \001N\001 stands for block N, which is kept apart: an example, a list or
# the end of a paragraph (block[N], block_kind[N]).

function trim(s) {
  sub(/^[ \t]+/, "", s)
  sub(/[ \t]+$/, "", s)
  return s
}

# Splits a text where `mark` (one of ". ", "; ", ", ", ": ") stands outside of all brackets, and at
# blocks. Fills part[1..] and gives their count.
function split_at(text, mark, part,  i, n, c, depth, from, two) {
  n = 0
  depth = 0
  from = 1
  for (i = 1; i <= length(text); i++) {
    c = substr(text, i, 1)
    if (c == "(" || c == "[" || c == "{") depth++
    else if ((c == ")" || c == "]" || c == "}") && depth > 0) depth--
    two = substr(text, i, 2)
    if (depth == 0 && two == mark && substr(text, i - 1, 2) != "..") {
      part[++n] = trim(substr(text, from, i - from + (mark == ". ")))
      from = i + 2
      i++
    } else if (c == "\001") {
      if (trim(substr(text, from, i - from)) != "") part[++n] = trim(substr(text, from, i - from))
      from = i
      i++
      while (substr(text, i, 1) != "\001") i++
      part[++n] = substr(text, from, i - from + 1)
      from = i + 1
    }
  }
  if (trim(substr(text, from)) != "") part[++n] = trim(substr(text, from))
  return n
}

function is_parameter(s) {
  sub(/[^a-z0-9_].*/, "", s)
  return s in parameter
}

function capital(s) {
  # A name of C keeps its case.
  if (s ~ /^[a-z]+[_(]/ || s ~ /^fn[ ']/ || is_parameter(s)) return s
  return first_up(s)
}

function first_up(s) {
  return toupper(substr(s, 1, 1)) substr(s, 2)
}

# ---- roff ---------------------------------------------------------------------------------------

# A line of text as roff takes it: no request by accident, and a minus that can be copied.
function plain(s,  out, c, i, before) {
  out = ""
  before = " "
  for (i = 1; i <= length(s); i++) {
    c = substr(s, i, 1)
    if (c == "\\") out = out "\\e"
    else if (c == "-" && (before ~ /[ (]/ || substr(s, i + 1, 1) ~ /[>0-9]/)) out = out "\\-"
    else if (c == "'") out = out "\\(aq"
    else if (c == "~" || c == "^") out = out (c == "~" ? "\\(ti" : "\\(ha")
    else out = out c
    before = c
  }
  return out
}

function guarded(s) {
  return s ~ /^[.']/ ? "\\&" s : s
}

# The same with the names of C set off: pages bold with their section, parameters in italics.
function marked(s,  out, word, after) {
  out = ""
  while (match(s, /[A-Za-z_][A-Za-z0-9_]*/)) {
    out = out plain(substr(s, 1, RSTART - 1))
    word = substr(s, RSTART, RLENGTH)
    s = substr(s, RSTART + RLENGTH)
    after = substr(s, 1, 1)
    if (word ~ /^eddy_/) {
      out = out "\\fB" word "\\fR"
      if (word in page_of && page_of[word] != page && after != "(" && word != "eddy_") {
        out = out "(3)"
        mention(page_of[word])
      }
    } else if (word ~ /^EDDY_[A-Z0-9_]+$/) {
      out = out "\\fB" word "\\fR"
      if (word in page_of && page_of[word] != "eddy_status_t" && page_of[word] != page)
        mention(page_of[word])
    }
    else if (word ~ /_/ && word in parameter || word == "fn") out = out "\\fI" word "\\fR"
    else out = out plain(word)
  }
  return guarded(out plain(s))
}

function code(s) {
  gsub(/\\/, "\\e", s)
  gsub(/-/, "\\-", s)
  gsub(/'/, "\\(aq", s)
  gsub(/\^/, "\\(ha", s)
  gsub(/~/, "\\(ti", s)
  return guarded(s)
}

# A paragraph begins with its first line: not twice, nor next to a heading.
function put(line) {
  if (line == ".PP") {
    fresh_paragraph = last_put !~ /^\.S[HS]/
    return
  }
  if (fresh_paragraph && line !~ /^\.(SH|SS|TP|TH)/) print ".PP" > file
  fresh_paragraph = 0
  last_put = line
  print line > file
}

function head(title) {
  put(".SH " (title ~ / / ? "\"" title "\"" : title))
}

# A sentence a line. A paragraph may be open; `start` is what opens the first one.
function put_text(text, start,  n, i, part, fresh) {
  n = split_at(text, ". ", part)
  fresh = start
  for (i = 1; i <= n; i++) {
    if (part[i] ~ /^\001/) {
      fresh = put_block(part[i])
      continue
    }
    if (fresh != "") put(fresh)
    fresh = ""
    put(marked(part[i]))
  }
}

# Puts an example or a list; gives what must come before the text after it.
function put_block(token,  number, n, i, line) {
  gsub(/\001/, "", token)
  number = token + 0
  if (block_kind[number] == "paragraph") return ".PP"
  n = split(block[number], line, "\n")
  if (block_kind[number] == "example") {
    put(".PP")
    put(".in +4n")
    put(".EX")
    for (i = 1; i <= n; i++) put(code(line[i]))
    put(".EE")
    put(".in")
    return ".PP"
  }
  for (i = 1; i <= n; i++) {
    match(line[i], /[^ ]+ +/)
    put(".TP")
    put("\\fB" plain(trim(substr(line[i], 1, RLENGTH))) "\\fR")
    put_text(ended(capital(substr(line[i], RLENGTH + 1))), "")
  }
  return ".PP"
}
