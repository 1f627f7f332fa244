# Takes the fenced blocks out of a guide, each into a file of its own, and prints a line for each:
#   KIND FILE WHERE     with tabs between; WHERE is "guide.md:line"
# Kinds: program (C with a main), source (other C at file scope), body (statements of a task
# function), swift, main (Swift that runs a loop itself), output (what the program above prints).
# usage: awk -v out=FOLDER -v guide=NAME -f docs.awk GUIDE
#
# The words after ``` say what a block is: "c", "c body", "swift", "text output". Other blocks are
# left alone. A "c" block is a program if it has a main.

function end_block() {
  if (kind == "c") kind = text ~ /(^|\n)int main\(/ ? "program" : "source"
  if (kind == "swift") swift_file()
  else if (kind == "body") {
    text = "#include \"prelude.h\"\n\neddy_status_t " name() "(void *context);\n" \
      "eddy_status_t " name() "(void *context)\n{\n    (void)context;\n" line_mark() text \
      "    return EDDY_OK;\n}\n"
  } else if (kind == "source")
    text = "#include \"prelude.h\"\n" line_mark() text
  file = out "/" name() "." (kind == "output" ? "txt" : kind ~ /^(swift|main)$/ ? "swift" : "c")
  printf "%s", text > file
  close(file)
  print kind "\t" file "\t" guide ":" start
}

# Declarations of functions, types and context variables go to the file's scope, statements into a
# function.
function swift_file(  n, i, line, imports, types, body, is_type, is_main) {
  imports = types = body = ""
  is_type = 0
  n = split(text, line, "\n")
  for (i = 1; i < n; i++) {
    if (line[i] ~ /^import /) imports = imports line[i] "\n"
    else if (line[i] ~ /^let [a-z]+ = ContextVariable/) types = types "private " line[i] "\n"
    else if (is_type || line[i] ~ /^(func|struct|enum|actor|final class) /) {
      types = types (is_type ? "" : "private ") line[i] "\n"
      is_type = line[i] !~ /^}/ && (is_type || line[i] !~ /}$/)
    } else body = body "  " line[i] "\n"
  }
  is_main = body ~ /(^|\n)  (let|var|try|_)[^\n]*(runLoop|TestKit|Runner)/
  kind = is_main ? "main" : "swift"
  text = "import CEddy\nimport Eddy\n" imports "\n" types "\nfunc " name() "() " \
    (is_main ? "" : "async ") "throws {\n" body "}\n"
}

# The guide's name and line, so that no two blocks have one name.
function name(  s) {
  s = guide "_" start
  gsub(/[^A-Za-z0-9]/, "_", s)
  return s
}

# Errors then name the guide's own lines.
function line_mark() {
  return "#line " start + 1 " \"" guide "\"\n"
}

/^```/ && inside {
  inside = 0
  if (kind != "") end_block()
  next
}

/^```/ {
  inside = 1
  text = ""
  start = FNR
  what = substr($0, 4)
  kind = what == "c" ? "c" : what == "c body" ? "body" : what == "swift" ? "swift" : \
    what == "text output" ? "output" : ""
  next
}

inside { text = text $0 "\n" }
