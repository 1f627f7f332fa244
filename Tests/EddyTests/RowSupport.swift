// What the tests of the rows share beyond Support.swift: tasks that know themselves, things done at
// a time, what is held by closures, and a loop whose reports are kept.

import CEddy
import Eddy

/// Spawns a task whose body gets its own handle.
@discardableResult
func spawnKnowingItself<Value>(
  _ body: @escaping @Sendable (TaskHandle<Value>) async throws -> Value
) throws -> TaskHandle<Value> {
  let own = Cell<TaskHandle<Value>?>(nil)
  let task = try spawn { () async throws -> Value in
    let itself = own.value!
    own.value = nil
    return try await body(itself)
  }
  own.value = task
  return task
}

/// Does something so many milliseconds from now, in a C task.
func after(_ milliseconds: Int64, _ action: @escaping () -> Void) throws {
  // The function is kept for good, and what it holds need not be.
  let once = Cell<(() -> Void)?>(action)
  try spawnC {
    let status = sleepInC(milliseconds)
    if status == EDDY_OK { once.value?() }
    once.value = nil
    return status
  }
}

/// How a sleep of so many milliseconds ends, and when.
func nap(_ milliseconds: Int64) async -> String {
  let how = await outcome { try await sleep(for: .milliseconds(milliseconds)) }
  return "\(how) at \(now())"
}

/// What closures hold, counted as it goes.
final class Held: @unchecked Sendable {
  private let count: Cell<Int>
  init(_ count: Cell<Int>) { self.count = count }
  deinit { count.value += 1 }
}

/// How often a task was asked to end.
func requests<Value>(_ task: TaskHandle<Value>) -> Int { Int(info(task.task).cancel_requests) }

func taskName<Value>(_ task: TaskHandle<Value>) -> String {
  withUnsafeBytes(of: info(task.task).name) {
    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
  }
}

/// Whether a task has ended, however.
func hasEnded<Value>(_ task: TaskHandle<Value>) -> Bool {
  info(task.task).state >= EDDY_TASK_DONE
}

/// "reason", if that is why what was waited for was cancelled; else what came instead.
func targetReason<Value>(
  isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Value
) async -> String {
  do {
    _ = try await body()
    return "ok"
  } catch let error as TargetCancelledError {
    return error.reason
  } catch {
    return name(error)
  }
}

/// Runs a C task on a loop of its own whose reports are kept as "STATUS text".
func onReportingLoop(_ body: @escaping (Trace) -> Void) throws -> [String] {
  let reports = Trace()
  try onNewThread {
    var options = eddy_loop_options_t()
    options.size = UInt32(MemoryLayout<eddy_loop_options_t>.size)
    options.flags = EDDY_LOOP_VIRTUAL_CLOCK
    options.report_context = Unmanaged.passUnretained(reports).toOpaque()
    options.report = { context, report in
      let reports = Unmanaged<Trace>.fromOpaque(context!).takeUnretainedValue()
      reports.add("\(name(report.pointee.status)) \(String(cString: report.pointee.text))")
      return EDDY_OK
    }
    let root = CFunction {
      body(reports)
      return EDDY_OK
    }
    let version = Int32(EDDY_VERSION_MAJOR) * 1_000_000 + Int32(EDDY_VERSION_MINOR) * 1000
    let status = eddy_run_versioned(version, &options, CFunction.function, root.context)
    if status != EDDY_OK { throw EddyError(status: status) }
  }
  return reports.words
}
