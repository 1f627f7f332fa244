// Why a scope was cancelled: code, message, who asked and when.
//
// Owned by the loop's pool; a scope, and each that the reason was passed on to, holds a reference.
// Invariant: without memory the reason is nil and only the scope's `reasonCode` tells.
// Threads: the loop's.

import CEddy

typealias ReasonRef = Ref<ReasonRecord>

extension Ref where Record == LoopRecord {
  /// Asked by the running task, unless another is named.
  func makeReason(
    _ code: Int32, _ message: UnsafePointer<CChar>?, askedBy task: TaskRef? = nil
  ) -> ReasonRef? {
    guard let reason = self.reasons.take() else { return nil }
    reason.references = 1
    reason.code = code
    reason.askedBy = (task ?? self.current)?.id ?? 0
    reason.when = core.now
    reason.message = copyText(message)
    return reason
  }

  func release(_ reason: ReasonRef?) {
    guard let reason else { return }
    reason.references &-= 1
    if reason.references > 0 { return }
    Memory.free(reason.message)
    self.reasons.give(reason)
  }

  /// An error that tells a scope's reason and who asked, if that task is still known: the cause of
  /// what came of the cancellation.
  func makeError(from scope: ScopeRef, _ status: eddy_status_t) -> ErrorRef? {
    let message = scope.reason?.message.map { UnsafePointer($0) }
    let error = diagnostics.makeError(status, message ?? reasonText(Int32(scope.reasonCode)))
    guard let error, let reason = scope.reason, let asker = self.tasks.find(reason.askedBy) else {
      return error
    }
    error.isReason = true
    error.taskSerial = asker.serial
    error.taskName = copyText(asker.name.map { UnsafePointer($0) })
    return error
  }
}

extension Ref where Record == ReasonRecord {
  func retained() -> ReasonRef {
    self.references &+= 1
    return self
  }

  /// Fills the public form, whose memory is zero.
  func describe(to info: UnsafeMutablePointer<eddy_reason_t>) {
    info.pointee.asked_by = eddy_task_t(id: self.askedBy)
    info.pointee.when_ns = self.when
    let field = UnsafeMutableRawPointer(Ref<eddy_reason_t>(info).at.message)
    let capacity = MemoryLayout.size(ofValue: info.pointee.message)
    fillText(field, capacity, from: UnsafePointer(self.message) ?? reasonText(self.code))
  }
}

extension Ref where Record == ScopeRecord {
  var hasDeadlineReason: Bool { Int32(self.reasonCode) == EDDY_REASON_DEADLINE }

  /// The nearest cancelled scope that is visible from inside this one.
  var cancelledScope: ScopeRef? {
    var cursor: ScopeRef? = self
    while let scope = cursor {
      if scope.isCancelled { return scope }
      if scope.isShielding { return nil }
      cursor = scope.parent
    }
    return nil
  }
}

func reasonText(_ code: Int32) -> UnsafePointer<CChar> {
  switch code {
  case EDDY_REASON_REQUEST: staticText("cancelled on request")
  case EDDY_REASON_DEADLINE: staticText("the scope's deadline passed")
  case EDDY_REASON_CHILD: staticText("a child of the group failed")
  case EDDY_REASON_BODY: staticText("the scope is closing with a failure")
  case EDDY_REASON_SHUTDOWN: staticText("the loop is shutting down")
  case EDDY_REASON_DEADLOCK: staticText("nothing could ever run again")
  case EDDY_REASON_INTERRUPT: staticText("SIGINT asked the program to end")
  case EDDY_REASON_TERMINATE: staticText("SIGTERM asked the program to end")
  default: staticText("")
  }
}
