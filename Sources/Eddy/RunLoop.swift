// Making a loop of this thread and running a Swift closure on it.
//
// Invariants:
// 1. The loop ends before `runLoop` returns: all its tasks have ended.
// 2. It refuses what could only hang: a closure of the main actor, which this thread would have to
//    run
//    while it is the loop, and a call from inside a Swift task.
// Threads: the calling one becomes the loop's.

import CEddy

/// How a loop is made.
public struct LoopOptions: Sendable {
  /// Time stands still while anything can run, and jumps to the next deadline when nothing can.
  public var hasVirtualClock = false
  /// What is ready runs in an order drawn from this, the same each time; nil for first in, first
  /// out.
  public var seed: UInt64?
  /// A hash of the order of events is kept: see `TestKit.traceHash`.
  public var isTraced = false
  /// For cleanup and shields; nil for five seconds.
  public var grace: Duration?
  /// Hears what no code was there to receive, such as the failure of a task that nobody looks at;
  /// nil for text on stderr. It runs on the loop's thread with the library closed: all that it can
  /// do with Eddy is to read context variables, which are then those of the task concerned. If it
  /// throws, that is told on stderr, and what it was given.
  public var report: ReportHandler?

  public init() {}

  var forC: eddy_loop_options_t {
    var options = eddy_loop_options_t()
    options.size = UInt32(MemoryLayout<eddy_loop_options_t>.size)
    if isTraced { options.flags |= EDDY_LOOP_TRACE }
    if hasVirtualClock { options.flags |= EDDY_LOOP_VIRTUAL_CLOCK }
    if let seed {
      options.flags |= EDDY_LOOP_SEEDED_ORDER
      options.seed = seed
    }
    options.grace_ns = grace.map { max($0.nanoseconds, 1) } ?? 0
    return options
  }
}

/// Makes this thread a loop, runs `body` as its root task, and returns when that and every other
/// task has ended.
/// On the main thread the loop runs the main actor's code as well.
/// - Throws: what `body` throws; `EddyError` if the loop cannot be made, if `body` belongs to the
/// main   actor and this is not the main thread, or if this is called from inside a Swift task:
/// both could   only hang.
public func runLoop<Value: Sendable>(
  options: LoopOptions = LoopOptions(),
  _ body: @escaping @isolated(any) @Sendable () async throws -> Value
) throws -> Value {
  if body.isolation === MainActor.shared, !MainActorDriver.canDrive {
    throw EddyError(
      status: EDDY_EDEADLK,
      message: "runLoop's closure belongs to the main actor, which this thread cannot run")
  }
  if withUnsafeCurrentTask(body: { $0 != nil }) {
    throw EddyError(
      status: EDDY_EDEADLK, message: "runLoop would block a thread of Swift's own pool")
  }
  var loop = eddy_loop_t()
  var forC = options.forC
  let report = options.report.map { ReportBox($0) }
  report?.install(in: &forC)
  defer { withExtendedLifetime(report) {} }
  try check(eddy_loop_create_versioned(headerVersion, &forC, &loop))
  guard let state = LoopState.ofThread else { throw EddyError(status: EDDY_EWRONGTHREAD) }
  if forC.grace_ns > 0 { state.grace = forC.grace_ns }
  MainActorDriver.start()
  let root = TaskStorage(state) { try await body() }
  let status = eddy_loop_run(loop, runRoot, Unmanaged.passUnretained(root).toOpaque(), nil)
  let result = Result<Value, any Error> {
    try check(status)
    return try root.value(nil)
  }
  root.letGo()
  guard eddy_loop_shutdown(loop) == EDDY_OK else { throw EddyError(status: EDDY_EGRACE) }
  _ = eddy_loop_close(loop)
  return try result.get()
}

/// The loop's root: a fiber that owns the Swift task.
private let runRoot: eddy_task_fn = { context in
  let root = Unmanaged<AnyTaskStorage>.fromOpaque(context!).takeUnretainedValue()
  guard (try? root.spawn(in: eddy_scope_t())) != nil else { return EDDY_ENOMEM }
  return eddy_task_join(root.task, nil)
}

/// The version of the header that this module was built with.
let headerVersion: Int32 =
  Int32(EDDY_VERSION_MAJOR) * 1_000_000 + Int32(EDDY_VERSION_MINOR) * 1000
  + Int32(EDDY_VERSION_PATCH)
