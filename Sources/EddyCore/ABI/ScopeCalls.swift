// The header's calls about scopes. Threads: the loop's, inside a task.

import CEddy

@c @implementation
public func eddy_scope_open_at(
  _ site: UnsafePointer<CChar>?, _ ret_scope: UnsafeMutablePointer<eddy_scope_t>?,
  _ options: UnsafePointer<eddy_scope_options_t>?
) -> eddy_status_t {
  open(site, ret_scope, options, adding: 0, timeout: nil)
}

@c @implementation
public func eddy_group_open_at(
  _ site: UnsafePointer<CChar>?, _ ret_scope: UnsafeMutablePointer<eddy_scope_t>?,
  _ options: UnsafePointer<eddy_scope_options_t>?
) -> eddy_status_t {
  open(site, ret_scope, options, adding: EDDY_SCOPE_GROUP, timeout: nil)
}

@c @implementation
public func eddy_timeout_open_at(
  _ site: UnsafePointer<CChar>?, _ ret_scope: UnsafeMutablePointer<eddy_scope_t>?,
  _ duration_ns: Int64, _ options: UnsafePointer<eddy_scope_options_t>?
) -> eddy_status_t {
  open(site, ret_scope, options, adding: 0, timeout: duration_ns)
}

@c @implementation
public func eddy_shield_open_at(
  _ site: UnsafePointer<CChar>?, _ ret_scope: UnsafeMutablePointer<eddy_scope_t>?,
  _ options: UnsafePointer<eddy_scope_options_t>?
) -> eddy_status_t {
  open(site, ret_scope, options, adding: EDDY_SCOPE_SHIELD, timeout: nil)
}

/// One copy for all five: their callers are spared its size, at the cost of a call.
@inline(never)
@_optimize(speed)
private func open(
  _ site: UnsafePointer<CChar>?, _ ret_scope: UnsafeMutablePointer<eddy_scope_t>?,
  _ options: UnsafePointer<eddy_scope_options_t>?, adding flags: UInt32, timeout: Int64?
) -> eddy_status_t {
  guard let (loop, task) = enterFiber() else { return refuseFiber() }
  guard let ret_scope else { return loop.fail(EDDY_EINVAL) }
  var form = ScopeForm(
    isGroup: flags & EDDY_SCOPE_GROUP != 0, isShield: flags & EDDY_SCOPE_SHIELD != 0,
    timeout: timeout ?? Int64.max, grace: loop.graceDuration)
  if options != nil {
    let status = readScopeForm(options, adding: flags, timeout, loop, &form)
    if status != EDDY_OK { return loop.fail(status) }
  }
  guard let scope = loop.makeScope(form, in: task.scope, owner: task, site: site) else {
    return loop.fail(EDDY_ENOMEM)
  }
  task.scope = scope
  ret_scope.pointee = eddy_scope_t(id: scope.slot.id)
  return EDDY_OK
}

@inline(never)
func readScopeForm(
  _ source: UnsafePointer<eddy_scope_options_t>?, adding flags: UInt32, _ timeout: Int64?,
  _ loop: Loop, _ form: inout ScopeForm
) -> eddy_status_t {
  var options = eddy_scope_options_t()
  let status = read(source, into: &options)
  if status != EDDY_OK { return status }
  guard
    let read = scopeForm(
      flags: options.flags | flags, timeout: options.timeout_ns, grace: options.grace_ns, loop)
  else { return EDDY_EINVAL }
  form = read
  if let timeout { form.timeout = timeout }
  return EDDY_OK
}

/// The form that options describe, or nil if they are out of range.
func scopeForm(flags: UInt32, timeout: Int64, grace: Int64, _ loop: Loop) -> ScopeForm? {
  let known = EDDY_SCOPE_GROUP | EDDY_SCOPE_SHIELD
  guard flags & ~known == 0, timeout >= EDDY_NONE, grace >= EDDY_NONE else { return nil }
  return ScopeForm(
    isGroup: flags & EDDY_SCOPE_GROUP != 0, isShield: flags & EDDY_SCOPE_SHIELD != 0,
    timeout: timeout <= 0 ? Int64.max : timeout, grace: grace == 0 ? loop.graceDuration : grace)
}

@c @implementation
@_optimize(speed)
public func eddy_scope_close(_ scope: eddy_scope_t, _ status: eddy_status_t) -> eddy_status_t {
  close(scope, status, info: nil)
}

@c @implementation
public func eddy_scope_close_info(
  _ scope: eddy_scope_t, _ status: eddy_status_t,
  _ ret_info: UnsafeMutablePointer<eddy_close_info_t>?
) -> eddy_status_t {
  let check = checkOutput(ret_info)
  guard check == EDDY_OK, let ret_info else { return Loop.ofThread?.fail(check) ?? check }
  var info = eddy_close_info_t()
  info.size = 0
  let result = close(scope, status, info: &info)
  if info.size != 0 { write(&info, to: ret_info) }
  return result
}

@inline(__always)
private func close(
  _ scope: eddy_scope_t, _ status: eddy_status_t,
  info: UnsafeMutablePointer<eddy_close_info_t>?
) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return refuseThread(scope.id) }
  guard let record = loop.findScope(scope.id) else { return loop.refuseHandle(scope.id) }
  guard let (_, task) = enterFiber() else { return refuseFiber() }
  if record.owner != task || record.isRoot { return loop.fail(EDDY_EPERM) }
  if status > 0 { return loop.fail(EDDY_EINVAL) }
  if !loop.canClose(record, task) { return loop.fail(EDDY_EBUSY) }
  info?.pointee.size = UInt32(MemoryLayout<eddy_close_info_t>.size)
  return loop.close(record, of: task, status, info: info)
}

@c @implementation
public func eddy_scope_cancel(
  _ scope: eddy_scope_t, _ message: UnsafePointer<CChar>?
) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return refuseThread(scope.id) }
  guard let record = loop.findScope(scope.id) else { return loop.refuseHandle(scope.id) }
  loop.cancel(record, code: EDDY_REASON_REQUEST, message: message)
  return EDDY_OK
}

@c @implementation
public func eddy_defer(_ fn: eddy_task_fn?, _ context: UnsafeMutableRawPointer?) -> eddy_status_t {
  guard let (loop, task) = enterFiber() else { return refuseFiber() }
  guard let fn else { return loop.fail(EDDY_EINVAL) }
  return loop.addDefer(task, fn, context) ? EDDY_OK : loop.fail(EDDY_ENOMEM)
}

@c @implementation
public func eddy_call_at(
  _ site: UnsafePointer<CChar>?, _ options: UnsafePointer<eddy_scope_options_t>?,
  _ fn: eddy_task_fn?, _ context: UnsafeMutableRawPointer?, _ ret_value: ValueOut?
) -> eddy_status_t {
  guard let (loop, task) = enterFiber() else { return refuseFiber() }
  var form = ScopeForm(
    isGroup: false, isShield: false, timeout: Int64.max, grace: loop.graceDuration)
  let status = readScopeForm(options, adding: 0, nil, loop, &form)
  guard status == EDDY_OK, let fn else {
    return loop.fail(status == EDDY_OK ? EDDY_EINVAL : status)
  }
  return loop.callInScope(form, task, fn, context, site: site, ret_value)
}

@c @implementation
public func eddy_with_timeout_at(
  _ site: UnsafePointer<CChar>?, _ duration_ns: Int64, _ fn: eddy_task_fn?,
  _ context: UnsafeMutableRawPointer?, _ ret_value: ValueOut?
) -> eddy_status_t {
  guard let (loop, task) = enterFiber() else { return refuseFiber() }
  guard let fn else { return loop.fail(EDDY_EINVAL) }
  let form = ScopeForm(
    isGroup: false, isShield: false, timeout: duration_ns, grace: loop.graceDuration)
  return loop.callInScope(form, task, fn, context, site: site, ret_value)
}
