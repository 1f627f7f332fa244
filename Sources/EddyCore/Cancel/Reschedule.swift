// Deadlines at an absolute time, and deadlines that are replaced.
//
// Invariants:
// 1. A deadline that could not be replaced stays as it was: an armed timer gives its own place in
//    the heap back before it takes one, and one that is not armed is armed before anything else
//    changes.
// 2. An expiry that is in the ready queue when the deadline is replaced is void; it is not taken
//    out of the queue.
// Threads: the loop's.

import CEddy

extension Ref where Record == LoopRecord {
  /// Gives an open scope the deadline `when`, Int64.max for none. False when memory is out.
  func setDeadline(of timed: Ref<TimedScope>, at when: Int64) -> Bool {
    core.timers.disarmOutOfLine(timed.at.deadline)
    let isDue = when <= core.readClock()
    if !isDue, when != Int64.max, !core.timers.armOutOfLine(timed.at.deadline, at: when) {
      return false
    }
    timed.when = when
    timed.isExpiryVoid = timed.expiry.isQueued
    if isDue { makeExpiryReady(timed) }
    if core.host != nil, !core.isRunning { core.announceReady() }
    return true
  }

  /// A deadline has come: its turn in the ready queue. One that is there already, void, will do.
  func makeExpiryReady(_ timed: Ref<TimedScope>) {
    timed.isExpiryVoid = false
    if !timed.expiry.isQueued { core.makeReady(timed.at.expiry) }
  }

  /// Why the deadline of a scope cannot be replaced now, or EDDY_OK.
  func refusalToReschedule(_ scope: ScopeRef) -> eddy_status_t {
    if !scope.isTimed { return EDDY_EPERM }
    if scope.hasExpired { return EDDY_EALREADY }
    return scope.isClosing ? EDDY_EBUSY : EDDY_OK
  }

  /// Fills the public form, whose memory is zero.
  func describe(_ scope: ScopeRef, to info: UnsafeMutablePointer<eddy_scope_info_t>) {
    let isShield = scope.isShielding || scope.hasReservation
    info.pointee.flags =
      (scope.isGroup ? EDDY_SCOPE_GROUP : 0) | (isShield ? EDDY_SCOPE_SHIELD : 0)
    info.pointee.cancelled = scope.isCancelled ? 1 : 0
    info.pointee.effective = scope.isEffective ? 1 : 0
    info.pointee.expired = scope.hasExpired ? 1 : 0
    info.pointee.closing = scope.isClosing ? 1 : 0
    info.pointee.children = Int64(scope.liveTasks)
    info.pointee.deadline_ns = scope.isTimed ? scope.timed.when : Int64.max
    info.pointee.owner = eddy_task_t(id: scope.owner?.id ?? 0)
    info.pointee.site = scope.site
    if !scope.isCancelled { return }
    let field = Ref<eddy_scope_info_t>(info).at.reason
    field.pointee.code = Int32(scope.reasonCode)
    scope.reason?.describe(to: field)
  }
}
