// Several runs on one loop.
//
// Owns the loop, from the first run to the close.
// Invariants:
// 1. All tasks of the loop have ended when `close` returns, or the loop is abandoned with those
//    that do not.
// 2. It refuses what could only hang: a closure of the main actor, which this thread would have to
//    run while it is the loop, and a call from inside a Swift task.
// 3. What a root's fiber uses is its own until it ends, also if the run is stopped before.
// Threads: the one of the first run, which becomes the loop's.

import CEddy
import Glibc

/// Runs one closure after the other on one loop, whose other tasks go on between the runs.
///
/// The loop is made at the first run, on the thread that calls it; all later calls come from that
/// thread. What C code of a root sets in context variables is there in the next run.
///
///     let runner = Runner()
///     let port = try runner.run { try await startServer() }
///     try runner.run { try await talk(to: port) }
///     try runner.close()
public final class Runner {
  private enum State {
    case new
    case open(eddy_loop_t)
    case closed
  }

  private let options: LoopOptions
  private var state = State.new
  /// The loop's hook, which it outlives.
  private var report: ReportBox?

  public init(options: LoopOptions = LoopOptions()) { self.options = options }

  /// Closes the loop, if this is its thread.
  deinit { try? close() }

  /// Runs `body` as a root task, and returns when it has ended. Other tasks are left as they are.
  ///
  /// On the main thread the loop runs the main actor's code as well, and SIGINT and SIGTERM cancel
  /// `body`, unless the options leave them.
  /// - Throws: what `body` throws; `InterruptError` if a signal cancelled it and it ended so;
  ///   `EddyError`: `EDDY_ECLOSED` after `close`, `EDDY_EBUSY` inside a C task of this loop or
  ///   where the thread has another one, `EDDY_EDEADLK` inside a Swift task, and if `body` belongs
  ///   to the main actor and this is not the main thread.
  public func run<Value: Sendable>(
    _ body: @escaping @isolated(any) @Sendable () async throws -> Value
  ) throws -> Value {
    if body.isolation === MainActor.shared, !MainActorDriver.canDrive {
      throw EddyError(
        status: EDDY_EDEADLK,
        message: "runLoop's closure belongs to the main actor, which this thread cannot run")
    }
    let loop = try openLoop()
    guard let state = LoopState.ofThread else { throw EddyError(status: EDDY_EWRONGTHREAD) }
    let root = TaskStorage(state) { try await body() }
    // One that was stopped goes on, and needs its handle to end.
    defer { if root.mayHaveEnded { root.letGo() } }
    let retained = Unmanaged<AnyTaskStorage>.passRetained(root)
    try run(runRoot, retained.toOpaque(), on: loop) { raw in
      Unmanaged<AnyTaskStorage>.fromOpaque(raw!).release()
    }
    return try root.value(nil)
  }

  /// Runs a C function as a root task, on a stack of its own.
  /// - Parameter context: passed to the function; it must outlive it.
  /// - Returns: the function's value, borrowed until the next run or the close.
  /// - Throws: `InterruptError` as for a closure, else the function's failure.
  @discardableResult
  public func run(
    _ function: eddy_task_fn, context: UnsafeMutableRawPointer? = nil
  ) throws -> UnsafeMutableRawPointer? {
    try run(function, context, on: openLoop(), releasing: nil)
  }

  /// Cancels what is left, waits until it has ended, and ends the loop. Further calls do nothing.
  /// - Throws: `EddyError`: `EDDY_EGRACE` if tasks did not end within the grace; they are reported,
  ///   and abandoned. `EDDY_EBUSY` from inside the loop, which goes on, `EDDY_EWRONGTHREAD`.
  public func close() throws {
    guard case .open(let loop) = state else {
      state = .closed
      return
    }
    let status = eddy_loop_shutdown(loop)
    if status != EDDY_OK, status != EDDY_EGRACE { throw EddyError(status: status) }
    state = .closed
    if status == EDDY_OK {
      _ = eddy_loop_close(loop)
    } else {
      _ = eddy_loop_detach(loop)
      throw EddyError(status: status)
    }
  }

  @discardableResult
  private func run(
    _ function: eddy_task_fn, _ context: UnsafeMutableRawPointer?, on loop: eddy_loop_t,
    releasing release: eddy_release_fn?
  ) throws -> UnsafeMutableRawPointer? {
    var options = eddy_spawn_options_t()
    options.size = UInt32(MemoryLayout<eddy_spawn_options_t>.size)
    options.release_context = release
    var value: UnsafeMutableRawPointer?
    let status = eddy_loop_run_with(loop, function, context, &options, &value)
    if status == EDDY_EINTERRUPT { throw InterruptError(signal: interruptSignal()) }
    try check(status)
    return value
  }

  private func openLoop() throws -> eddy_loop_t {
    if withUnsafeCurrentTask(body: { $0 != nil }) {
      throw EddyError(
        status: EDDY_EDEADLK, message: "a run would block a thread of Swift's own pool")
    }
    switch state {
    case .open(let loop): return loop
    case .closed: throw EddyError(status: EDDY_ECLOSED, message: "the runner is closed")
    case .new: break
    }
    var loop = eddy_loop_t()
    var forC = options.forC
    report = options.report.map { ReportBox($0) }
    report?.install(in: &forC)
    try check(eddy_loop_create_versioned(headerVersion, &forC, &loop))
    state = .open(loop)
    if forC.grace_ns > 0 { LoopState.ofThread?.grace = forC.grace_ns }
    MainActorDriver.start()
    return loop
  }
}

/// SIGINT or SIGTERM asked the program to end, and the root task ended cancelled for it.
public struct InterruptError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The signal's number.
  public let signal: Int32
  /// What the process should then end with: 128 + the signal.
  public var exitCode: Int32 { 128 + signal }
  public var description: String { "\(signal == SIGTERM ? "SIGTERM" : "SIGINT"): interrupted" }
}

extension CancelReason {
  /// The signal that asked, SIGINT or SIGTERM; nil if it was none.
  public var signal: Int32? {
    switch code {
    case EDDY_REASON_INTERRUPT: SIGINT
    case EDDY_REASON_TERMINATE: SIGTERM
    default: nil
    }
  }
}

/// Which signal the run that has just failed was ended by: its error's message says so.
private func interruptSignal() -> Int32 {
  var error = eddy_error_t()
  guard eddy_error_current(&error) == EDDY_OK else { return SIGINT }
  defer { _ = eddy_error_release(error) }
  guard let message = eddy_error_message(error) else { return SIGINT }
  return strncmp(message, "SIGTERM", 7) == 0 ? SIGTERM : SIGINT
}

/// The root of a Swift closure: a fiber that owns the Swift task.
private let runRoot: eddy_task_fn = { context in
  let root = Unmanaged<AnyTaskStorage>.fromOpaque(context!).takeUnretainedValue()
  guard (try? root.spawn(in: eddy_scope_t())) != nil else { return EDDY_ENOMEM }
  return eddy_task_join(root.task, nil)
}
