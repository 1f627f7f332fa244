// Making a loop of this thread and running a Swift closure on it, and how a loop is made.
//
// Invariants:
// 1. The loop ends before `runLoop` returns: all its tasks have ended, or it is abandoned with
//    those that do not.
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
  /// For cleanup and shields, and for the tasks that are left at the end; nil for five seconds.
  public var grace: Duration?
  /// On the main thread the first SIGINT or SIGTERM cancels the root task, and the second one ends
  /// the process, each where nothing else is installed for it.
  public var handlesSignals = true
  /// Debug mode: slow steps are reported, and a step that blocks the loop is named on stderr, with
  /// the thread's stack, while it does. nil: as the environment's EDDY_DEBUG says.
  public var isDebug: Bool?
  /// In debug mode: what is slow; nil for 100 milliseconds.
  public var slowStep: Duration?
  /// In debug mode: when a loop is blocked; nil for one second.
  public var blockedAfter: Duration?
  /// Hears what no code was there to receive, such as the failure of a task that nobody looks at;
  /// nil for text on stderr. It runs on the loop's thread with the library closed: all that it can
  /// do with Eddy is to read context variables, which are then those of the task concerned. If it
  /// throws, that is told on stderr, and what it was given.
  public var report: ReportHandler?

  public init() {}

  var forC: eddy_loop_options_t {
    var options = eddy_loop_options_t()
    options.size = UInt32(MemoryLayout<eddy_loop_options_t>.size)
    if !handlesSignals { options.flags |= EDDY_LOOP_NO_SIGNALS }
    if isTraced { options.flags |= EDDY_LOOP_TRACE }
    if hasVirtualClock { options.flags |= EDDY_LOOP_VIRTUAL_CLOCK }
    if let seed {
      options.flags |= EDDY_LOOP_SEEDED_ORDER
      options.seed = seed
    }
    if let isDebug { options.flags |= isDebug ? EDDY_LOOP_DEBUG : EDDY_LOOP_NO_DEBUG }
    options.slow_ns = slowStep.map { max($0.nanoseconds, 1) } ?? 0
    options.blocked_ns = blockedAfter.map { max($0.nanoseconds, 1) } ?? 0
    options.grace_ns = grace.map { max($0.nanoseconds, 1) } ?? 0
    return options
  }
}

/// Makes this thread a loop, runs `body` as its root task, and returns when that and every other
/// task has ended.
///
/// On the main thread the loop runs the main actor's code as well, and SIGINT and SIGTERM cancel
/// `body`, unless `options` leave them.
/// - Throws: what `body` throws; `InterruptError` if a signal cancelled it and it ended so;
///   `EddyError` if the loop cannot be made, if tasks did not end within the grace
///   (`EDDY_EGRACE`), if `body` belongs to the main actor and this is not the main thread, or if
///   this is called from inside a Swift task: both could only hang.
public func runLoop<Value: Sendable>(
  options: LoopOptions = LoopOptions(),
  _ body: @escaping @isolated(any) @Sendable () async throws -> Value
) throws -> Value {
  let runner = Runner(options: options)
  let result = Result { try runner.run(body) }
  try runner.close()
  return try result.get()
}

/// The version of the header that this module was built with.
let headerVersion: Int32 =
  Int32(EDDY_VERSION_MAJOR) * 1_000_000 + Int32(EDDY_VERSION_MINOR) * 1000
  + Int32(EDDY_VERSION_PATCH)
