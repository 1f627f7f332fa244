// The header's calls about tasks. Threads: the loop's, unless the header says any.

import CEddy

@c @implementation @_optimize(speed)
public func eddy_task_spawn_at(
  _ site: UnsafePointer<CChar>?, _ fn: eddy_task_fn?, _ context: UnsafeMutableRawPointer?,
  _ options: UnsafePointer<eddy_spawn_options_t>?, _ ret_task: UnsafeMutablePointer<eddy_task_t>?
) -> eddy_status_t {
  guard let loop = Loop.ofThread else {
    return refuseSpawn(Gate.refusal, nil, context, options)
  }
  return spawn(loop, loop.loopScope, site, fn, context, options, ret_task)
}

@c @implementation @_optimize(speed)
public func eddy_group_spawn_at(
  _ site: UnsafePointer<CChar>?, _ group: eddy_scope_t, _ fn: eddy_task_fn?,
  _ context: UnsafeMutableRawPointer?, _ options: UnsafePointer<eddy_spawn_options_t>?,
  _ ret_task: UnsafeMutablePointer<eddy_task_t>?
) -> eddy_status_t {
  guard let loop = Loop.ofThread else {
    return refuseSpawn(refuseThread(group.id), nil, context, options)
  }
  guard let parent = loop.findScope(group.id), parent.isGroup else {
    return refuseSpawn(loop.refuseHandle(group.id), loop, context, options)
  }
  return spawn(loop, parent, site, fn, context, options, ret_task)
}

/// One copy for both.
@inline(never)
@_optimize(speed)
private func spawn(
  _ loop: Loop, _ parent: ScopeRef, _ site: UnsafePointer<CChar>?, _ fn: eddy_task_fn?,
  _ context: UnsafeMutableRawPointer?, _ source: UnsafePointer<eddy_spawn_options_t>?,
  _ ret_task: UnsafeMutablePointer<eddy_task_t>?
) -> eddy_status_t {
  var options = eddy_spawn_options_t()
  var given = (status: EDDY_OK, context: ContextRef?.none)
  if source != nil { given = readSpawnOptions(source, &options, loop) }
  if given.status == EDDY_OK { given.status = loop.refusalToSpawn(in: parent) }
  guard given.status == EDDY_OK, let fn else {
    return refuseSpawn(given.status == EDDY_OK ? EDDY_EINVAL : given.status, loop, context, source)
  }
  let stackBytes =
    options.stack_bytes == 0
    ? loop.stackBytes : Ref<StackPool>.rounded(Int(options.stack_bytes))
  var request = SpawnRequest(
    parent: parent, context: context, name: options.name, site: site, sharing: given.context)
  request.isEager = options.flags & EDDY_SPAWN_EAGER != 0 && loop.canStepEagerly
  guard
    let task = loop.makeFiber(
      request, fn, release: options.release_context, stackBytes: stackBytes)
  else { return refuseSpawn(EDDY_ENOMEM, loop, context, source) }
  if let ret_task {
    task.completion.slot.word = 1
    ret_task.pointee = eddy_task_t(id: task.id)
  }
  if request.isEager { loop.runEagerStep(of: task) }
  return EDDY_OK
}

func readSpawnOptions(
  _ source: UnsafePointer<eddy_spawn_options_t>?, _ options: inout eddy_spawn_options_t,
  _ loop: Loop
) -> (status: eddy_status_t, context: ContextRef?) {
  let status = read(source, into: &options)
  if status != EDDY_OK { return (status, nil) }
  let isKnown = options.flags & ~EDDY_SPAWN_EAGER == 0
  guard isKnown, isStackSize(options.stack_bytes) else { return (EDDY_EINVAL, nil) }
  return loop.findGiven(options.context)
}

/// A spawn is refused: the context is released all the same.
@inline(never)
func refuseSpawn(
  _ status: eddy_status_t, _ loop: Loop?, _ context: UnsafeMutableRawPointer?,
  _ source: UnsafePointer<eddy_spawn_options_t>?
) -> eddy_status_t {
  var options = eddy_spawn_options_t()
  _ = read(source, into: &options)
  Gate.release(context, with: options.release_context)
  return loop?.fail(status) ?? status
}

@c @implementation
public func eddy_return(
  _ value: UnsafeMutableRawPointer?, _ release: eddy_release_fn?
) -> eddy_status_t {
  guard let loop = Loop.ofThread, let task = loop.fiber else {
    Gate.release(value, with: release)
    return refuseFiber()
  }
  loop.dropReturn(of: task)
  task.restoreReturn(ReturnedValue(hasValue: true, value: value, release: release))
  return EDDY_OK
}

@c @implementation @_optimize(speed)
public func eddy_task_join(_ task: eddy_task_t, _ ret_value: ValueOut?) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return refuseThread(task.id) }
  guard let target = loop.tasks.find(task.id) else { return loop.refuseHandle(task.id) }
  guard let (_, fiber) = enterFiber() else { return refuseFiber() }
  return loop.join(target, fiber, ret_value)
}

@c @implementation
public func eddy_task_cancel(
  _ task: eddy_task_t, _ message: UnsafePointer<CChar>?
) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return refuseThread(task.id) }
  guard let target = loop.tasks.find(task.id) else { return loop.refuseHandle(task.id) }
  return loop.cancelTask(target, message)
}

@c @implementation
public func eddy_task_future(_ task: eddy_task_t) -> eddy_future_t {
  eddy_future_t(id: Handle.kind(task.id) == HandleKind.task.rawValue ? task.id : 0)
}

@c @implementation
public func eddy_task_scope(_ task: eddy_task_t) -> eddy_scope_t {
  guard Handle.kind(task.id) == HandleKind.task.rawValue else { return eddy_scope_t(id: 0) }
  return eddy_scope_t(id: Handle.with(kind: .rootScope, task.id))
}

@c @implementation
public func eddy_task_current(_ ret_task: UnsafeMutablePointer<eddy_task_t>?) -> eddy_status_t {
  guard let loop = Loop.ofThread, let task = loop.current else { return refuseFiber() }
  guard let ret_task else { return loop.fail(EDDY_EINVAL) }
  ret_task.pointee = eddy_task_t(id: task.id)
  return EDDY_OK
}

@c @implementation
public func eddy_task_retain(_ task: eddy_task_t) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return refuseThread(task.id) }
  guard let record = loop.tasks.find(task.id) else { return loop.refuseHandle(task.id) }
  record.completion.slot.word &+= 1
  return EDDY_OK
}

@c @implementation @_optimize(speed)
public func eddy_task_release(_ task: eddy_task_t) -> eddy_status_t {
  if task.id == 0 { return EDDY_OK }
  guard let loop = Loop.boundToThread else { return refuseThread(task.id) }
  guard let record = loop.tasks.find(task.id), record.completion.slot.word > 0 else {
    return loop.refuseHandle(task.id)
  }
  loop.releaseReference(record.completion)
  return EDDY_OK
}

@c @implementation
public func eddy_task_local() -> UnsafeMutableRawPointer? {
  Loop.ofThread?.current?.local
}

@c @implementation
public func eddy_task_set_local(_ local: UnsafeMutableRawPointer?) -> eddy_status_t {
  guard let loop = Loop.ofThread, let task = loop.current else { return refuseFiber() }
  task.local = local
  return EDDY_OK
}

@c @implementation
public func eddy_task_var_get(
  _ task: eddy_task_t, _ variable: UnsafePointer<eddy_var_t>?, _ ret_value: ValueOut?
) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return refuseThread(task.id) }
  guard let record = loop.tasks.find(task.id), record.completion.state == .pending else {
    return loop.refuseHandle(task.id)
  }
  return readVariable(variable, in: record.contextPlace, loop, ret_value)
}

@c @implementation
public func eddy_task_info(
  _ task: eddy_task_t, _ ret_info: UnsafeMutablePointer<eddy_task_info_t>?
) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return refuseThread(task.id) }
  guard let record = loop.tasks.find(task.id) else { return loop.refuseHandle(task.id) }
  let status = checkOutput(ret_info)
  guard status == EDDY_OK, let ret_info else { return loop.fail(status) }
  var info = eddy_task_info_t()
  loop.describe(record, to: &info)
  write(&info, to: ret_info)
  return EDDY_OK
}
