# Sourced by test_c.sh and test_examples.sh: how a C program is built and run under a tool.
#
# use_tool sets compiler, flags, late_flags, library (the folder with libeddy.so) and objects (the
# folder with EddySwitch's objects). run_program runs one program: it leaves stdout
# in $1.out, stderr in $1.err, and gives the exit status.

sanitize_asan="-fsanitize=address,undefined -fno-sanitize-recover=undefined"
# The toolchain's TSan runtime needs its libdispatch, which needs the blocks runtime.
swift_libraries=${TOOLS:?run this through make}
swift_libraries=${swift_libraries%/bin}/lib/swift/linux
sanitize_tsan="-fsanitize=thread"
late_tsan="-L$swift_libraries -Wl,-rpath,$swift_libraries -ldispatch -lBlocksRuntime"

# use_tool none|asan|tsan|valgrind
use_tool() {
  tool=$1
  compiler=$CC flags="-O1 -g" late_flags="" library=$PWD/build/lib objects=$PWD/build/switch
  case $tool in
  none | valgrind) ;;
  asan | tsan)
    compiler=$CLANG library=$PWD/build/$tool/lib objects=$PWD/build/$tool/switch
    eval "flags=\"\$flags -fuse-ld=lld \$sanitize_$tool\" late_flags=\${late_$tool:-}"
    ;;
  *)
    echo "no such tool: $tool" >&2
    exit 2
    ;;
  esac
  EDDY_TEST_TOOL=$tool
  ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1
  UBSAN_OPTIONS=print_stacktrace=1
  TSAN_OPTIONS=second_deadlock_stack=1
  # The ordinary Swift runtime would catch the faults that tests make on purpose.
  SWIFT_BACKTRACE=enable=no
  export EDDY_TEST_TOOL ASAN_OPTIONS UBSAN_OPTIONS TSAN_OPTIONS SWIFT_BACKTRACE
}

# skip_reason FILE WORD...: if the file's opening says "skip: WORDS: reason" with one of the words,
# prints the reason.
skip_reason() {
  tag=$(sed -n '1,3s|^.*skip: *\([a-z ]*\): *\(.*\)$|\1:\2|p' "$1" | sed -e 's| *\*/ *$||' -e 1q)
  shift
  for word in "$@"; do
    case " ${tag%%:*} " in
    *" $word "*)
      echo "${tag#*:}"
      return
      ;;
    esac
  done
}

# start COMMAND...: a guard ends what hangs, where the test's own alarm did not. $output.pid takes
# signals for it.
start() {
  LD_LIBRARY_PATH=$library sh -c 'echo $$ > "$0"; exec timeout -k 5 400 "$@"' "$output.pid" "$@" \
    > "$output.out" 2> "$output.err" < /dev/null
}

# run_program OUTPUT PROGRAM [ARGUMENT...]
run_program() {
  output=$1
  shift
  if [ "$tool" != valgrind ]; then
    start "$@"
    return
  fi
  rm -f "$output".valgrind.*
  start valgrind --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,possible \
    --errors-for-leak-kinds=definite,possible --track-fds=yes \
    --log-file="$output.valgrind.%p" "$@"
  set -- "$?"
  cat "$output".valgrind.* >> "$output.err"
  awk -v parent="$(cat "$output.pid")" -f Scripts/open_descriptors.awk "$output".valgrind.* \
    >> "$output.err" || set -- 98
  return "$1"
}
