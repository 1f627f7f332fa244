// The loop as seen from Swift: its state, and two executors over its one queue.
//
// Two objects, since a job must be run the way it was enqueued: one as task executor, one as serial
// executor for actors that are bound to the loop. One object for both makes every hop an enqueue.
//
// Owns the LoopState, which hangs on the loop as its data pointer and ends with it.
// Invariants:
// 1. A job runs on the loop's thread, from the loop's queue, with no other job of Swift below it.
// 2. An executor that outlives its loop hands its jobs to the global one.
// Threads: `enqueue` any; all else the loop's.

import CEddy
import Glibc
import Synchronization

/// Uses an object that C holds, without a reference of its own.
@inline(__always)
func borrow<Object: AnyObject, Result>(
  _ raw: UnsafeMutableRawPointer?, as type: Object.Type, _ body: (Object) -> Result
) -> Result {
  Unmanaged<Object>.fromOpaque(raw.unsafelyUnwrapped)._withUnsafeGuaranteedRef(body)
}

/// Waits that need not wait, in a row, before others are let run.
private let operationBudget: UInt8 = 128

/// What the Swift layer keeps for one loop.
@usableFromInline
final class LoopState: @unchecked Sendable {
  let loop: eddy_loop_t
  let taskExecutor: LoopTaskExecutor
  let actorExecutor: LoopActorExecutor
  /// Jobs enqueued since the loop was made; tests hold the number down.
  @exclusivity(unchecked) var enqueues = 0
  /// The loop's own grace, nanoseconds.
  var grace: Int64 = 5_000_000_000
  /// The core wants to know of each step whose it is.
  let isDebug: Bool
  let workers = Workers()
  let sites = SiteTable()
  /// The sites' own, here for a quick look.
  let recentSites: UnsafeMutablePointer<SiteTable.Entry>
  /// Waits of the job that runs which found what they wait for.
  @exclusivity(unchecked) fileprivate var operations: UInt8 = 0
  /// The next job that is enqueued runs at once.
  @exclusivity(unchecked) fileprivate var runsInline = false

  private init(_ loop: eddy_loop_t) {
    self.loop = loop
    isDebug = eddy_loop_is_debug(loop) != 0
    recentSites = sites.recent
    taskExecutor = LoopTaskExecutor(loop)
    actorExecutor = LoopActorExecutor(loop)
  }

  /// The state of the loop that this thread runs, made at its first use; nil without a loop.
  static var ofThread: LoopState? {
    if let data = eddy_loop_data() { return from(data) }
    var loop = eddy_loop_t()
    guard eddy_loop_current(&loop) == EDDY_OK else { return nil }
    let state = LoopState(loop)
    let raw = Unmanaged.passRetained(state).toOpaque()
    state.taskExecutor.owner = raw
    state.actorExecutor.owner = raw
    _ = eddy_loop_set_data(raw) { raw in
      Unmanaged<LoopState>.fromOpaque(raw!).takeRetainedValue().end()
    }
    return state
  }

  private func end() {
    taskExecutor.ender.store(UInt(pthread_self()), ordering: .relaxed)
    workers.end(self)
    taskExecutor.ender.store(0, ordering: .relaxed)
  }

  /// Resumes or makes a Swift task whose next job runs here and now. Only for what the core calls
  /// from its queue, where no job of Swift is below.
  func runningInline<Result>(_ resume: () -> Result) -> Result {
    runsInline = true
    defer { runsInline = false }
    return resume()
  }

  /// Counts a wait that need not wait (M10). True if others are to run first: the budget is that of
  /// the core's tasks.
  @inline(__always)
  func spendOperation() -> Bool {
    operations &+= 1
    if operations < operationBudget { return false }
    operations = 0
    return true
  }

  /// Whether the job that is being enqueued is the one to run at once.
  @inline(__always)
  fileprivate func takeInline() -> Bool {
    let isInline = runsInline
    runsInline = false
    if isInline { operations = 0 }
    return isInline
  }

  @inline(__always)
  static func from(_ data: UnsafeMutableRawPointer) -> LoopState {
    Unmanaged<LoopState>.fromOpaque(data).takeUnretainedValue()
  }

  /// Whether this thread is the loop's and its calls may be used now.
  @inline(__always)
  var isOnThread: Bool { eddy_loop_data() == taskExecutor.owner }

  /// Calls `function(context)` on the loop's thread in a later turn, or drops it when the loop is
  /// gone.
  func post(
    _ context: UnsafeMutableRawPointer, _ function: eddy_task_fn, release: eddy_release_fn?
  ) {
    if isOnThread {
      _ = eddy_post(function, context, release)
    } else {
      _ = eddy_post_threadsafe(loop, function, context, release)
    }
  }
}

/// Runs nonisolated code of loop tasks, and actors without an executor of their own.
final class LoopTaskExecutor: TaskExecutor, @unchecked Sendable {
  private let loop: eddy_loop_t
  @exclusivity(unchecked) fileprivate(set) var owner: UnsafeMutableRawPointer?
  /// The thread that ends the workers when the loop is gone: their last jobs run there.
  fileprivate let ender = Atomic<UInt>(0)

  fileprivate init(_ loop: eddy_loop_t) { self.loop = loop }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    switch place(job, loop, owner, runTaskJob) {
    case .onLoop: break
    case .nowhere where ender.load(ordering: .relaxed) != UInt(pthread_self()):
      globalConcurrentExecutor.enqueue(job)
    case .here, .nowhere: job.runSynchronously(on: asUnownedTaskExecutor())
    }
  }
}

/// Runs actors that are bound to the loop.
final class LoopActorExecutor: SerialExecutor, @unchecked Sendable {
  private let loop: eddy_loop_t
  @exclusivity(unchecked) fileprivate(set) var owner: UnsafeMutableRawPointer?

  fileprivate init(_ loop: eddy_loop_t) { self.loop = loop }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    switch place(job, loop, owner, runActorJob) {
    case .onLoop: break
    case .here: _ = runActorJob(unsafeBitCast(job, to: UnsafeMutableRawPointer.self))
    case .nowhere: job.runSynchronously(on: asUnownedSerialExecutor())
    }
  }

  func isIsolatingCurrentContext() -> Bool? { eddy_loop_data() == owner }

  func checkIsolated() { precondition(eddy_loop_data() == owner, "not on the loop's thread") }
}

/// Where a job is to run.
private enum JobPlace {
  /// The loop's queue has it.
  case onLoop
  /// It is the one that the loop's thread wants to run at once.
  case here
  /// The loop is gone.
  case nowhere
}

@inline(__always)
private func place(
  _ job: UnownedJob, _ loop: eddy_loop_t, _ owner: UnsafeMutableRawPointer?, _ run: eddy_task_fn
) -> JobPlace {
  let context = unsafeBitCast(job, to: UnsafeMutableRawPointer.self)
  if let data = eddy_loop_data(), data == owner {
    let isInline = borrow(data, as: LoopState.self) { state in
      state.enqueues &+= 1
      return state.takeInline()
    }
    if isInline { return .here }
    guard eddy_post(run, context, nil) == EDDY_OK else { fatalError("Eddy: out of memory") }
    return .onLoop
  }
  switch eddy_post_threadsafe(loop, run, context, nil) {
  case EDDY_OK: return .onLoop
  case EDDY_ENOMEM: fatalError("Eddy: out of memory")
  default: return .nowhere
  }
}

private let runTaskJob: eddy_task_fn = { context in
  let job = unsafeBitCast(context, to: UnownedJob.self)
  if let data = eddy_loop_data() {
    let state = LoopState.from(data)
    state.operations = 0
    job.runSynchronously(on: state.taskExecutor.asUnownedTaskExecutor())
  }
  return EDDY_OK
}

private let runActorJob: eddy_task_fn = { context in
  let job = unsafeBitCast(context, to: UnownedJob.self)
  if let data = eddy_loop_data() {
    // Both are named: with the task executor left out, each call to another actor is an enqueue.
    let state = LoopState.from(data)
    state.operations = 0
    job.runSynchronously(
      isolatedTo: state.actorExecutor.asUnownedSerialExecutor(),
      taskExecutor: state.taskExecutor.asUnownedTaskExecutor())
  }
  return EDDY_OK
}
