// Opening scopes: in the current one of a fiber, and root scopes of tasks.
//
// Invariants:
// 1. Opening is no cancel point; a scope opened where cancellation is visible begins effective,
//    unless it is a shield.
// 2. A scope that could not be given its timers is not opened.
// Threads: the loop's.

import CEddy

struct ScopeForm {
  var isGroup: Bool
  var isShield: Bool
  /// From now; Int64.max for none.
  var timeout: Int64
  /// Of a shield and of the scope's defers; EDDY_NONE for no limit.
  var grace: Int64
}

extension Ref where Record == LoopRecord {
  /// A new scope inside `parent`, not yet anyone's current one; nil when memory is out.
  @inline(__always)
  func makeScope(
    _ form: ScopeForm, in parent: ScopeRef, owner: TaskRef, site: UnsafePointer<CChar>?
  ) -> ScopeRef? {
    guard let timed = self.scopes.take(.scope) else { return nil }
    let scope = timed.scopeRef
    scope.reset(owner: owner, site: site)
    scope.isTimed = true
    scope.isGroup = form.isGroup
    timed.prepareTimers(graceDuration: form.grace)
    if form.isShield {
      guard core.timers.reserve() else { return discardUnopened(timed) }
      scope.isShielding = true
      scope.hasReservation = true
    }
    if !armDeadline(of: timed, after: form.timeout) {
      if form.isShield { core.timers.endReservation() }
      return discardUnopened(timed)
    }
    parent.adopt(scope)
    if parent.isEffective {
      if form.isShield { startGrace(of: timed) } else { scope.isEffective = true }
    }
    return scope
  }

  /// The same in one copy, for all but the calls that open scopes.
  @inline(never)
  func makeScopeOutOfLine(
    _ form: ScopeForm, in parent: ScopeRef, owner: TaskRef, site: UnsafePointer<CChar>?
  ) -> ScopeRef? {
    makeScope(form, in: parent, owner: owner, site: site)
  }

  private func discardUnopened(_ timed: Ref<TimedScope>) -> ScopeRef? {
    self.scopes.invalidate(timed)
    self.scopes.recycle(timed)
    return nil
  }

  /// Ends a scope's record: out of the tree, its timers disarmed, its handle stale.
  @inline(__always)
  func endScope(_ scope: ScopeRef) {
    scope.leaveParent()
    if scope.reason != nil { release(scope.reason) }
    scope.reason = nil
    guard scope.isTimed else { return }
    let timed = scope.timed
    core.timers.disarm(timed.at.deadline)
    if scope.hasReservation {
      core.timers.disarmOutOfLine(timed.at.grace)
      core.timers.endReservation()
    }
    self.scopes.invalidate(timed)
    if !timed.expiry.isQueued { self.scopes.recycle(timed) }
  }
}

extension Ref where Record == ScopeRecord {
  /// Sets every field but the slot and the place among its siblings.
  @inline(__always)
  func reset(owner: TaskRef?, site: UnsafePointer<CChar>?) {
    self.parent = nil
    self.firstChild = nil
    self.owner = owner
    self.isCancelled = false
    self.isEffective = false
    self.isGroup = false
    self.isRoot = false
    self.isTimed = false
    self.isBound = false
    self.isShielding = false
    self.hasReservation = false
    self.isSealed = false
    self.isClosing = false
    self.hasExpired = false
    self.reasonCode = 0
    self.failures = 0
    self.liveTasks = 0
    self.reason = nil
    self.cleanup = nil
    self.deferShield = nil
    self.groupError = nil
    self.hasFailed = false
    self.site = site
  }
}
