#!/bin/sh
# What the build and the tests need of the machine.
#   setup.sh check              is all there that `make lib` needs? says what is missing
#   setup.sh install [sanitize] installs it with apt-get where that is possible (sudo unless root),
#                               and then the tools that only some tests need; those may be missing
# Nothing is done, and no privilege is needed, when all is there.
set -u

have() { command -v "$1" > /dev/null 2>&1; }
have_libuv() { have pkg-config && pkg-config --exists 'libuv >= 1.44'; }

missing_packages() {
  have pkg-config || echo pkg-config
  have_libuv || echo libuv1-dev
}

optional_packages() {
  have g++ || echo g++
  have qemu-aarch64-static || have qemu-aarch64 || echo qemu-user-static
  [ "${1:-}" != sanitize ] || have valgrind || echo valgrind
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif have sudo; then
    sudo "$@"
  else
    echo "setup: not root, and there is no sudo" >&2
    return 1
  fi
}

install_packages() {
  have apt-get || return 1
  echo "setup: installing $*"
  mkdir -p build
  if [ -z "${updated:-}" ]; then
    as_root apt-get update -q > build/setup.log 2>&1 || { cat build/setup.log && return 1; }
    updated=1
  fi
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@" \
    < /dev/null > build/setup.log 2>&1 || { cat build/setup.log && return 1; }
}

# Whether the Swift compiler is 6.3 or newer: it is the first with @c.
have_swift() {
  "${SWIFTC:-swiftc}" --version 2> /dev/null |
    sed -n 's/.*Swift version \([0-9]*\)\.\([0-9]*\).*/\1 \2/p' |
    awk '{ good = $1 > 6 || ($1 == 6 && $2 >= 3) } END { exit !good }'
}

require_compilers() {
  if ! have_swift; then
    echo "setup: Swift 6.3 or newer must be on PATH as swiftc (see swift.org/install)" >&2
    return 1
  fi
  if ! have "${CC:-cc}"; then
    echo "setup: no C compiler; on Debian: apt-get install build-essential" >&2
    return 1
  fi
}

require_libraries() {
  packages=$(missing_packages | tr '\n' ' ')
  [ -z "$packages" ] && return 0
  [ "$1" = install ] && install_packages $packages && [ -z "$(missing_packages)" ] && return 0
  echo "setup: libuv 1.44 or newer is needed, as pkg-config finds it. On Debian:" >&2
  echo "    apt-get update && apt-get install ${packages% }" >&2
  [ "$1" = install ] || echo "or run \`make setup\`, which does so." >&2
  return 1
}

require_compilers || exit 1
require_libraries "${1:-check}" || exit 1
[ "${1:-check}" = install ] || exit 0
for package in $(optional_packages "${2:-}"); do
  install_packages "$package" || echo "setup: $package cannot be installed; its tests are skipped"
done
exit 0
