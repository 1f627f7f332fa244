# Writes RETURN VALUE: the prose of a "Returns" as a list of statuses, as far as it is one.

function write_returns(c, first,  n, part, i, text) {
  notes = ""
  text = returns[c]
  if (text == "") {
    if (result_of[first] == "void") return
    split_at(description != "" ? description : purpose[c], ". ", part)
    head("RETURN VALUE")
    put(marked(capital(part[1])))
    return
  }
  sub(/^, */, "", text)
  head("RETURN VALUE")
  if (result_of[first] == "eddy_status_t" && text !~ /EDDY_OK/ && is_item(text)) {
    put("\\fBEDDY_OK\\fR, or:")
  }
  n = split_at(text, ". ", part)
  for (i = 1; i <= n; i++) {
    if (i > 1 && part[i] !~ /(^| )EDDY_E[A-Z0-9]+( \(|,|\.)/) {
      notes = notes (notes == "" ? "" : " ") part[i]
      continue
    }
    sub(/^(Or|And) /, "", part[i])
    put_outcomes(without_stop(part[i]), i > 1)
  }
}

function is_item(s) {
  return s ~ /^(EDDY_[A-Z0-9]+|-E[A-Z0-9]+)($|[ ,;.])/
}

# A sentence of outcomes: clauses between semicolons, items between commas. Prose stays prose.
function put_outcomes(text, later,  clauses, clause, j) {
  clauses = split_at(text, "; ", clause)
  if (text !~ /(^|[ ,;(])(EDDY_E[A-Z0-9]+|-E[A-Z]+|EDDY_OK)/ || later == 0 && !has_item(text)) {
    put(marked(capital(text)) ".")
    return
  }
  for (j = 1; j <= clauses; j++) put_clause(clause[j], later || j > 1)
}

function has_item(text,  n, j, k, clause, piece) {
  n = split_at(text, "; ", clause)
  for (j = 1; j <= n; j++) {
    if (head_end(clause[j])) clause[j] = substr(clause[j], head_end(clause[j]) + 2)
    k = split_at(clause[j], ", ", piece)
    for (; k > 0; k--) {
      sub(/^(or|and) /, "", piece[k])
      if (is_item(piece[k])) return 1
    }
  }
  return 0
}

# Where the colon of "for EDDY_OK: ..." is, or 0.
function head_end(text,  part) {
  return split_at(text, ": ", part) > 1 ? length(part[1]) + 1 : 0
}

function put_clause(text, later,  n, k, piece, at_, original) {
  at_ = head_end(text)
  if (at_ && has_item(substr(text, at_ + 2))) {
    if (later) put(".PP")
    put(marked(capital(substr(text, 1, at_))))
    text = substr(text, at_ + 2)
    later = 1
  }
  outcome = outcome_text = prose = ""
  n = split_at(text, ", ", piece)
  for (k = 1; k <= n; k++) {
    original = piece[k]
    sub(/^(or|and) /, "", piece[k])
    if (is_item(piece[k])) {
      flush_outcome()
      flush_prose(later, original ~ /^and / ? ", and:" : ", or:")
      put_item(piece[k], later || k > 1)
    }
    else if (at_ = match(piece[k], / (EDDY_E[A-Z0-9]+) \(/)) {
      prose = prose (prose == "" ? "" : ", ") substr(piece[k], 1, at_ - 1)
      flush_prose(later, ":")
      put_item(substr(piece[k], at_ + 1), 1)
    } else if (outcome != "" && original ~ /^(also|and|with|if|when|that|which|so) /)
      outcome_text = outcome_text (outcome_text == "" ? "" : ", ") original
    else {
      flush_outcome()
      prose = prose (prose == "" ? "" : ", ") original
    }
  }
  flush_outcome()
  flush_prose(later, ".")
}

function put_item(text, later,  name, j, two) {
  flush_outcome()
  # "EDDY_EBADHANDLE or EDDY_EWRONGTHREAD" are two.
  if (match(text, /^EDDY_[A-Z]+ (or|and) EDDY_/)) {
    two = text
    sub(/ .*/, "", text)
    sub(/^EDDY_[A-Z]+ (or|and) /, "", two)
    put_item(text, later)
    put_item(two, 1)
    return
  }
  match(text, /^-?[A-Z0-9_]+/)
  outcome = substr(text, 1, RLENGTH)
  outcome_text = trim(substr(text, RLENGTH + 1))
  if (outcome_text ~ /^\(.*\)$/ && outcome_text !~ /^\(.*\).*\(/)
    outcome_text = substr(outcome_text, 2, length(outcome_text) - 2)
}

function flush_prose(later, end) {
  if (prose == "") return
  if (later) put(".PP")
  put(marked(capital(prose)) end)
  prose = ""
}

function flush_outcome() {
  if (outcome == "") return
  put(".TP")
  put("\\fB" plain(outcome) "\\fR")
  if (outcome_text == "" && outcome in item_of)
    outcome_text = first_up(item_note[item_of[outcome]])
  if (outcome_text == "") outcome_text = "From the system"
  put(marked(capital(outcome_text)) ".")
  outcome = outcome_text = ""
}
