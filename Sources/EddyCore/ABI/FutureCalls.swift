// The header's calls about futures. Threads: the loop's.

import CEddy

@c @implementation @_optimize(speed)
public func eddy_future_create_at(
  _ site: UnsafePointer<CChar>?, _ ret_future: UnsafeMutablePointer<eddy_future_t>?
) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return Gate.refusal }
  guard let ret_future else { return loop.fail(EDDY_EINVAL) }
  guard let future = loop.makeFuture(site) else { return loop.fail(EDDY_ENOMEM) }
  ret_future.pointee = eddy_future_t(id: future.completion.slot.id)
  return EDDY_OK
}

@c @implementation @_optimize(speed)
public func eddy_future_complete(
  _ future: eddy_future_t, _ value: UnsafeMutableRawPointer?, _ release: eddy_release_fn?
) -> eddy_status_t {
  guard let loop = Loop.ofThread else {
    Gate.release(value, with: release)
    return refuseThread(future.id)
  }
  guard let completion = loop.findCompletion(future.id) else {
    Gate.release(value, with: release)
    return loop.refuseHandle(future.id)
  }
  return loop.complete(completion, value, release)
}

@c @implementation
public func eddy_future_fail(
  _ future: eddy_future_t, _ status: eddy_status_t, _ message: UnsafePointer<CChar>?
) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return refuseThread(future.id) }
  guard let completion = loop.findCompletion(future.id) else {
    return loop.refuseHandle(future.id)
  }
  if status >= 0 || status == EDDY_ECANCELED { return loop.fail(EDDY_EINVAL) }
  return loop.failFuture(completion, status, message)
}

@c @implementation
public func eddy_future_cancel(
  _ future: eddy_future_t, _ message: UnsafePointer<CChar>?
) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return refuseThread(future.id) }
  guard let completion = loop.findCompletion(future.id) else {
    return loop.refuseHandle(future.id)
  }
  return loop.cancelFuture(completion, message)
}

@c @implementation @_optimize(speed)
public func eddy_future_wait(_ future: eddy_future_t, _ ret_value: ValueOut?) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return refuseThread(future.id) }
  guard let completion = loop.findCompletion(future.id) else {
    return loop.refuseHandle(future.id)
  }
  guard let (_, fiber) = enterFiber() else { return refuseFiber() }
  return loop.observe(completion, fiber, ret_value)
}

@c @implementation @_optimize(speed)
public func eddy_future_result(_ future: eddy_future_t, _ ret_value: ValueOut?) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return refuseThread(future.id) }
  guard let completion = loop.findCompletion(future.id) else {
    return loop.refuseHandle(future.id)
  }
  return loop.read(completion, nil, ret_value)
}

@c @implementation
public func eddy_future_take(
  _ future: eddy_future_t, _ ret_value: ValueOut?,
  _ ret_release: UnsafeMutablePointer<eddy_release_fn?>?
) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return refuseThread(future.id) }
  guard let completion = loop.findCompletion(future.id) else {
    return loop.refuseHandle(future.id)
  }
  guard let ret_value, let ret_release else { return loop.fail(EDDY_EINVAL) }
  return loop.take(completion, ret_value, ret_release)
}

@c @implementation @_optimize(speed)
public func eddy_future_on_done(
  _ future: eddy_future_t, _ fn: eddy_done_fn?, _ context: UnsafeMutableRawPointer?,
  _ release_context: eddy_release_fn?
) -> eddy_status_t {
  onDone(future, eddy_context_t(id: 0), fn, context, release_context)
}

@c @implementation
public func eddy_future_on_done_in(
  _ future: eddy_future_t, _ in_context: eddy_context_t, _ fn: eddy_done_fn?,
  _ context: UnsafeMutableRawPointer?, _ release_context: eddy_release_fn?
) -> eddy_status_t {
  onDone(future, in_context, fn, context, release_context)
}

@inline(__always)
private func onDone(
  _ future: eddy_future_t, _ given: eddy_context_t, _ fn: eddy_done_fn?,
  _ context: UnsafeMutableRawPointer?, _ release: eddy_release_fn?
) -> eddy_status_t {
  let status: eddy_status_t
  if let loop = Loop.ofThread {
    let found = loop.findGiven(given)
    if found.status != EDDY_OK {
      status = found.status
    } else if let completion = loop.findCompletion(future.id) {
      if let fn, loop.addCallback(completion, fn, context, release, sharing: found.context) {
        return EDDY_OK
      }
      status = loop.fail(fn == nil ? EDDY_EINVAL : EDDY_ENOMEM)
    } else {
      status = loop.refuseHandle(future.id)
    }
  } else {
    status = refuseThread(future.id)
  }
  Gate.release(context, with: release)
  return status
}

@c @implementation
public func eddy_future_off_done(
  _ future: eddy_future_t, _ fn: eddy_done_fn?, _ context: UnsafeMutableRawPointer?,
  _ ret_count: UnsafeMutablePointer<Int>?
) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return refuseThread(future.id) }
  guard let completion = loop.findCompletion(future.id) else {
    return loop.refuseHandle(future.id)
  }
  guard let fn else { return loop.fail(EDDY_EINVAL) }
  let count = loop.removeCallbacks(completion, fn, context)
  ret_count?.pointee = count
  return EDDY_OK
}

@c @implementation
public func eddy_future_error(
  _ future: eddy_future_t, _ ret_error: UnsafeMutablePointer<eddy_error_t>?
) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return refuseThread(future.id) }
  guard let completion = loop.findCompletion(future.id) else {
    return loop.refuseHandle(future.id)
  }
  if completion.state == .pending { return loop.fail(EDDY_EPENDING) }
  guard let ret_error, completion.state == .failed else { return loop.fail(EDDY_EINVAL) }
  completion.isRead = true
  guard let error = completion.error else { return loop.fail(EDDY_ENOMEM) }
  ret_error.pointee = error.handedOut()
  return EDDY_OK
}

@c @implementation
public func eddy_future_retain(_ future: eddy_future_t) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return refuseThread(future.id) }
  guard let completion = loop.findCompletion(future.id) else {
    return loop.refuseHandle(future.id)
  }
  completion.slot.word &+= 1
  return EDDY_OK
}

@c @implementation @_optimize(speed)
public func eddy_future_release(_ future: eddy_future_t) -> eddy_status_t {
  if future.id == 0 { return EDDY_OK }
  guard let loop = Loop.boundToThread else { return refuseThread(future.id) }
  guard let completion = loop.findCompletion(future.id), completion.slot.word > 0 else {
    return loop.refuseHandle(future.id)
  }
  loop.releaseReference(completion)
  return EDDY_OK
}
