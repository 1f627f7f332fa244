// The header's calls that post: to this thread's loop, and through the door of any.
//
// Threads: the loop's, or any where the header says so.

import CEddy
import EddySwitch

@c @implementation
public func eddy_post(
  _ fn: eddy_task_fn?, _ context: UnsafeMutableRawPointer?, _ release_context: eddy_release_fn?
) -> eddy_status_t {
  guard let loop = Loop.ofThread, let fn else {
    let status = Loop.ofThread?.fail(EDDY_EINVAL) ?? Gate.refusal
    Gate.release(context, with: release_context)
    return status
  }
  let request = CallRequest(
    function: fn, context: context, release: release_context, sharing: nil, site: nil)
  if loop.callSoon(request) != nil { return EDDY_OK }
  Gate.release(context, with: release_context)
  return loop.fail(EDDY_ENOMEM)
}

@c @implementation
public func eddy_post_threadsafe(
  _ loop: eddy_loop_t, _ fn: eddy_task_fn?, _ context: UnsafeMutableRawPointer?,
  _ release_context: eddy_release_fn?
) -> eddy_status_t {
  var record = emptyPost(.call)
  record.function = fn
  record.context = context
  record.release = release_context
  let status = fn == nil ? EDDY_EINVAL : refusalToPost
  let number = Handle.loopNumber(loop.id)
  if status == EDDY_OK, Registry.id(of: number) == loop.id, loop.id != 0 {
    let generation = loop.id & Handle.generationMask
    return Loop.postRemotely(record, number: number, generation: generation)
  }
  Gate.release(context, with: release_context)
  return status == EDDY_OK ? EDDY_EBADHANDLE : status
}

@c @implementation
public func eddy_future_complete_threadsafe(
  _ future: eddy_future_t, _ value: UnsafeMutableRawPointer?, _ release: eddy_release_fn?
) -> eddy_status_t {
  var record = emptyPost(.complete)
  record.context = value
  record.release = release
  return send(record, to: future)
}

@c @implementation
public func eddy_future_fail_threadsafe(
  _ future: eddy_future_t, _ status: eddy_status_t, _ message: UnsafePointer<CChar>?
) -> eddy_status_t {
  if status >= 0 || status == EDDY_ECANCELED { return EDDY_EINVAL }
  var record = emptyPost(.fail)
  record.status = status
  record.message = copyText(message)
  return send(record, to: future)
}

@c @implementation
public func eddy_future_cancel_threadsafe(
  _ future: eddy_future_t, _ message: UnsafePointer<CChar>?
) -> eddy_status_t {
  var record = emptyPost(.cancel)
  record.message = copyText(message)
  return send(record, to: future)
}

@c @implementation
public func eddy_loop_data() -> UnsafeMutableRawPointer? {
  Loop.ofThread?.data
}

@c @implementation
public func eddy_loop_set_data(
  _ data: UnsafeMutableRawPointer?, _ release: eddy_release_fn?
) -> eddy_status_t {
  guard let loop = Loop.ofThread else {
    Gate.release(data, with: release)
    return Gate.refusal
  }
  loop.replaceData(data, release)
  return EDDY_OK
}

/// Posting is for any thread, but not for the child of a fork that has no loop of its own.
private var refusalToPost: eddy_status_t {
  Gate.refusal == EDDY_EFORKED ? EDDY_EFORKED : EDDY_OK
}

private func emptyPost(_ kind: PostKind) -> PostRecord {
  PostRecord(
    node: RemoteNode(next: nil),
    ready: Runnable(next: nil, run: nil, owner: nil, isQueued: false, isTask: false),
    kind: kind, status: EDDY_OK, target: 0, function: nil, context: nil,
    release: nil, message: nil)
}

private func send(_ record: PostRecord, to future: eddy_future_t) -> eddy_status_t {
  var record = record
  record.target = future.id
  let kind = Handle.kind(future.id)
  let isFuture = kind == HandleKind.future.rawValue || kind == HandleKind.task.rawValue
  let number = Handle.loopNumber(future.id)
  let loop = isFuture ? Registry.id(of: number) : 0
  if loop != 0, refusalToPost == EDDY_OK {
    let generation = loop & Handle.generationMask
    return Loop.postRemotely(record, number: number, generation: generation)
  }
  Memory.free(record.message)
  Gate.release(record.context, with: record.release)
  return refusalToPost == EDDY_OK ? EDDY_EBADHANDLE : refusalToPost
}
