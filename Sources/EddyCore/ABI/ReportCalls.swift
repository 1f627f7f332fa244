// The header's calls about the report hook. Threads: the loop's.

import CEddy

@c @implementation
public func eddy_loop_set_report(
  _ loop: eddy_loop_t, _ fn: eddy_report_fn?, _ context: UnsafeMutableRawPointer?
) -> eddy_status_t {
  let found = findLoop(loop)
  guard let record = found.loop else { return found.status }
  if let test = record.watch.test {
    // The test kit's own hook hears first, and gives on to the user's.
    TestRef(raw: test).report = fn
    TestRef(raw: test).reportContext = context
    return EDDY_OK
  }
  record.diagnostics.report = fn
  record.diagnostics.reportContext = context
  return EDDY_OK
}

@c @implementation
public func eddy_loop_report(
  _ loop: eddy_loop_t, _ ret_fn: UnsafeMutablePointer<eddy_report_fn?>?, _ ret_context: ValueOut?
) -> eddy_status_t {
  let found = findLoop(loop)
  guard let record = found.loop else { return found.status }
  guard let ret_fn else { return record.fail(EDDY_EINVAL) }
  let test = record.watch.test.map { TestRef(raw: $0) }
  ret_fn.pointee = test == nil ? record.diagnostics.report : test.unsafelyUnwrapped.report
  ret_context?.pointee =
    test == nil ? record.diagnostics.reportContext : test.unsafelyUnwrapped.reportContext
  return EDDY_OK
}

@c @implementation
public func eddy_report_text_at(
  _ site: UnsafePointer<CChar>?, _ status: eddy_status_t, _ text: UnsafePointer<CChar>?
) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return Gate.refusal }
  if status > 0 { return loop.fail(EDDY_EINVAL) }
  var subject = loop.current?.subject ?? .none
  if site != nil { subject.site = site }
  let slot = loop.errorSlot.pointee
  let error = slot.status == status ? slot.error?.retained() : nil
  loop.diagnostics.report(status, text ?? statusText(status), subject, error: error)
  loop.diagnostics.release(error)
  return EDDY_OK
}
