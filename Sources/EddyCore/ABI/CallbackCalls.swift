// The header's calls about callbacks of the loop: soon, later, and of descriptors.
// Threads: the loop's.

import CEddy

private typealias CallbackOut = UnsafeMutablePointer<eddy_callback_t>
private typealias Options = UnsafePointer<eddy_callback_options_t>

/// When a callback is to be called, and the number that says so.
private enum Moment {
  case soon, later, at, readable, writable
}

@c @implementation
public func eddy_call_soon_at(
  _ site: UnsafePointer<CChar>?, _ fn: eddy_task_fn?, _ context: UnsafeMutableRawPointer?,
  _ options: UnsafePointer<eddy_callback_options_t>?,
  _ ret_callback: UnsafeMutablePointer<eddy_callback_t>?
) -> eddy_status_t {
  register(.soon, 0, site, fn, context, options, ret_callback)
}

@c @implementation
public func eddy_call_later_at(
  _ site: UnsafePointer<CChar>?, _ delay_ns: Int64, _ fn: eddy_task_fn?,
  _ context: UnsafeMutableRawPointer?, _ options: UnsafePointer<eddy_callback_options_t>?,
  _ ret_callback: UnsafeMutablePointer<eddy_callback_t>?
) -> eddy_status_t {
  register(.later, delay_ns, site, fn, context, options, ret_callback)
}

@c @implementation
public func eddy_call_when_at(
  _ site: UnsafePointer<CChar>?, _ when_ns: Int64, _ fn: eddy_task_fn?,
  _ context: UnsafeMutableRawPointer?, _ options: UnsafePointer<eddy_callback_options_t>?,
  _ ret_callback: UnsafeMutablePointer<eddy_callback_t>?
) -> eddy_status_t {
  register(.at, when_ns, site, fn, context, options, ret_callback)
}

@c @implementation
public func eddy_fd_add_reader_at(
  _ site: UnsafePointer<CChar>?, _ fd: Int32, _ fn: eddy_task_fn?,
  _ context: UnsafeMutableRawPointer?, _ options: UnsafePointer<eddy_callback_options_t>?
) -> eddy_status_t {
  register(.readable, Int64(fd), site, fn, context, options, nil)
}

@c @implementation
public func eddy_fd_add_writer_at(
  _ site: UnsafePointer<CChar>?, _ fd: Int32, _ fn: eddy_task_fn?,
  _ context: UnsafeMutableRawPointer?, _ options: UnsafePointer<eddy_callback_options_t>?
) -> eddy_status_t {
  register(.writable, Int64(fd), site, fn, context, options, nil)
}

@inline(never)
private func register(
  _ moment: Moment, _ number: Int64, _ site: UnsafePointer<CChar>?, _ fn: eddy_task_fn?,
  _ context: UnsafeMutableRawPointer?, _ source: Options?, _ ret_callback: CallbackOut?
) -> eddy_status_t {
  var options = eddy_callback_options_t()
  var status = read(source, into: &options)
  guard let loop = Loop.ofThread else {
    Gate.release(context, with: options.release_context)
    return Gate.refusal
  }
  if status == EDDY_OK, fn == nil || options.flags != 0 { status = EDDY_EINVAL }
  var given = (status: status, context: ContextRef?.none)
  if status == EDDY_OK { given = loop.findGiven(options.context) }
  status = given.status
  if status == EDDY_OK, let fn {
    let request = CallRequest(
      function: fn, context: context, release: options.release_context, sharing: given.context,
      site: site)
    status = loop.register(moment, number, request, ret_callback)
    if status == EDDY_OK { return EDDY_OK }
  }
  Gate.release(context, with: options.release_context)
  return loop.fail(status)
}

extension Ref where Record == LoopRecord {
  /// Refused, the context is still the caller's.
  fileprivate func register(
    _ moment: Moment, _ number: Int64, _ request: CallRequest, _ ret_callback: CallbackOut?
  ) -> eddy_status_t {
    let made: CallRef?
    switch moment {
    case .soon: made = callSoon(request)
    case .later: made = callLater(request, at: core.deadline(after: number))
    case .at: made = callLater(request, at: number)
    case .readable, .writable:
      return addDescriptorCall(
        Int32(truncatingIfNeeded: number), isWriter: moment == .writable, request)
    }
    guard let call = made else { return EDDY_ENOMEM }
    if let ret_callback {
      call.slot.word = 1
      ret_callback.pointee = eddy_callback_t(id: call.slot.id)
    }
    return EDDY_OK
  }
}

@c @implementation
public func eddy_fd_remove_reader(_ fd: Int32) -> eddy_status_t {
  removeCall(fd, isWriter: false)
}

@c @implementation
public func eddy_fd_remove_writer(_ fd: Int32) -> eddy_status_t {
  removeCall(fd, isWriter: true)
}

private func removeCall(_ fd: Int32, isWriter: Bool) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return Gate.refusal }
  if fd < 0 { return loop.fail(EDDY_EINVAL) }
  return loop.removeDescriptorCall(fd, isWriter: isWriter) ? EDDY_OK : loop.fail(EDDY_EALREADY)
}

@c @implementation
public func eddy_callback_cancel(_ callback: eddy_callback_t) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return refuseThread(callback.id) }
  guard let call = loop.calls.find(callback.id) else { return loop.refuseHandle(callback.id) }
  return loop.cancelCall(call) ? EDDY_OK : loop.fail(EDDY_EALREADY)
}

@c @implementation
public func eddy_callback_info(
  _ callback: eddy_callback_t, _ ret_info: UnsafeMutablePointer<eddy_callback_info_t>?
) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return refuseThread(callback.id) }
  guard let call = loop.calls.find(callback.id) else { return loop.refuseHandle(callback.id) }
  let status = checkOutput(ret_info)
  guard status == EDDY_OK, let ret_info else { return loop.fail(status) }
  var info = eddy_callback_info_t()
  switch call.state {
  case .pending: info.state = EDDY_CALLBACK_PENDING
  case .done: info.state = EDDY_CALLBACK_DONE
  case .cancelled: info.state = EDDY_CALLBACK_CANCELED
  }
  info.when_ns = call.when
  info.site = call.site
  write(&info, to: ret_info)
  return EDDY_OK
}

@c @implementation
public func eddy_callback_retain(_ callback: eddy_callback_t) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return refuseThread(callback.id) }
  guard let call = loop.calls.find(callback.id) else { return loop.refuseHandle(callback.id) }
  call.slot.word &+= 1
  return EDDY_OK
}

@c @implementation
public func eddy_callback_release(_ callback: eddy_callback_t) -> eddy_status_t {
  if callback.id == 0 { return EDDY_OK }
  guard let loop = Loop.boundToThread else { return refuseThread(callback.id) }
  guard let call = loop.calls.find(callback.id), loop.releaseReference(call) else {
    return loop.refuseHandle(callback.id)
  }
  return EDDY_OK
}
