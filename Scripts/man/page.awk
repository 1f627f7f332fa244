# Writes the pages: one for each comment that has functions, one for each struct, one for the rest
# of each section, and eddy(7). All names of a page lead to it: the others as ".so" files.
#
# usage: awk -v out=FOLDER -v version=N.N.N -f FILE... HEADER, with all files that man.sh names.
# With -v check=1 nothing is written; faults of the comments are printed, and the exit status is 1
# if there are any.

END {
  read_header()
  for (i = 1; i <= items; i++)
    if (item_kind[i] == "function" && (c = item_comment[i]) && !(c in purpose))
      cut_comment(c, item_name[i])
  judge_items()
  judge_words()
  if (check) exit faults > 0
  plan()
  for (p = 1; p <= pages; p++) write_page(p)
  write_overview()
}

# ---- Which pages there are ----------------------------------------------------------------------

function new_page(kind, name, of) {
  pages++
  page_kind[pages] = kind
  page_name[pages] = name
  page_item[pages] = of
  page_section[pages] = item_section[of]
  claim(name)
}

# Gives a name to the newest page.
function claim(name) {
  if (name in page_of) return
  page_of[name] = page_name[pages]
  names_of[page_name[pages]] = names_of[page_name[pages]] " " name
}

function plan(  i, j, c, s, prefix, first) {
  for (i = 1; i <= items; i++) {
    c = item_comment[i]
    if (item_kind[i] !~ /^(function|form)$/ || item_name[i] in page_of) continue
    new_page("function", item_name[i], i)
    for (j = i + 1; j <= items && item_comment[j] == c; j++)
      if (item_kind[j] ~ /^(function|form)$/) claim(item_name[j])
  }
  for (i = 1; i <= items; i++) if (item_kind[i] == "struct") {
    new_page("struct", item_name[i], i)
    claim(initialiser(item_name[i]))
    for (j = 1; j <= items; j++)
      if (is_callback_of(j, i) || belongs(j, i)) claim(item_name[j])
  }
  for (s = 0; s <= sections; s++) {
    first = 0
    for (i = 1; i <= items; i++) {
      if (item_section[i] != s || item_name[i] in page_of) continue
      if (!first) new_page("rest", item_name[i], first = i)
      else claim(item_name[i])
    }
  }
}

# Whether callback j is told about struct i, or is called by it alone.
function is_callback_of(j, i) {
  if (item_kind[j] != "callback" || item_section[j] != item_section[i]) return 0
  return item_comment[j] && item_comment[j] == item_comment[i] ||
    index(item_text[i], item_name[j] " ") > 0
}

function initialiser(name) {
  sub(/_t$/, "", name)
  name = toupper(name) "_INIT"
  return name in item_of ? name : ""
}

# Whether constant i is of a family that struct s names, such as EDDY_WAIT_*.
function belongs(i, s,  text, prefix) {
  if (item_kind[i] != "constant" || item_name[i] ~ /_INIT$/) return 0
  text = item_text[s]
  while (match(text, /EDDY_[A-Z]+_\*/)) {
    prefix = substr(text, RSTART, RLENGTH - 1)
    text = substr(text, RSTART + RLENGTH)
    if (index(item_name[i], prefix) == 1) return 1
  }
  return item_section[i] == item_section[s] && index(item_text[s], item_name[i]) > 0
}

# ---- One page -----------------------------------------------------------------------------------

function mention(name) {
  if (!(name in mentioned)) mentioned[name] = 1
}

function write_page(p,  word) {
  page = page_name[p]
  for (word in mentioned) delete mentioned[word]
  for (word in parameter) delete parameter[word]
  file = out "/man3/" page ".3"
  put_title(page, 3)
  if (page_kind[p] == "function") write_function(p)
  else if (page_kind[p] == "struct") write_struct(p)
  else write_rest(p)
  see_also(p)
  close(file)
  write_aliases(page)
}

function write_aliases(name,  n, i, word) {
  n = split(names_of[name], word, " ")
  for (i = 1; i <= n; i++) if (word[i] != name) {
    file = out "/man3/" word[i] ".3"
    put(".so man3/" name ".3")
    close(file)
  }
}

function put_title(name, section) {
  put(".\\\" Made from eddy.h; changes go there.")
  put(".TH " name " " section " \"\" \"Eddy " version "\" \"Eddy\"")
  # Names of C are not hyphenated, and gaps do not help to read them.
  put(".nh")
  put(".ad l")
}

# NAME: what apropos shows. The first sentence, up to a colon or semicolon.
function write_name(name, text,  n, word, i, line, part, short) {
  n = split(names_of[name], word, " ")
  line = word[1]
  for (i = 2; i <= n && i <= 12; i++) line = line ", " word[i]
  split_at(text, ". ", part)
  short = part[1]
  sub(/\.$/, "", short)
  split_at(short, ": ", part)
  short = part[1]
  split_at(short, "; ", part)
  short = part[1]
  if (short !~ /^[A-Z][a-z]*[A-Z_]/) short = tolower(substr(short, 1, 1)) substr(short, 2)
  head("NAME")
  put(line " \\- " plain(short))
  return short
}
