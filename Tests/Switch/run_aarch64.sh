#!/bin/sh
# Builds the aarch64 assembly of EddySwitch with a freestanding test and runs it under qemu-user.
# Exit status: 0 passed, 77 "skipped: REASON" as the last line, else failed.
# CLANG names the compiler.
set -u
cd "$(dirname "$0")/../.." || exit 1
clang=${CLANG:-clang}
out=build/aarch64
mkdir -p "$out" || exit 1

skip() {
  echo "skipped: $1"
  exit 77
}

command -v "$clang" > /dev/null 2>&1 || skip "there is no clang"
qemu=""
for name in qemu-aarch64-static qemu-aarch64; do
  if command -v "$name" > /dev/null 2>&1; then
    qemu=$name
    break
  fi
done
[ -n "$qemu" ] || skip "there is no qemu-user for aarch64"

aarch64="--target=aarch64-linux-gnu"
echo 'void _start(void) {}' > "$out/probe.c"
"$clang" $aarch64 -nostdlib -static -ffreestanding -fuse-ld=lld "$out/probe.c" -o "$out/probe" \
  > "$out/probe.log" 2>&1 || skip "$clang or its lld cannot build for aarch64"

set -e
# The whole assembly, and the C side as far as it needs no C library.
"$clang" $aarch64 -std=gnu11 -O2 -g -Wall -Wextra -Werror -ffreestanding -fno-stack-protector \
  -nostdlib -static -fuse-ld=lld \
  Tests/Switch/aarch64_switch_test.c Sources/EddySwitch/switch_aarch64.S \
  Sources/EddySwitch/switch_x86_64.S -o "$out/switch_test"
"$qemu" "$out/switch_test"
