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

/// What the Swift layer keeps for one loop.
final class LoopState: @unchecked Sendable {
  let loop: eddy_loop_t
  let taskExecutor: LoopTaskExecutor
  let actorExecutor: LoopActorExecutor
  /// Jobs enqueued since the loop was made; tests hold the number down.
  var enqueues = 0
  /// The loop's own grace, nanoseconds.
  var grace: Int64 = 5_000_000_000

  private init(_ loop: eddy_loop_t) {
    self.loop = loop
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
    _ = eddy_loop_set_data(raw) { raw in Unmanaged<LoopState>.fromOpaque(raw!).release() }
    return state
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
  fileprivate(set) var owner: UnsafeMutableRawPointer?

  fileprivate init(_ loop: eddy_loop_t) { self.loop = loop }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    if enqueueOnLoop(job, loop, owner, runTaskJob) { return }
    globalConcurrentExecutor.enqueue(job)
  }
}

/// Runs actors that are bound to the loop.
final class LoopActorExecutor: SerialExecutor, @unchecked Sendable {
  private let loop: eddy_loop_t
  fileprivate(set) var owner: UnsafeMutableRawPointer?

  fileprivate init(_ loop: eddy_loop_t) { self.loop = loop }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    if enqueueOnLoop(job, loop, owner, runActorJob) { return }
    job.runSynchronously(on: asUnownedSerialExecutor())
  }

  func isIsolatingCurrentContext() -> Bool? { eddy_loop_data() == owner }

  func checkIsolated() { precondition(eddy_loop_data() == owner, "not on the loop's thread") }
}

/// False if the loop is gone.
@inline(__always)
private func enqueueOnLoop(
  _ job: UnownedJob, _ loop: eddy_loop_t, _ owner: UnsafeMutableRawPointer?, _ run: eddy_task_fn
) -> Bool {
  let context = unsafeBitCast(job, to: UnsafeMutableRawPointer.self)
  if let data = eddy_loop_data(), data == owner {
    LoopState.from(data).enqueues &+= 1
    guard eddy_post(run, context, nil) == EDDY_OK else { fatalError("Eddy: out of memory") }
    return true
  }
  switch eddy_post_threadsafe(loop, run, context, nil) {
  case EDDY_OK: return true
  case EDDY_ENOMEM: fatalError("Eddy: out of memory")
  default: return false
  }
}

private let runTaskJob: eddy_task_fn = { context in
  let job = unsafeBitCast(context, to: UnownedJob.self)
  if let data = eddy_loop_data() {
    job.runSynchronously(on: LoopState.from(data).taskExecutor.asUnownedTaskExecutor())
  }
  return EDDY_OK
}

private let runActorJob: eddy_task_fn = { context in
  let job = unsafeBitCast(context, to: UnownedJob.self)
  if let data = eddy_loop_data() {
    // Both are named: with the task executor left out, each call to another actor is an enqueue.
    let state = LoopState.from(data)
    job.runSynchronously(
      isolatedTo: state.actorExecutor.asUnownedSerialExecutor(),
      taskExecutor: state.taskExecutor.asUnownedTaskExecutor())
  }
  return EDDY_OK
}
