# What is wrong with the sections of man pages: one that is empty, twice there or out of order, a
# page without those that each must have. A line for each fault.
# usage: awk -f sections.awk PAGE...

BEGIN {
  all = "NAME SYNOPSIS DESCRIPTION PARAMETERS FIELDS CONSTANTS OPTIONS OWNERSHIP"
  count = split(all, name, " ")
  name[++count] = "RETURN VALUE"
  split("CONTEXT NOTES STATUSES", more, " ")
  for (i = 1; i <= 3; i++) name[++count] = more[i]
  name[++count] = "FUNCTIONS AND TYPES"
  name[++count] = "SINCE"
  name[++count] = "SEE ALSO"
  for (i = 1; i <= count; i++) rank[name[i]] = i
}

function wrong(what) {
  print page ": " what
}

function end_section() {
  if (section != "" && !lines) wrong(section " is empty")
}

function end_page() {
  end_section()
  if (page == "" || alias) return
  if (!("NAME" in seen)) wrong("no NAME")
  if (!("DESCRIPTION" in seen)) wrong("no DESCRIPTION")
  if ("CONTEXT" in seen && !("SINCE" in seen)) wrong("no SINCE")
}

FNR == 1 {
  end_page()
  page = FILENAME
  section = ""
  last = 0
  for (i in seen) delete seen[i]
  alias = /^\.so /
}

/^\.SH / {
  end_section()
  section = substr($0, 5)
  gsub(/"/, "", section)
  lines = 0
  if (section in seen) wrong(section " is there twice")
  seen[section] = 1
  # A struct's own section, which has its name, may stand anywhere.
  if (section in rank) {
    if (rank[section] < last) wrong(section " is not in its place")
    last = rank[section]
  }
  next
}

# What is text: all that is no request, and the names below SEE ALSO.
/^[^.]/ || /^\.BR / { lines++ }

END { end_page() }
