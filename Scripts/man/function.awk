# Writes the page of a comment that has functions: everything but its statuses.

function write_function(p,  i, c, first, n) {
  i = page_item[p]
  c = item_comment[i]
  gather_functions(i, c)
  first = functions[1]
  sort_purpose(purpose[c])
  write_name(page, description != "" ? description : purpose[c])
  head("SYNOPSIS")
  put(".nf")
  put("\\fB#include <eddy.h>\\fR")
  for (n = 1; n <= forms; n++) put_prototype(form_name[n], item_of[form_name[n]])
  for (n = 1; n <= count_functions; n++) put_prototype(functions[n], 0)
  put(".fi")
  head("DESCRIPTION")
  put_text(description != "" ? description : purpose[c], "")
  write_parameters()
  write_named_constants(i, c)
  write_taken_structs()
  if (owns[c] != "") {
    head("OWNERSHIP")
    put_text(capital(owns[c]), "")
  }
  write_returns(c, first)
  write_context(c)
  if (notes != "") {
    head("NOTES")
    put_text(notes, "")
  }
  head("SINCE")
  put("Eddy " since[c] ".")
}

function gather_functions(i, c,  j, k, name) {
  forms = count_functions = 0
  for (j = i; j <= items && item_comment[j] == c; j++) {
    if (item_kind[j] == "form") form_name[++forms] = item_name[j]
    if (item_kind[j] != "function") continue
    name = item_name[j]
    functions[++count_functions] = name
    for (k = 1; k <= parameters[name]; k++) parameter[parameter_name[name, k]] = name SUBSEP k
  }
}

# The prototype of a function, or of a form with the types of the function it calls.
function put_prototype(name, form,  real, n, part, i, k, text) {
  real = form ? called_by[name] : name
  text = result_of[real]
  text = text (text ~ /\*$/ ? "" : " ") name "("
  put("")
  synopsis_line = "\\fB" code(text) "\\fR"
  synopsis_width = length(text)
  n = form ? form_parameters(form, part) : parameters[real]
  for (i = 1; i <= n; i++) {
    if (!form) part[i] = parameter_name[real, i]
    for (k = 1; k <= parameters[real]; k++) if (parameter_name[real, k] == part[i]) break
    put_parameter(parameter_type[real, k], part[i], i == n ? ");" : ", ")
  }
  if (!n) synopsis_line = synopsis_line "\\fBvoid);\\fR"
  put(synopsis_line)
}

function put_parameter(type, name, end,  width) {
  if (type != "" && type !~ /\*$/) type = type " "
  width = length(type name end)
  if (synopsis_width + width > 76) {
    sub(/ +$/, "", synopsis_line)
    sub(/ \\fR$/, "\\fR", synopsis_line)
    put(synopsis_line)
    synopsis_line = "    "
    synopsis_width = 4
  }
  synopsis_width += width
  synopsis_line = synopsis_line "\\fB" code(type) "\\fR\\fI" name "\\fR\\fB" end "\\fR"
}

# Splits a purpose: sentences that begin with a parameter's name go to said[name], with those after
# them that say what a constant does there; the rest is the description.
function sort_purpose(text,  n, part, i, word, rest, last) {
  for (word in said) delete said[word]
  description = last = ""
  n = split_at(text, ". ", part)
  for (i = 1; i <= n; i++) {
    match(part[i], /^[A-Za-z0-9_]+/)
    word = substr(part[i], 1, RLENGTH)
    rest = substr(part[i], RLENGTH + 1)
    if (RLENGTH > 0 && word in parameter && i > 1) {
      if (sub(/^: +/, "", rest)) rest = capital(rest)
      else if (rest ~ /^, may be NULL: /) sub(/^, may be NULL: /, "May be NULL; ", rest)
      else if (rest ~ /^ may be NULL/) rest = "May" substr(rest, 5)
      else if (sub(/^ is /, "", rest)) rest = capital(rest)
      else rest = part[i]
      said[word] = said[word] (said[word] == "" ? "" : " ") rest
      last = word
    } else if (last != "" && part[i] ~ /^EDDY_[A-Z_]+: /) said[last] = said[last] " " part[i]
    else description = description (description == "" ? "" : " ") part[i]
  }
}

function write_parameters(  n, k, name, type, order, seen, text, any) {
  any = 0
  for (n = 1; n <= count_functions; n++)
    for (k = 1; k <= parameters[functions[n]]; k++) {
      name = parameter_name[functions[n], k]
      type = parameter_type[functions[n], k]
      if (name in seen) continue
      seen[name] = 1
      text = parameter_text(name, type)
      if (text == "") continue
      if (!any) head("PARAMETERS")
      any = 1
      put(".TP")
      put("\\fI" name "\\fR")
      put_text(text, "")
    }
}

# Constants of the section that the comment names, alone or as a family, and that no struct has.
function write_named_constants(i, c,  j, any, family) {
  any = 0
  for (j = 1; j <= items; j++) {
    if (item_kind[j] != "constant" || item_section[j] != item_section[i]) continue
    if (item_text[j] ~ /eddy_status_t/ || page_of[item_name[j]] ~ /^eddy_/) continue
    family = item_name[j]
    sub(/_[A-Z0-9]+$/, "_*", family)
    if (!index(comment_text[c], item_name[j]) && !index(comment_text[c], family)) continue
    if (!any) head("CONSTANTS")
    any = 1
    put_constant(j)
  }
}

# What was said of a parameter, with its unit; what all of its kind share if nothing was.
function parameter_text(name, type) {
  if (name ~ /_ns$/) return "In nanoseconds." (name in said ? " " said[name] : "")
  if (name in said) return said[name]
  if (name == "site")
    return "Where this is, as \"file:line\", static text, or NULL; the macro gives it."
  if (name == "version") return "EDDY_VERSION_NUMBER; the macro gives it."
  if (type ~ /_options_t \*$/) return "See OPTIONS; NULL for the defaults."
  return ""
}

# ---- Suspends, cancel point, thread -------------------------------------------------------------

function write_context(c) {
  head("CONTEXT")
  put(".TP")
  put("Suspends")
  put(marked(capital(suspends[c])) ".")
  put(".TP")
  put("Cancel point")
  put(marked(capital(cancels[c])) ".")
  put_class(cancels[c], "detachable")
  put_class(cancels[c], "owning")
  put_class(cancels[c], "unbreakable")
  put(".TP")
  put("Thread")
  put(marked(capital(thread[c])) ".")
  if (thread[c] ~ /^loop/) put("That is the thread that created the loop.")
  if (thread[c] ~ /^task/) put("That is the loop\\(aqs thread, inside a task.")
}

# What the header's opening says of a class of wait.
function put_class(text, class,  n, i, part, number) {
  if (index(text, class) == 0) return
  for (number = 1; number <= blocks; number++) {
    if (block_kind[number] != "list") continue
    n = split(block[number], part, "\n")
    for (i = 1; i <= n; i++) if (part[i] ~ "^" class "  ") {
      sub(/^[a-z]+ +/, "", part[i])
      put(marked(capital(class) ": " part[i]) ".")
      return
    }
  }
}
