# The parts of a function's comment, and what is wrong with them.
#
# purpose[c], owns[c], returns[c], suspends[c], cancels[c], thread[c] and since[c], by number of
# comment; purpose holds the parameters too. Faults go to stdout, one a line, and are counted in
# `faults`.

function fault(where, what) {
  if (check) print where ": " what
  faults++
}

# Where a label begins a sentence, or 0.
function label_at(text, label,  from, at_, before) {
  from = 1
  for (;;) {
    at_ = index(substr(text, from), label)
    if (!at_) return 0
    at_ += from - 1
    before = substr(text, at_ - 2, 2)
    if (at_ == 1 || before ~ /^[.)] $/ || before == "\001 ") return at_
    from = at_ + 1
  }
}

function part_between(text, start, end, label) {
  if (!start) return ""
  return trim(substr(text, start + length(label), end - start - length(label)))
}

# Cuts comment c, whose first function is `name`, into its parts.
function cut_comment(c, name,  text, count, i, j, at_, place, label, next_, last) {
  text = comment_text[c]
  count = split("Ownership:|Returns|Suspends:|Cancel point:|Thread:|Since:", label, "|")
  last = 0
  for (i = 1; i <= count; i++) {
    place[i] = label_at(text, label[i])
    if (!place[i]) continue
    if (place[i] < last) fault(name, label[i] " is not in its place")
    last = place[i]
  }
  for (i = 1; i <= count; i++) {
    next_ = length(text) + 1
    for (j = 1; j <= count; j++)
      if (place[j] > place[i] && place[j] < next_) next_ = place[j]
    part_text[i] = part_between(text, place[i], next_, label[i])
  }
  next_ = length(text) + 1
  for (j = 1; j <= count; j++) if (place[j] && place[j] < next_) next_ = place[j]
  purpose[c] = trim(substr(text, 1, next_ - 1))
  owns[c] = part_text[1]
  returns[c] = part_text[2]
  suspends[c] = without_stop(part_text[3])
  cancels[c] = without_stop(part_text[4])
  thread[c] = without_stop(part_text[5])
  since[c] = without_stop(part_text[6])
  judge_parts(c, name, place)
}

function without_stop(s) {
  sub(/\.$/, "", s)
  return s
}

function judge_parts(c, name, place,  i, rest) {
  if (purpose[c] == "") fault(name, "does not say what it does")
  if (comment_text[c] ~ /(^|[.] )Ownership[^:]/) fault(name, "Ownership without a colon")
  if (place[1] && owns[c] == "") fault(name, "Ownership: is empty")
  if (result_of[name] == "eddy_status_t" && returns[c] == "") fault(name, "no Returns")
  if (returns[c] != "" && returns[c] !~ /\.$/) fault(name, "Returns does not end with a full stop")
  if (suspends[c] !~ /^(no|yes|unless|when|while|as)($|[ ,])/) fault(name, "Suspends: is wrong")
  if (cancels[c] !~ /^(no|yes|unless|as)($|[ ,;])/) fault(name, "Cancel point: is wrong")
  if (cancels[c] ~ /^(yes|unless)/ && cancels[c] !~ /detachable|owning|unbreakable|^yes$/)
    fault(name, "Cancel point: without its class of wait")
  if (thread[c] !~ /^(any|loop|task)($|[ ,])/) fault(name, "Thread: is wrong")
  if (since[c] !~ /^[0-9]+\.[0-9]+$/) fault(name, "Since: is wrong")
}

# Every name of C in a comment is one of this header; a family is written with a star.
function judge_words(  c, text, word, star) {
  for (c = 1; c <= comments; c++) {
    text = comment_text[c]
    while (match(text, /(eddy|EDDY)_[A-Za-z0-9_]*\*?/)) {
      word = substr(text, RSTART, RLENGTH)
      text = substr(text, RSTART + RLENGTH)
      star = word
      if (word == "EDDY_DEBUG") continue # of the environment
      if (!(word in item_of) && !sub(/_?\*$/, "", star)) fault("comment " c, "there is no " word)
    }
  }
}

# Each function has a comment; a form has the parameters of its function, by name.
function judge_items(  i, name, part, n, j, k, found) {
  for (i = 1; i <= items; i++) {
    name = item_name[i]
    if (item_kind[i] == "function" && !item_comment[i]) fault(name, "no comment")
    if (item_kind[i] != "form") continue
    n = form_parameters(i, part)
    if (!(name in called_by) || !(called_by[name] in item_of)) {
      fault(name, "calls no function of this header")
      continue
    }
    for (j = 1; j <= n; j++) {
      found = 0
      for (k = 1; k <= parameters[called_by[name]]; k++)
        if (parameter_name[called_by[name], k] == part[j]) found = 1
      if (!found) fault(name, called_by[name] " has no parameter " part[j])
    }
  }
}

function form_parameters(i, part,  text) {
  text = item_text[i]
  sub(/\).*/, "", text)
  sub(/^\(/, "", text)
  return split(text, part, / *, */)
}
