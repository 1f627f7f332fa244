// Signals while the main thread runs a loop, one case for each run: the argument names it.
//
// A program of its own, since a test runner's tests are not on the main thread, and since some of
// the cases end the process. It raises its signals itself, at known points, and prints what
// happened, a line each.

import CEddy
import Eddy
import Glibc

private func say(_ line: String) {
  print(line)
  fflush(nil)
}

/// What a task of C sees when it is cancelled.
private nonisolated let waitInC: eddy_task_fn = { _ in
  let status = eddy_sleep(3_600_000_000_000)
  var task = eddy_task_t()
  var info = eddy_task_info_t()
  info.size = UInt32(MemoryLayout<eddy_task_info_t>.size)
  if eddy_task_current(&task) == EDDY_OK, eddy_task_info(task, &info) == EDDY_OK {
    say("C: \(String(cString: eddy_status_name(status))), reason \(info.reason.code)")
  }
  return status
}

private func waitInSwift(_ who: String) async throws {
  do {
    try await Eddy.sleep(for: .seconds(3600))
  } catch {
    let reason = currentCancelReason
    let signal = reason?.signal.map { "signal \($0)" } ?? "no signal"
    say("\(who): \(error), \(signal): \(reason?.message ?? "no reason")")
    throw error
  }
}

private func bothLanguages(_ signal: Int32) async throws {
  try await withGroup { group in
    try group.spawn(waitInC)
    try group.spawn { try await waitInSwift("Swift") }
    try await Eddy.sleep(for: .milliseconds(1))
    raise(signal)
    try await waitInSwift("body")
  }
}

private func waiting(_ signal: Int32) async throws {
  raise(signal)
  try await waitInSwift("root")
}

private nonisolated func run(
  _ options: LoopOptions, _ body: @escaping @isolated(any) @Sendable () async throws -> Int
) {
  do {
    say("value \(try runLoop(options: options, body))")
  } catch let error as InterruptError {
    say("\(error), exit code \(error.exitCode)")
    exit(error.exitCode)
  } catch {
    say("\(type(of: error))")
  }
}

private nonisolated func main(_ name: String) {
  var options = LoopOptions()
  options.hasVirtualClock = true
  switch name {
  case "both":
    run(options) {
      try await bothLanguages(SIGINT)
      return 0
    }
  case "terminate":
    run(options) {
      try await waiting(SIGTERM)
      return 0
    }
  case "second":
    run(options) {
      _ = try? await bothLanguages(SIGINT)
      raise(SIGINT)
      say("never")
      return 0
    }
  case "left":
    options.handlesSignals = false
    run(options) {
      try await waiting(SIGINT)
      return 0
    }
  case "main-actor":
    run(options) { @MainActor in
      try await waiting(SIGINT)
      return 0
    }
  case "runner": severalRuns(options)
  default: outcome(name, options)
  }
}

/// How the root takes it.
private nonisolated func outcome(_ name: String, _ options: LoopOptions) {
  switch name {
  case "swallowed":
    run(options) {
      _ = try? await waiting(SIGINT)
      return 5
    }
  case "other":
    run(options) {
      _ = try? await waiting(SIGINT)
      throw TimeoutError()
    }
  case "cancelled":
    run(options) {
      // By somebody else first.
      try await withGroup { group in
        group.cancel(reason: "enough")
        raise(SIGINT)
        try await waitInSwift("root")
      }
      return 6
    }
  case "busy":
    run(options) {
      raise(SIGINT)
      for _ in 0..<100_000 { try await Eddy.sleep(for: .zero) }
      return 1
    }
  default:
    fatalError("no such case: \(name)")
  }
}

private nonisolated func severalRuns(_ options: LoopOptions) {
  let runner = Runner(options: options)
  for signal in [SIGINT, SIGTERM] {
    do {
      try runner.run { try await waiting(signal) }
    } catch { say("\(error)") }
  }
  say("value \((try? runner.run { 7 }) ?? 0)")
  try? runner.close()
}

main(CommandLine.arguments.dropFirst().first ?? "")
