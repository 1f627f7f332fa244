// What the program can be asked for; see main.swift.
//
// Threads: the main one.

import Glibc

/// The run that is under way, for the signal handler.
nonisolated(unsafe) private var current: UInt64 = 0
private let hangSeconds: UInt32 = 20

/// A crash or a hang says which run it was.
func watchSignals() {
  let size = 1 << 16
  var stack = stack_t(
    ss_sp: UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16), ss_flags: 0,
    ss_size: size)
  sigaltstack(&stack, nil)
  var action = sigaction()
  action.__sigaction_handler.sa_handler = { signal in
    var line = Array("failed \(current) signal \(signal)\n".utf8)
    _ = write(1, &line, line.count)
    _exit(2)
  }
  action.sa_flags = SA_ONSTACK
  for signal in [SIGSEGV, SIGBUS, SIGABRT, SIGTRAP, SIGILL, SIGALRM] {
    sigaction(signal, &action, nil)
  }
}

private func seconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// The process's resident memory in KiB.
private func memory() -> Int {
  guard let file = fopen("/proc/self/statm", "r") else { return 0 }
  defer { fclose(file) }
  var line = [CChar](repeating: 0, count: 128)
  guard fgets(&line, 128, file) != nil else { return 0 }
  var fields: [Int] = []
  var number = 0
  for byte in line {
    if byte >= 48, byte <= 57 {
      number = number * 10 + Int(byte - 48)
    } else {
      fields.append(number)
      number = 0
    }
  }
  return fields[1] * Int(getpagesize()) / 1024
}

/// Nothing is kept from run to run, so memory does not grow once it has settled.
private let settledRuns = 8192
private let allowedGrowth = 8192

/// Runs as many as it can. The last lines are for the script to add up.
func soak(first: UInt64, step: UInt64, seconds limit: UInt64, count: UInt64) -> Int32 {
  let begin = seconds()
  var executed = Array(repeating: 0, count: Kind.allCases.count)
  var (runs, swift, twice, deadlocks) = (0, 0, 0, 0)
  current = first
  var settled = 0
  var left = count
  var status: Int32 = 0
  while left > 0, runs % 64 != 0 || seconds() - begin < Double(limit) {
    if runs % 64 == 0 { alarm(hangSeconds) }
    let run = Run(number: current)
    let repeats = runs % 8 == 0
    let outcome = run.checked(run.program, repeats: repeats)
    if let violation = outcome.violation {
      print("failed \(current) \(violation)")
      status = 1
      break
    }
    for index in executed.indices { executed[index] += outcome.executed[index] }
    runs += 1
    if runs == settledRuns { settled = memory() }
    swift += outcome.hasSwift ? 1 : 0
    twice += repeats ? 1 : 0
    deadlocks += outcome.deadlocks
    current &+= step
    left -= 1
  }
  alarm(0)
  let grown = settled > 0 ? memory() - settled : 0
  if grown > allowedGrowth {
    print("memory grew by \(grown) KiB")
    status = 1
  }
  print("count runs \(runs)")
  print("count operations \(executed.reduce(0, +))")
  print("count with Swift tasks \(swift)")
  print("count made twice \(twice)")
  print("count deadlocks built \(deadlocks)")
  for kind in Kind.allCases { print("count \(kind) \(executed[kind.rawValue])") }
  return status
}

func show(_ run: Run) -> Int32 {
  var run = run
  run.isVerbose = true
  current = run.number
  alarm(hangSeconds)
  let program = run.program
  print("run \(run.number): program \(run.number / Run.orders), order \(run.number % Run.orders)")
  print(program.text)
  print("what happens:")
  let outcome = run.checked(program, repeats: true)
  print(outcome.violation.map { "violation: \($0)" } ?? "no violation")
  return outcome.violation == nil ? 0 : 1
}

/// One run of a program with parts left out, told as "d3 d5 u7". Gives another status for each kind
/// of violation: its words without the names.
func attempt(_ number: UInt64, _ fault: Fault, _ cuts: String) -> Int32 {
  current = number
  alarm(2)
  let run = Run(number: number, fault: fault, cuts: Cuts(cuts))
  let outcome = run.checked(run.program, repeats: true)
  guard let violation = outcome.violation else { return 0 }
  let words = violation.utf8.filter { $0 >= UInt8(ascii: "a") && $0 <= UInt8(ascii: "z") }
  return 16 + words.prefix(24).reduce(0) { ($0 &* 31 &+ Int32($1)) & 0x7F }
}

func find(_ fault: Fault, count: UInt64) -> Int32 {
  for number in 0..<count {
    current = number
    alarm(hangSeconds)
    let run = Run(number: number, fault: fault)
    let outcome = run.checked(run.program, repeats: true)
    if outcome.violation != nil {
      print("fault \(fault), run \(number)")
      return Shrinker(number: number, fault: fault).run()
    }
  }
  print("fault \(fault), not found in \(count) runs")
  return 0
}
