// The header's calls about errors; the variadic eddy_fail is in EddySwitch. Threads: the loop's.

import CEddy

@c @implementation
public func eddy_fail_text(
  _ status: eddy_status_t, _ text: UnsafePointer<CChar>?
) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return status < 0 ? status : EDDY_EINVAL }
  if status >= 0 { return loop.fail(EDDY_EINVAL) }
  return loop.fail(status, loop.diagnostics.makeError(status, text))
}

@c @implementation
public func eddy_error_current(
  _ ret_error: UnsafeMutablePointer<eddy_error_t>?
) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return Gate.refusal }
  let slot = loop.errorSlot
  guard let ret_error, slot.pointee.status != EDDY_OK else { return EDDY_EINVAL }
  if slot.pointee.error == nil {
    slot.pointee.error = loop.diagnostics.makeError(slot.pointee.status, nil)
  }
  guard let error = slot.pointee.error else { return EDDY_ENOMEM }
  ret_error.pointee = error.handedOut()
  return EDDY_OK
}

/// The error of a handle on this thread, or nil.
private func find(_ error: eddy_error_t) -> ErrorRef? {
  guard let loop = Loop.ofThread else { return nil }
  return loop.diagnostics.errors.find(error.id)
}

/// Why the handle of an error is refused.
private func refuse(_ error: eddy_error_t) -> eddy_status_t {
  Loop.ofThread?.refuseHandle(error.id) ?? refuseThread(error.id)
}

@c @implementation
public func eddy_error_status(_ error: eddy_error_t) -> eddy_status_t {
  find(error)?.status ?? refuse(error)
}

@c @implementation
public func eddy_error_message(_ error: eddy_error_t) -> UnsafePointer<CChar>? {
  find(error)?.message.map { UnsafePointer($0) }
}

@c @implementation
public func eddy_error_payload(
  _ error: eddy_error_t, _ release: eddy_release_fn?
) -> UnsafeMutableRawPointer? {
  find(error)?.payload(givenWith: release)
}

@c @implementation
public func eddy_error_child_count(_ error: eddy_error_t) -> Int {
  find(error)?.children.count ?? 0
}

@c @implementation
public func eddy_error_cause_count(_ error: eddy_error_t) -> Int {
  find(error)?.causes.count ?? 0
}

@c @implementation
public func eddy_error_child(
  _ error: eddy_error_t, _ index: Int, _ ret_error: UnsafeMutablePointer<eddy_error_t>?
) -> eddy_status_t {
  guard let record = find(error) else { return refuse(error) }
  return pick(record.children, index, ret_error)
}

@c @implementation
public func eddy_error_cause(
  _ error: eddy_error_t, _ index: Int, _ ret_error: UnsafeMutablePointer<eddy_error_t>?
) -> eddy_status_t {
  guard let record = find(error) else { return refuse(error) }
  return pick(record.causes, index, ret_error)
}

private func pick(
  _ errors: Vector<ErrorRef>, _ index: Int, _ ret_error: UnsafeMutablePointer<eddy_error_t>?
) -> eddy_status_t {
  guard let ret_error, index >= 0, index < errors.count else {
    return Loop.ofThread?.fail(EDDY_EINVAL) ?? EDDY_EINVAL
  }
  ret_error.pointee = eddy_error_t(id: errors[index].slot.id)
  return EDDY_OK
}

@c @implementation
public func eddy_error_format(
  _ error: eddy_error_t, _ buffer: UnsafeMutablePointer<CChar>?, _ capacity: Int
) -> Int {
  guard let record = find(error) else { return 0 }
  var sink = TextSink(buffer, capacity: capacity)
  record.write(to: &sink)
  return sink.finish()
}

@c @implementation
public func eddy_error_print(_ error: eddy_error_t) -> eddy_status_t {
  guard let record = find(error) else { return refuse(error) }
  record.printToStandardError(after: "")
  return EDDY_OK
}

@c @implementation
public func eddy_error_retain(_ error: eddy_error_t) -> eddy_status_t {
  guard let record = find(error) else { return refuse(error) }
  _ = record.handedOut()
  return EDDY_OK
}

@c @implementation
public func eddy_error_release(_ error: eddy_error_t) -> eddy_status_t {
  if error.id == 0 { return EDDY_OK }
  guard let loop = Loop.boundToThread else { return refuseThread(error.id) }
  guard let record = loop.diagnostics.errors.find(error.id),
    loop.diagnostics.releaseReference(record)
  else { return loop.refuseHandle(error.id) }
  return EDDY_OK
}
