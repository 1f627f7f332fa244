// Deadlines of scopes and graces of shields: what their timers do.
//
// Invariants:
// 1. A due deadline takes its turn in the ready queue, so what was ready before it runs before it,
//    and a value that comes in the same round is not lost; one that has passed at its opening goes
//    straight there.
// 2. A closed scope's memory is not reused while its expiry is in the ready queue.
// 3. A shield has a place in the heap reserved for its grace, so that cancelling cannot fail.
// Threads: the loop's.

import CEddy

extension Ref where Record == LoopRecord {
  /// Arms a scope's deadline; false when memory is out.
  @inline(__always)
  @_optimize(speed)
  func armDeadline(of timed: Ref<TimedScope>, after duration: Int64) -> Bool {
    timed.when = Int64.max
    if duration == Int64.max { return true }
    let deadline = core.deadline(after: duration)
    timed.when = deadline
    if duration <= 0 {
      core.makeReady(timed.at.expiry)
      return true
    }
    return deadline == Int64.max || core.timers.arm(timed.at.deadline, at: deadline)
  }

  /// A cancellation has reached a shield in force: its grace begins, unless it has.
  func startGrace(of timed: Ref<TimedScope>) {
    if timed.grace.position != 0 || timed.graceDuration == EDDY_NONE { return }
    let end = core.deadline(after: timed.graceDuration)
    if end != Int64.max { core.timers.armReserved(timed.at.grace, at: end) }
  }

  /// A grace has ended: what was kept out comes in.
  func endGrace(of timed: Ref<TimedScope>) {
    let scope = timed.scopeRef
    scope.isShielding = false
    if scope.parent?.isEffective == true { spread(from: scope) }
  }

  /// A deadline's turn in the ready queue. A close that has begun has disarmed it.
  func expire(_ timed: Ref<TimedScope>) {
    if self.scopes.isLive(timed) {
      let scope = timed.scopeRef
      let isVoid = timed.isExpiryVoid
      timed.isExpiryVoid = false
      if scope.isClosing || isVoid { return }
      scope.hasExpired = true
      cancel(scope, code: EDDY_REASON_DEADLINE)
    } else {
      self.scopes.recycle(timed)
    }
  }
}

extension Ref where Record == TimedScope {
  /// Sets up the timers of a scope; none is armed.
  @inline(__always)
  func prepareTimers(graceDuration: Int64) {
    self.deadline = Timer(
      position: 0,
      fire: { raw in Loop.running.makeExpiryReady(Ref<TimedScope>(raw: raw)) },
      owner: raw)
    self.grace = Timer(
      position: 0, fire: { raw in Loop.running.endGrace(of: Ref<TimedScope>(raw: raw)) },
      owner: raw)
    self.expiry = Runnable(
      next: nil, run: { raw in Loop.running.expire(Ref<TimedScope>(raw: raw)) }, owner: raw,
      isQueued: false, isTask: false, kind: .deadline)
    self.graceDuration = graceDuration
    self.isExpiryVoid = false
  }
}
