// The header's calls that run a loop of our own, and the one that stops it. Threads: the loop's.

import CEddy

@c @implementation
public func eddy_loop_run(
  _ loop: eddy_loop_t, _ fn: eddy_task_fn?, _ context: UnsafeMutableRawPointer?,
  _ ret_value: ValueOut?
) -> eddy_status_t {
  eddy_loop_run_with(loop, fn, context, nil, ret_value)
}

@c @implementation
public func eddy_loop_run_with(
  _ loop: eddy_loop_t, _ fn: eddy_task_fn?, _ context: UnsafeMutableRawPointer?,
  _ source: UnsafePointer<eddy_spawn_options_t>?, _ ret_value: ValueOut?
) -> eddy_status_t {
  let found = findRunnable(loop)
  guard let record = found.loop else { return refuseSpawn(found.status, nil, context, source) }
  var options = eddy_spawn_options_t()
  var given = (status: EDDY_OK, context: ContextRef?.none)
  if source != nil { given = readSpawnOptions(source, &options, record) }
  if fn == nil { given.status = EDDY_EINVAL }
  guard given.status == EDDY_OK, let fn else {
    return refuseSpawn(given.status, record, context, source)
  }
  var request = record.rootRequest(context)
  request.name = options.name
  if let context = given.context { request.sharing = context }
  let bytes = options.stack_bytes == 0 ? 0 : Ref<StackPool>.rounded(Int(options.stack_bytes))
  guard
    let root = record.makeRoot(
      request, fn, release: options.release_context, stackBytes: bytes)
  else { return refuseSpawn(EDDY_ENOMEM, record, context, source) }
  let status = record.run(root: root)
  return status == EDDY_OK ? eddy_future_result(eddy_future_t(id: root.id), ret_value) : status
}

@c @implementation
public func eddy_loop_run_until(
  _ loop: eddy_loop_t, _ future: eddy_future_t, _ ret_value: ValueOut?
) -> eddy_status_t {
  let found = findRunnable(loop)
  guard let record = found.loop else { return found.status }
  guard let completion = record.findCompletion(future.id) else {
    return record.refuseHandle(future.id)
  }
  _ = eddy_future_retain(future)
  var status = EDDY_OK
  if completion.state == .pending { status = record.drive(to: .end(of: completion)) }
  status = status == EDDY_OK ? eddy_future_result(future, ret_value) : record.fail(status)
  _ = eddy_future_release(future)
  return status
}

@c @implementation
public func eddy_loop_run_forever(_ loop: eddy_loop_t) -> eddy_status_t {
  let found = findRunnable(loop)
  guard let record = found.loop else { return found.status }
  let status = record.drive(to: .never)
  return status == EDDY_ESTOPPED ? EDDY_OK : record.fail(status)
}

@c @implementation
public func eddy_loop_stop(_ loop: eddy_loop_t) -> eddy_status_t {
  let found = findLoop(loop)
  guard let record = found.loop else { return found.status }
  if record.core.host != nil { return record.fail(EDDY_EPERM) }
  if record.isShutDown { return record.fail(EDDY_ECLOSED) }
  record.stop()
  return EDDY_OK
}

/// A loop of our own that can be run now.
private func findRunnable(_ loop: eddy_loop_t) -> (status: eddy_status_t, loop: Loop?) {
  let found = findLoop(loop)
  guard let record = found.loop else { return found }
  if record.core.host != nil { return (record.fail(EDDY_EPERM), nil) }
  if record.core.isRunning { return (record.fail(EDDY_EBUSY), nil) }
  if record.isShutDown { return (record.fail(EDDY_ECLOSED), nil) }
  return found
}
