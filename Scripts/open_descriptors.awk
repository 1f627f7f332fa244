# Reads Valgrind's logs with --track-fds=yes and finds descriptors that the program opened and left
# open. The standard ones and those inherited are nobody's leak; nor are those of a forked child,
# which has its parent's and ends without cleanup. Only a child of process `parent` counts.
# Exit status 1 if there are any; Valgrind 3.19 itself does not count them as errors.

function settle() {
  if (entry != "" && counts && !inherited) {
    print "descriptor left open: " entry
    found = 1
  }
  entry = ""
  inherited = 0
}

FNR == 1 { settle(); counts = 0 }
/ Parent PID: / { counts = $NF == parent }
/Open (file descriptor|AF_[A-Z0-9]+ socket) [0-9]+/ {
  settle()
  entry = $0
  number = $0
  sub(/.*(descriptor|socket) /, "", number)
  if (number + 0 <= 2) entry = ""
}
/<inherited from parent>/ { inherited = 1 }
END {
  settle()
  exit found
}
