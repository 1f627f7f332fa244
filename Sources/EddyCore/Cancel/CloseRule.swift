// What closing a scope gives: the law's step 5 as one pure function.
//
// Owns nothing. Threads: any.

import CEddy

struct CloseFacts {
  /// How the body ended.
  var status: eddy_status_t
  var isGroup: Bool
  var isRoot: Bool
  var hasChildErrors: Bool
  /// The scope itself was cancelled when the close began.
  var own: Bool
  /// A visible scope outside is cancelled.
  var outer: Bool
  /// The scope's first reason is its deadline.
  var ownByDeadline: Bool
}

struct CloseVerdict: Equatable {
  var status: eddy_status_t
  /// For EDDY_EGROUP: the body's own failure that goes along, or EDDY_OK for none.
  var bodyFailure: eddy_status_t
  /// The scope's reason becomes the failure's last cause.
  var addsReason: Bool
}

func closeVerdict(_ facts: CloseFacts) -> CloseVerdict {
  func plain(_ status: eddy_status_t) -> CloseVerdict {
    CloseVerdict(status: status, bodyFailure: EDDY_OK, addsReason: false)
  }
  let isCancel = facts.status == EDDY_ECANCELED
  let isForeign = isCancel && !facts.own && !facts.outer
  let bodyFailed = facts.status != EDDY_OK && (!isCancel || isForeign)
  if facts.isGroup, facts.hasChildErrors || bodyFailed {
    let failure = isForeign ? EDDY_EFOREIGNCANCEL : bodyFailed ? facts.status : EDDY_OK
    return CloseVerdict(status: EDDY_EGROUP, bodyFailure: failure, addsReason: false)
  }
  if facts.status == EDDY_OK {
    return plain(facts.isGroup && facts.outer ? EDDY_ECANCELED : EDDY_OK)
  }
  if !isCancel {
    return CloseVerdict(status: facts.status, bodyFailure: EDDY_OK, addsReason: facts.own)
  }
  if facts.outer { return plain(EDDY_ECANCELED) }
  if !facts.own { return plain(EDDY_EFOREIGNCANCEL) }
  if facts.isRoot { return plain(EDDY_ECANCELED) }
  return plain(facts.ownByDeadline ? EDDY_ETIMEDOUT : EDDY_OK)
}
