// The header's calls about context variables and contexts. Threads: the loop's.

import CEddy

/// The form of a variable, read by the law of size-first structs.
@inline(__always)
private func form(
  of variable: UnsafePointer<eddy_var_t>?
) -> (status: eddy_status_t, form: eddy_var_t) {
  guard let variable else { return (EDDY_EINVAL, eddy_var_t()) }
  if Int(variable.pointee.size) == MemoryLayout<eddy_var_t>.size {
    return (variable.pointee.reserved == 0 ? EDDY_OK : EDDY_EINVAL, variable.pointee)
  }
  var form = eddy_var_t()
  let status = read(variable, into: &form)
  return (status == EDDY_OK && form.reserved != 0 ? EDDY_EINVAL : status, form)
}

/// A variable's value in the context in a place, or its default.
@inline(__always)
func readVariable(
  _ variable: UnsafePointer<eddy_var_t>?, in place: ContextPlace, _ loop: Loop,
  _ ret_value: ValueOut?
) -> eddy_status_t {
  let read = form(of: variable)
  guard read.status == EDDY_OK, let variable, let ret_value else {
    return loop.fail(read.status == EDDY_OK ? EDDY_EINVAL : read.status)
  }
  let found = place.value(of: variable)
  ret_value.pointee = found == nil ? read.form.default_value : found.unsafelyUnwrapped.value
  return EDDY_OK
}

@c @implementation
public func eddy_var_get(
  _ variable: UnsafePointer<eddy_var_t>?, _ ret_value: ValueOut?
) -> eddy_status_t {
  guard let loop = Loop.ofThread ?? Loop.inReportHook else { return Gate.refusal }
  return readVariable(variable, in: loop.contextPlace.pointee, loop, ret_value)
}

@c @implementation
public func eddy_var_set(
  _ variable: UnsafePointer<eddy_var_t>?, _ value: UnsafeMutableRawPointer?,
  _ ret_token: UnsafeMutablePointer<eddy_token_t>?
) -> eddy_status_t {
  let read = form(of: variable)
  guard let loop = Loop.ofThread, let variable, read.status == EDDY_OK else {
    return refuseValue(read.status, Loop.ofThread, value, read.form.release)
  }
  let core = loop.contexts
  let token = ret_token == nil ? nil : core.makeToken(in: loop.contextID)
  if ret_token == nil || token != nil {
    let place = loop.contextPlace
    if core.set(variable, value, read.form.release, in: place, token: token) {
      if let token { ret_token?.pointee = eddy_token_t(id: token.slot.id) }
      return EDDY_OK
    }
    if let token { core.free(token) }
  }
  return refuseValue(EDDY_ENOMEM, loop, value, read.form.release)
}

/// A value is not taken: it is released all the same. Without a loop the thread says why.
@inline(never)
private func refuseValue(
  _ status: eddy_status_t, _ loop: Loop?, _ value: UnsafeMutableRawPointer?,
  _ release: eddy_release_fn?
) -> eddy_status_t {
  Gate.release(value, with: release)
  return loop?.fail(status) ?? Gate.refusal
}

@c @implementation
public func eddy_var_reset(_ token: eddy_token_t) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return refuseThread(token.id) }
  guard let record = loop.contexts.tokens.find(token.id) else {
    return loop.refuseHandle(token.id)
  }
  if record.contextID != loop.contextID { return loop.fail(EDDY_EPERM) }
  let isReset = loop.contexts.reset(record, in: loop.contextPlace)
  return isReset ? EDDY_OK : loop.fail(EDDY_ENOMEM)
}

@c @implementation
public func eddy_token_release(_ token: eddy_token_t) -> eddy_status_t {
  if token.id == 0 { return EDDY_OK }
  guard let loop = Loop.boundToThread else { return refuseThread(token.id) }
  guard let record = loop.contexts.tokens.find(token.id) else {
    return loop.refuseHandle(token.id)
  }
  loop.contexts.free(record)
  return EDDY_OK
}

/// What is in the context with this handle, or in the current one for null.
private func findSource(
  _ handle: eddy_context_t, _ loop: Loop
) -> (status: eddy_status_t, place: ContextPlace) {
  let given = loop.findGiven(handle)
  guard let context = given.context else { return (given.status, loop.contextPlace.pointee) }
  return (EDDY_OK, ContextPlace(sharing: context))
}

@c @implementation
public func eddy_context_copy(
  _ source: eddy_context_t, _ ret_context: UnsafeMutablePointer<eddy_context_t>?
) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return refuseContext(source) }
  let found = findSource(source, loop)
  if found.status != EDDY_OK { return found.status }
  guard let ret_context else { return loop.fail(EDDY_EINVAL) }
  guard let made = loop.contexts.makeContext(copying: found.place) else {
    return loop.fail(EDDY_ENOMEM)
  }
  ret_context.pointee = eddy_context_t(id: made.slot.id)
  return EDDY_OK
}

@c @implementation
public func eddy_context_with(
  _ source: eddy_context_t, _ variable: UnsafePointer<eddy_var_t>?,
  _ value: UnsafeMutableRawPointer?, _ ret_context: UnsafeMutablePointer<eddy_context_t>?
) -> eddy_status_t {
  let read = form(of: variable)
  guard let loop = Loop.ofThread else {
    Gate.release(value, with: read.form.release)
    return refuseContext(source)
  }
  let found = findSource(source, loop)
  guard found.status == EDDY_OK, read.status == EDDY_OK, let variable, let ret_context else {
    Gate.release(value, with: read.form.release)
    if found.status != EDDY_OK { return found.status }
    return loop.fail(read.status == EDDY_OK ? EDDY_EINVAL : read.status)
  }
  let made = loop.contexts.makeContext(
    copying: found.place, binding: variable, to: value, release: read.form.release)
  guard let made else { return refuseValue(EDDY_ENOMEM, loop, value, read.form.release) }
  ret_context.pointee = eddy_context_t(id: made.slot.id)
  return EDDY_OK
}

/// Why a thread without a usable loop is refused; null names no handle.
private func refuseContext(_ handle: eddy_context_t) -> eddy_status_t {
  handle.id == 0 ? Gate.refusal : refuseThread(handle.id)
}

@c @implementation
public func eddy_context_get(
  _ context: eddy_context_t, _ variable: UnsafePointer<eddy_var_t>?, _ ret_value: ValueOut?
) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return refuseThread(context.id) }
  guard let record = loop.contexts.contexts.find(context.id) else {
    return loop.refuseHandle(context.id)
  }
  return readVariable(variable, in: ContextPlace(sharing: record), loop, ret_value)
}

@c @implementation
public func eddy_context_run(
  _ context: eddy_context_t, _ fn: eddy_task_fn?, _ argument: UnsafeMutableRawPointer?
) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return refuseThread(context.id) }
  guard let record = loop.contexts.contexts.find(context.id) else {
    return loop.refuseHandle(context.id)
  }
  guard let fn else { return loop.fail(EDDY_EINVAL) }
  return loop.run(fn, argument, in: record)
}

@c @implementation
public func eddy_context_retain(_ context: eddy_context_t) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return refuseThread(context.id) }
  guard let record = loop.contexts.contexts.find(context.id) else {
    return loop.refuseHandle(context.id)
  }
  record.slot.word &+= 1
  return EDDY_OK
}

@c @implementation
public func eddy_context_release(_ context: eddy_context_t) -> eddy_status_t {
  if context.id == 0 { return EDDY_OK }
  guard let loop = Loop.boundToThread else { return refuseThread(context.id) }
  guard let record = loop.contexts.contexts.find(context.id),
    loop.contexts.releaseReference(record)
  else { return loop.refuseHandle(context.id) }
  return EDDY_OK
}

@c @implementation
public func eddy_context_used() -> Int32 {
  guard let loop = Loop.ofThread else { return 0 }
  return loop.contexts.isUsed ? 1 : 0
}
