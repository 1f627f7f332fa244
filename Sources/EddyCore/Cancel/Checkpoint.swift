// Cancel points: what a task does when it sees a cancellation, and the budget of operations.
//
// Invariants:
// 1. A cancel point that fails still yields.
// 2. After `failureLimit` failures in one scope, scopes opened inside it included, the task is
//    reported once; each later one pauses it for 1 ms of the loop's clock. A foreign task's
//    failures are told by its runtime, which is told how long to pause it.
// Threads: the loop's.

import CEddy

private let failureLimit: UInt16 = 1000
let failurePause: Int64 = 1_000_000

extension Ref where Record == LoopRecord {
  /// A cancel point on entry has failed: yields, and gives EDDY_ECANCELED.
  @inline(never)
  func failCancelPoint(_ task: TaskRef) -> eddy_status_t {
    if !pauseIfStubborn(task) { yieldNow(task) }
    return fail(EDDY_ECANCELED)
  }

  /// A wait was given up for a cancellation; it has yielded already.
  @inline(never)
  func failAfterWait(_ task: TaskRef) -> eddy_status_t {
    _ = pauseIfStubborn(task)
    return fail(EDDY_ECANCELED)
  }

  /// Counts a failed cancel point of a task; true past the limit. Who is reported is the task that
  /// the scope is of: it may be one around the body that runs.
  @inline(never)
  func countFailure(_ task: TaskRef) -> Bool {
    let scope = task.outermostCancelledScope
    if scope.failures < failureLimit {
      scope.failures &+= 1
      return false
    }
    if scope.failures == failureLimit {
      scope.failures = failureLimit &+ 1
      reportWithStack(
        EDDY_ECANCELED, "a task ignores its cancellation; it is slowed down",
        scope.owner.unsafelyUnwrapped, from: task)
    }
    return true
  }

  /// Counts a failed cancel point of a fiber; true if it has paused the fiber.
  private func pauseIfStubborn(_ task: TaskRef) -> Bool {
    guard countFailure(task) else { return false }
    let deadline = core.deadline(after: failurePause)
    task.park.timer = Timer(
      position: 0, fire: { raw in Loop.running.wake(TaskRef(raw: raw)) }, owner: task.raw)
    guard core.timers.armOutOfLine(task.parkTimer, at: deadline) else { return false }
    _ = park(task, .sleep, nil, hook: nil)
    return true
  }

  /// Spends one operation of the task's budget; yields when none is left. For calls that did not
  /// have to wait.
  @inline(__always)
  func spendBudget(_ task: TaskRef) {
    task.budget &-= 1
    if task.budget == 0 { yieldNow(task) }
  }
}

extension Ref where Record == TaskRecord {
  /// The outermost of the task's own scopes from which its cancellation is visible. The root of a
  /// scope's body is a scope of the task around it, unless that runs beside its body.
  fileprivate var outermostCancelledScope: ScopeRef {
    var scope = self.scope
    while let parent = scope.parent, parent.isEffective, !scope.isShielding,
      let owner = scope.owner, owner == parent.owner || (owner.isBody && !owner.isBeside)
    {
      scope = parent
    }
    return scope
  }
}
