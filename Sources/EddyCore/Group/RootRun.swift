// Running a root task to its end, and what its end says.
//
// Invariants:
// 1. A root runs in the loop's own context itself, unless another is given: what it sets is there
//    in the next run.
// 2. A root that deadlocks is cancelled, then all tasks; one that does not end then is left.
// 3. A root that a stop leaves behind is a task like any other: its failure is nobody's yet.
// 4. Signals are watched from before the first step to the end of the run, and never longer.
// Threads: the loop's, on its own stack.

import CEddy
import EddySwitch

extension Ref where Record == LoopRecord {
  /// Runs a root task to its end. The caller has checked that the loop may run.
  func run(root task: TaskRef) -> eddy_status_t {
    if self.watchesSignals { watchSignals(for: task) }
    let status = runUntilEnd(of: task)
    if self.watchesSignals {
      eddy_sw_signals_unwatch(core.number)
      if task.completion.state == .pending { task.releaseContext = self.releaseRoot }
    }
    if status == EDDY_ESTOPPED {
      task.completion.isRead = false
      releaseKeptRoot()
      return fail(EDDY_ESTOPPED)
    }
    if status != EDDY_OK {
      diagnostics.replace(
        errorSlot, status, rootError(status, task, task.completion.error?.retained()))
    }
    return status
  }

  func rootRequest(_ context: UnsafeMutableRawPointer?) -> SpawnRequest {
    // What is current outside tasks: the loop's own, or that of an eddy_context_run around the run.
    SpawnRequest(
      parent: loopScope, context: context, name: nil, site: nil,
      sharing: contexts.outside.place.shared)
  }

  /// A root task, kept until the next one; it takes its first step when the loop runs.
  @inline(never)
  func makeRoot(
    _ request: SpawnRequest, _ function: eddy_task_fn, release: eddy_release_fn? = nil,
    stackBytes: Int = 0
  ) -> TaskRef? {
    releaseKeptRoot()
    let bytes = stackBytes == 0 ? self.stackBytes : stackBytes
    let made = makeFiber(request, function, release: release, stackBytes: bytes)
    guard let task = made else { return nil }
    pin(task.completion)
    task.completion.isRead = true
    self.keptRoot = task
    return task
  }

  func releaseKeptRoot() {
    guard let root = self.keptRoot else { return }
    self.keptRoot = nil
    unpin(root.completion)
  }

  private func runUntilEnd(of task: TaskRef) -> eddy_status_t {
    let completion = task.completion
    var deadlocks = 0
    while true {
      let status = drive(to: .end(of: completion), root: task)
      if status == EDDY_OK { break }
      if status == EDDY_ESTOPPED { return status }
      deadlocks += 1
      if deadlocks == 1 {
        reportWithStack(EDDY_EDEADLK, "every task waits for something that cannot happen", task)
        cancel(task.root, code: EDDY_REASON_DEADLOCK)
      } else if deadlocks == 2 {
        cancelAllTasks(EDDY_REASON_DEADLOCK)
      } else {
        return EDDY_EGRACE
      }
    }
    if completion.state != .cancelled { return completion.status }
    if task.signal != 0 { return EDDY_EINTERRUPT }
    return deadlocks > 0 ? EDDY_EDEADLK : EDDY_ECANCELED
  }

  /// What is called when the root can run no more tells the watch of it.
  private func watchSignals(for root: TaskRef) {
    self.releaseRoot = root.releaseContext
    root.releaseContext = { context in
      let loop = Loop.running
      eddy_sw_signals_end(loop.core.number)
      if let release = loop.releaseRoot { release(context) }
    }
    core.watchSignals()
  }

  /// Cancels the root if SIGINT or SIGTERM has come; true if one has.
  func hearSignal(for root: TaskRef) -> Bool {
    let number = eddy_sw_signals_hear(core.number)
    if number == 0 { return false }
    let code = number == EDDY_SW_SIGINT ? EDDY_REASON_INTERRUPT : EDDY_REASON_TERMINATE
    root.cancelRequests &+= 1
    cancel(root.root, code: code)
    return true
  }

  /// The error that a run's status goes with: the root's own, or one that has it as its cause.
  private func rootError(
    _ status: eddy_status_t, _ task: TaskRef, _ error: ErrorRef?
  ) -> ErrorRef? {
    let message: UnsafePointer<CChar>
    switch status {
    case EDDY_EDEADLK: message = staticText("every task waited for something that cannot happen")
    case EDDY_EINTERRUPT: message = reasonText(Int32(task.ownRoot.reasonCode))
    default: return error
    }
    guard let wrapped = diagnostics.makeError(status, message) else { return error }
    if let error, !wrapped.addCause(error) { diagnostics.release(error) }
    return wrapped
  }

  private func cancelAllTasks(_ code: Int32) {
    for position in 0..<self.tasks.positions {
      let task = self.tasks.record(at: position)
      guard self.tasks.isLive(task), task.completion.state == .pending else { continue }
      cancel(task.root, code: code)
    }
  }
}

extension Ref where Record == TaskRecord {
  /// Of a root that ended cancelled: the number of the signal that was the first reason, or 0.
  var signal: Int32 {
    switch Int32(self.ownRoot.reasonCode) {
    case EDDY_REASON_INTERRUPT: EDDY_SW_SIGINT
    case EDDY_REASON_TERMINATE: EDDY_SW_SIGTERM
    default: 0
    }
  }
}
