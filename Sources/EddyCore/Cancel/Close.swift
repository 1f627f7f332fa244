// Closing scopes: the steps of the law, for a fiber's scopes and for root scopes.
//
// Invariants:
// 1. `own` is judged when the close begins, `outer` after the defers, from just outside.
// 2. A scope opened above the one that is closed is a leak: it is closed first, its children
//    cancelled, and reported; its result is the status of the next one out.
// 3. After the close nothing of the scope is left: no child, no timer, no kept value, no handle.
// Threads: the loop's. A close may suspend the fiber; a foreign task's root closes in two halves.

import CEddy

/// What is known when a close begins.
struct CloseStart {
  var own: Bool
  var ownByDeadline: Bool
  var hasExpired: Bool
  var reasonCode: UInt8
  /// The error that goes with the status the body ended with.
  var error: ErrorRef?
}

extension Ref where Record == LoopRecord {
  /// Closes a scope of a fiber that is open on its stack of scopes.
  @_optimize(speed)
  func close(
    _ scope: ScopeRef, of task: TaskRef, _ status: eddy_status_t,
    info: UnsafeMutablePointer<eddy_close_info_t>?
  ) -> eddy_status_t {
    let status = task.scope == scope ? status : closeLeaks(above: scope, task, status)
    return closeInnermost(scope, of: task, status, isLeak: false, info: info)
  }

  /// Whether the task may close a scope of its own now: no call or defer that it is around runs.
  func canClose(_ scope: ScopeRef, _ task: TaskRef) -> Bool {
    var cursor = task.scope
    while cursor != scope {
      if cursor.isBound { return false }
      guard let parent = cursor.parent, parent.owner == task else { return false }
      cursor = parent
    }
    return !scope.isBound && !scope.isClosing
  }

  /// Closes the scopes that were left open above `scope`.
  func closeLeaks(above scope: ScopeRef, _ task: TaskRef, _ status: eddy_status_t)
    -> eddy_status_t
  {
    var status = status
    while task.scope != scope {
      let leaked = task.scope
      var subject = task.subject
      subject.site = leaked.site
      diagnostics.report(EDDY_ESCOPELEAK, "a scope was left open", subject)
      #if EDDY_HOSTILE
        invariant(false, "hostile: EDDY_ESCOPELEAK: a scope was left open")
      #endif
      status = closeInnermost(leaked, of: task, status, isLeak: true, info: nil)
    }
    return status
  }

  @inline(__always)
  private func closeInnermost(
    _ scope: ScopeRef, of task: TaskRef, _ status: eddy_status_t, isLeak: Bool,
    info: UnsafeMutablePointer<eddy_close_info_t>?
  ) -> eddy_status_t {
    let isQuiet =
      status == EDDY_OK && !isLeak && info == nil && scope.liveTasks == 0 && !scope.isGroup
      && scope.cleanup == nil
    if isQuiet {
      leave(scope, task)
      return EDDY_OK
    }
    return closeFully(scope, of: task, status, isLeak: isLeak, info: info)
  }

  @inline(never)
  private func closeFully(
    _ scope: ScopeRef, of task: TaskRef, _ status: eddy_status_t, isLeak: Bool,
    info: UnsafeMutablePointer<eddy_close_info_t>?
  ) -> eddy_status_t {
    let start = beginClose(
      scope, status, cancelChildren: isLeak, errors: task.at.lastError)
    let reason = info == nil ? nil : scope.reason?.retained()
    waitForChildren(of: scope, task)
    scope.isSealed = true
    withdrawBodyCancel(of: scope)
    runDefers(of: scope, task)
    let verdict = judge(scope, status, start)
    let error = takeOutcome(of: scope, verdict, start)
    releaseKept(of: scope)
    if let info {
      describe(start, reason, absorbed: status == EDDY_ECANCELED && verdict.status != status, info)
      release(reason)
    }
    leave(scope, task)
    if verdict.status == EDDY_OK {
      diagnostics.putBack(error, into: task.at.lastError, for: status)
      return EDDY_OK
    }
    diagnostics.replace(task.at.lastError, verdict.status, error)
    return verdict.status
  }

  /// Goes back to the scope outside. A root scope ends with its task, not here.
  @inline(__always)
  private func leave(_ scope: ScopeRef, _ task: TaskRef) {
    if scope.isRoot { return }
    task.scope = scope.parent.unsafelyUnwrapped
    endScope(scope)
  }

  /// Steps 1 and 2: what is known now is kept, the deadline is disarmed, and a failure, or a leak,
  /// cancels the children.
  func beginClose(
    _ scope: ScopeRef, _ status: eddy_status_t, cancelChildren: Bool,
    errors: UnsafeMutablePointer<ErrorSlot>
  ) -> CloseStart {
    let start = CloseStart(
      own: scope.isCancelled, ownByDeadline: scope.hasDeadlineReason,
      hasExpired: scope.hasExpired, reasonCode: scope.reasonCode,
      error: diagnostics.takeError(from: errors, for: status))
    scope.isClosing = true
    if scope.isTimed { core.timers.disarm(scope.timed.at.deadline) }
    // Children that see a cancellation already keep its reason.
    if scope.liveTasks > 0, !scope.isEffective, status != EDDY_OK || cancelChildren {
      cancel(scope, code: EDDY_REASON_BODY)
    }
    return start
  }

  /// Step 3. The scope's cancellation has reached the children by itself, so the wait has no hook.
  private func waitForChildren(of scope: ScopeRef, _ task: TaskRef) {
    while scope.liveTasks > 0 { _ = park(task, .scope, scope.raw, hook: nil) }
  }

  /// The cancel of step 2 was for the children, and they have ended: the defers' grace does not
  /// depend on whether there were any.
  private func withdrawBodyCancel(of scope: ScopeRef) {
    guard scope.isCancelled, Int32(scope.reasonCode) == EDDY_REASON_BODY else { return }
    scope.isCancelled = false
    scope.isEffective = !scope.isShielding && scope.parent?.isEffective == true
    scope.reasonCode = 0
    release(scope.reason)
    scope.reason = nil
  }

  func judge(_ scope: ScopeRef, _ status: eddy_status_t, _ start: CloseStart) -> CloseVerdict {
    closeVerdict(
      CloseFacts(
        status: status, isGroup: scope.isGroup, isRoot: scope.isRoot,
        hasChildErrors: scope.hasFailed, own: start.own,
        outer: scope.parent?.isEffective == true, ownByDeadline: start.ownByDeadline))
  }

  /// The error object that goes with the verdict; the caller gets the reference.
  func takeOutcome(of scope: ScopeRef, _ verdict: CloseVerdict, _ start: CloseStart) -> ErrorRef? {
    let group = scope.groupError
    scope.groupError = nil
    switch verdict.status {
    case EDDY_EGROUP where scope.isGroup:
      return joinBody(start.error, verdict.bodyFailure, into: group)
    case EDDY_OK, EDDY_ECANCELED:
      return start.error
    case EDDY_ETIMEDOUT where !verdict.addsReason && start.ownByDeadline,
      EDDY_EFOREIGNCANCEL where !verdict.addsReason:
      return converted(verdict.status, start.error)
    default:
      return verdict.addsReason ? withReason(of: scope, verdict.status, start.error) : start.error
    }
  }

  private func joinBody(_ body: ErrorRef?, _ failure: eddy_status_t, into group: ErrorRef?)
    -> ErrorRef?
  {
    guard let group = group ?? diagnostics.makeError(EDDY_EGROUP, nil) else { return body }
    if failure == EDDY_OK {
      diagnostics.release(body)
      return group
    }
    let own = failure == EDDY_EFOREIGNCANCEL ? converted(failure, body) : body
    guard let error = own ?? diagnostics.makeError(failure, nil) else { return group }
    for index in 0..<group.children.count where group.children[index].isSame(as: error) {
      diagnostics.release(error)
      return group
    }
    if !group.addChild(error) { diagnostics.release(error) }
    return group
  }

  /// A new error with what it was before as its cause.
  private func converted(_ status: eddy_status_t, _ cause: ErrorRef?) -> ErrorRef? {
    if let cause, cause.status == status { return cause }
    guard let error = diagnostics.makeError(status, nil) else {
      diagnostics.release(cause)
      return nil
    }
    if let cause, !error.addCause(cause) { diagnostics.release(cause) }
    return error
  }

  private func withReason(of scope: ScopeRef, _ status: eddy_status_t, _ error: ErrorRef?)
    -> ErrorRef?
  {
    guard let found = error ?? diagnostics.makeError(status, nil) else { return nil }
    let error = diagnostics.unshared(found)
    let ownStatus = scope.hasDeadlineReason ? EDDY_ETIMEDOUT : EDDY_ECANCELED
    if let cause = makeError(from: scope, ownStatus), !error.addCause(cause) {
      diagnostics.release(cause)
    }
    return error
  }

  private func describe(
    _ start: CloseStart, _ reason: ReasonRef?, absorbed: Bool,
    _ info: UnsafeMutablePointer<eddy_close_info_t>
  ) {
    info.pointee.cancelled = start.own ? 1 : 0
    info.pointee.expired = start.hasExpired ? 1 : 0
    info.pointee.absorbed = absorbed ? 1 : 0
    if !start.own { return }
    info.pointee.reason.code = Int32(start.reasonCode)
    reason?.describe(to: Ref<eddy_close_info_t>(info).at.reason)
  }
}
