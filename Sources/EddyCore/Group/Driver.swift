// Running a loop: turns until a task has ended, and the orderly end of all tasks.
//
// A turn: due timers fire, rounds run until nothing is ready or the steps are spent, I/O is polled.
// Invariants:
// 1. The poll blocks only when nothing is ready.
// 2. When nothing can ever run again, that is said and the tasks are cancelled; a loop never hangs
//    on itself.
// Threads: the loop's, on its own stack.

import CEddy

/// At shutdown: rounds without a task that callbacks may still go on for.
private let roundsAfterTasks: UInt64 = 1000

extension Ref where Record == LoopRecord {
  /// Runs a root task to its end. The caller has checked that the loop may run.
  func runRoot(_ function: eddy_task_fn, _ context: UnsafeMutableRawPointer?) -> eddy_status_t {
    guard let task = makeRoot(function, context, name: nil) else { return fail(EDDY_ENOMEM) }
    core.isRunning = true
    let status = runUntilEnd(of: task)
    core.isRunning = false
    if status != EDDY_OK {
      diagnostics.replace(errorSlot, status, rootError(status, task.completion.error?.retained()))
    }
    return status
  }

  /// A root task, kept until the next one; it takes its first step when the loop runs.
  @inline(never)
  func makeRoot(
    _ function: eddy_task_fn, _ context: UnsafeMutableRawPointer?, name: UnsafePointer<CChar>?
  ) -> TaskRef? {
    releaseKeptRoot()
    let request = SpawnRequest(
      parent: loopScope, context: context, name: name, site: nil, sharing: nil)
    let made = makeFiber(request, function, release: nil, stackBytes: self.stackBytes)
    guard let task = made else { return nil }
    pin(task.completion)
    task.completion.isRead = true
    self.keptRoot = task
    return task
  }

  /// The error that a run's status goes with: the root's own, or one that has it as its cause.
  private func rootError(_ status: eddy_status_t, _ error: ErrorRef?) -> ErrorRef? {
    if status != EDDY_EDEADLK { return error }
    let message = staticText("every task waited for something that cannot happen")
    guard let wrapped = diagnostics.makeError(status, message) else { return error }
    if let error, !wrapped.addCause(error) { diagnostics.release(error) }
    return wrapped
  }

  private func runUntilEnd(of task: TaskRef) -> eddy_status_t {
    var isStuck = false
    var hasCancelledAll = false
    while task.completion.state == .pending {
      if turn(until: task) { continue }
      if !isStuck {
        isStuck = true
        report(
          EDDY_EDEADLK, "every task waits for something that cannot happen", about: task,
          site: task.completion.site)
        cancel(task.root, code: EDDY_REASON_DEADLOCK)
      } else if !hasCancelledAll {
        hasCancelledAll = true
        cancelAllTasks(EDDY_REASON_DEADLOCK)
      } else {
        return EDDY_EGRACE
      }
    }
    return isStuck && task.completion.state == .cancelled
      ? EDDY_EDEADLK : task.completion.status
  }

  /// Cancels the loop's scope and runs until every task has ended.
  func shutDown() -> eddy_status_t {
    self.isShutDown = true
    cancel(loopScope, code: EDDY_REASON_SHUTDOWN)
    if core.host != nil {
      updateHost()
      return EDDY_OK
    }
    core.isRunning = true
    var isStuck = false
    // Callbacks that call themselves again for ever are not waited for.
    var lastRound = core.ready.rounds &+ roundsAfterTasks
    while !hasEnded, !isStuck, core.ready.rounds < lastRound {
      isStuck = !turn(until: nil)
      if loopScope.liveTasks > 0 { lastRound = core.ready.rounds &+ roundsAfterTasks }
    }
    core.isRunning = false
    if isStuck { reportStuckTasks() }
    return isStuck ? fail(EDDY_EGRACE) : EDDY_OK
  }

  func releaseKeptRoot() {
    guard let root = self.keptRoot else { return }
    self.keptRoot = nil
    unpin(root.completion)
  }

  /// All tasks have ended, and the callbacks that this made ready have run.
  private var hasEnded: Bool { loopScope.liveTasks == 0 && core.ready.isEmpty }

  private func cancelAllTasks(_ code: Int32) {
    for position in 0..<self.tasks.positions {
      let task = self.tasks.record(at: position)
      guard self.tasks.isLive(task), task.completion.state == .pending else { continue }
      cancel(task.root, code: code)
    }
  }

  /// One turn, without its poll if this task, or for nil every task, has ended meanwhile. False if
  /// that has not happened and nothing can ever run again.
  @inline(never)
  func turn(until task: TaskRef?) -> Bool {
    let core = self.core
    core.beginTurn()
    runRounds()
    let isOver = task.map { $0.completion.state != .pending } ?? hasEnded
    if isOver { return true }
    if !core.ready.isEmpty {
      core.pollWithoutWaiting()
      return true
    }
    Ref<StackPool>(self.at.stacks).trim()
    return core.pollWaiting()
  }

  /// What a loop does in one half of its host's iteration. Inside a callback of its own it does
  /// nothing: the host has called uv_run there, and that is not ours to mend.
  func runHostedTurn() {
    if core.isRunning { return }
    core.isRunning = true
    core.beginTurn()
    runRounds()
    Ref<StackPool>(self.at.stacks).trim()
    core.isRunning = false
    updateHost()
  }

  /// Tells a host's loop what has changed; on a loop of our own it does nothing.
  @inline(__always)
  func updateHost() {
    if core.host != nil { core.updateHost(hasLiveTasks: loopScope.liveTasks > 0) }
  }

  func runRounds() {
    let core = self.core
    core.auditBetweenRounds()
    while core.stepsLeft > 0, let next = core.ready.peek() {
      core.ready.removeFirst(next)
      core.stepsLeft &-= 1
      let owner = next.pointee.owner.unsafelyUnwrapped
      if let run = next.pointee.run { run(owner) } else { resume(TaskRef(raw: owner)) }
      core.auditBetweenRounds()
    }
  }

  private func reportStuckTasks() {
    for position in 0..<self.tasks.positions {
      let task = self.tasks.record(at: position)
      guard self.tasks.isLive(task), task.completion.state == .pending else { continue }
      report(
        EDDY_EGRACE, "a task did not end at shutdown; its memory is abandoned", about: task,
        site: task.completion.site)
    }
  }
}
