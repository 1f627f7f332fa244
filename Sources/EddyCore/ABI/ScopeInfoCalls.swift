// The header's calls about deadlines at a time, and what open scopes know. Threads: the loop's.

import CEddy

@c @implementation
public func eddy_deadline_open_at(
  _ site: UnsafePointer<CChar>?, _ ret_scope: UnsafeMutablePointer<eddy_scope_t>?,
  _ when_ns: Int64, _ options: UnsafePointer<eddy_scope_options_t>?
) -> eddy_status_t {
  guard let (loop, task) = enterFiber() else { return refuseFiber() }
  guard let ret_scope else { return loop.fail(EDDY_EINVAL) }
  var form = ScopeForm(
    isGroup: false, isShield: false, timeout: Int64.max, grace: loop.graceDuration)
  let status = readScopeForm(options, adding: 0, Int64.max, loop, &form)
  if status != EDDY_OK { return loop.fail(status) }
  guard let scope = loop.makeScopeOutOfLine(form, in: task.scope, owner: task, site: site) else {
    return loop.fail(EDDY_ENOMEM)
  }
  if !loop.setDeadline(of: scope.timed, at: when_ns) {
    loop.endScope(scope)
    return loop.fail(EDDY_ENOMEM)
  }
  task.scope = scope
  ret_scope.pointee = eddy_scope_t(id: scope.slot.id)
  return EDDY_OK
}

@c @implementation
public func eddy_scope_reschedule(_ scope: eddy_scope_t, _ when_ns: Int64) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return refuseThread(scope.id) }
  guard let record = loop.findScope(scope.id) else { return loop.refuseHandle(scope.id) }
  let refusal = loop.refusalToReschedule(record)
  if refusal != EDDY_OK { return loop.fail(refusal) }
  return loop.setDeadline(of: record.timed, at: when_ns) ? EDDY_OK : loop.fail(EDDY_ENOMEM)
}

@c @implementation
public func eddy_scope_info(
  _ scope: eddy_scope_t, _ ret_info: UnsafeMutablePointer<eddy_scope_info_t>?
) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return refuseThread(scope.id) }
  guard let record = loop.findScope(scope.id) else { return loop.refuseHandle(scope.id) }
  let status = checkOutput(ret_info)
  guard status == EDDY_OK, let ret_info else { return loop.fail(status) }
  var info = eddy_scope_info_t()
  loop.describe(record, to: &info)
  write(&info, to: ret_info)
  return EDDY_OK
}
