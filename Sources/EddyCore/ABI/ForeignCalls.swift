// The header's calls about foreign tasks. Threads: the loop's.

import CEddy

@c @implementation
public func eddy_foreign_register(
  _ ops: UnsafePointer<eddy_foreign_ops_t>?
) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return Gate.refusal }
  let found = register(loop, ops)
  return found.status == EDDY_OK ? EDDY_OK : loop.fail(found.status)
}

private func register(
  _ loop: Loop, _ source: UnsafePointer<eddy_foreign_ops_t>?
) -> (status: eddy_status_t, runtime: Ref<ForeignRuntime>?) {
  guard let source else { return (EDDY_EINVAL, nil) }
  if let known = loop.findRuntime(source) { return (EDDY_OK, known) }
  var ops = eddy_foreign_ops_t()
  let status = read(source, into: &ops)
  if status != EDDY_OK { return (status, nil) }
  guard ops.start != nil, ops.reserved == 0 else { return (EDDY_EINVAL, nil) }
  let runtime = loop.registerRuntime(source, ops)
  return (runtime == nil ? EDDY_ENOMEM : EDDY_OK, runtime)
}

@c @implementation @_optimize(speed)
public func eddy_foreign_spawn_at(
  _ site: UnsafePointer<CChar>?, _ ops: UnsafePointer<eddy_foreign_ops_t>?,
  _ instance: UnsafeMutableRawPointer?, _ source: UnsafePointer<eddy_foreign_options_t>?,
  _ ret_task: UnsafeMutablePointer<eddy_task_t>?
) -> eddy_status_t {
  var options = eddy_foreign_options_t()
  let status = read(source, into: &options)
  guard let loop = Loop.ofThread else {
    let parent = options.parent.id
    return refuse(parent == 0 ? Gate.refusal : refuseThread(parent), nil, ops, instance)
  }
  if status != EDDY_OK { return refuse(status, loop, ops, instance) }
  let found = findParent(options.parent, loop)
  guard let parent = found.parent else { return refuse(found.status, loop, ops, instance) }
  let made = spawnForeign(loop, parent, site, ops, instance, options)
  guard let task = made.task else { return refuse(made.status, loop, ops, instance) }
  if let ret_task {
    task.completion.slot.word = 1
    ret_task.pointee = eddy_task_t(id: task.id)
  }
  return EDDY_OK
}

/// The scope that a foreign task is to run in: a group's, a task's root, or the loop's for null.
private func findParent(
  _ handle: eddy_scope_t, _ loop: Loop
) -> (status: eddy_status_t, parent: ScopeRef?) {
  if handle.id == 0 { return (EDDY_OK, loop.loopScope) }
  guard let scope = loop.findScope(handle.id), scope.isGroup || scope.isRoot else {
    return (loop.refuseHandle(handle.id), nil)
  }
  return (EDDY_OK, scope)
}

private func spawnForeign(
  _ loop: Loop, _ parent: ScopeRef, _ site: UnsafePointer<CChar>?,
  _ ops: UnsafePointer<eddy_foreign_ops_t>?, _ instance: UnsafeMutableRawPointer?,
  _ options: eddy_foreign_options_t
) -> (status: eddy_status_t, task: TaskRef?) {
  let isBody = options.flags & EDDY_SCOPE_BODY != 0
  let isBeside = options.flags & EDDY_SCOPE_BESIDE != 0
  if isBody ? !parent.isRoot : isBeside { return (EDDY_EINVAL, nil) }
  let form = scopeForm(
    flags: options.flags & ~(EDDY_SCOPE_BODY | EDDY_SCOPE_BESIDE), timeout: options.timeout_ns,
    grace: options.grace_ns,
    loop)
  guard let form else { return (EDDY_EINVAL, nil) }
  let found = register(loop, ops)
  guard let runtime = found.runtime else { return (found.status, nil) }
  let refusal = isBody && !parent.isSealed ? EDDY_OK : loop.refusalToSpawn(in: parent)
  if refusal != EDDY_OK { return (refusal, nil) }
  let given = loop.findGiven(options.context)
  if given.status != EDDY_OK { return (given.status, nil) }
  let request = SpawnRequest(
    parent: parent, context: instance, name: options.name, site: site, sharing: given.context)
  let task = loop.makeForeign(request, runtime, root: form)
  task?.isBody = isBody
  task?.isBeside = isBeside
  return (task == nil ? EDDY_ENOMEM : EDDY_OK, task)
}

/// A spawn is refused: the instance is released all the same.
private func refuse(
  _ status: eddy_status_t, _ loop: Loop?, _ source: UnsafePointer<eddy_foreign_ops_t>?,
  _ instance: UnsafeMutableRawPointer?
) -> eddy_status_t {
  var ops = eddy_foreign_ops_t()
  _ = read(source, into: &ops)
  Gate.release(instance, with: ops.release)
  return loop?.fail(status) ?? status
}

@c @implementation @_optimize(speed)
public func eddy_foreign_complete(
  _ task: eddy_task_t, _ status: eddy_status_t, _ value: UnsafeMutableRawPointer?,
  _ release: eddy_release_fn?
) -> eddy_status_t {
  guard let loop = Loop.ofThread else {
    Gate.release(value, with: release)
    return refuseThread(task.id)
  }
  guard let record = loop.tasks.find(task.id) else {
    Gate.release(value, with: release)
    return loop.refuseHandle(task.id)
  }
  let refusal = record.refusalToComplete(status)
  if refusal != EDDY_OK {
    if refusal == EDDY_EALREADY { loop.noteSettledAgain(record.completion) }
    Gate.release(value, with: release)
    return loop.fail(refusal)
  }
  loop.complete(record, status, value, release)
  return EDDY_OK
}

extension Ref where Record == TaskRecord {
  fileprivate func refusalToComplete(_ status: eddy_status_t) -> eddy_status_t {
    switch self.foreignPhase {
    case .none: EDDY_EPERM
    case .starting: EDDY_EINVAL
    case .closing, .ended: EDDY_EALREADY
    case .running: status > 0 ? EDDY_EINVAL : EDDY_OK
    }
  }
}

@c @implementation @_optimize(speed)
public func eddy_foreign_enter(
  _ task: eddy_task_t, _ ret_previous: UnsafeMutablePointer<eddy_task_t>?
) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return refuseThread(task.id) }
  let found = findForeign(task.id, loop)
  guard let record = found.task else { return found.status }
  guard let ret_previous else { return loop.fail(EDDY_EINVAL) }
  guard let entry = loop.enter(record) else { return loop.fail(EDDY_ENOMEM) }
  ret_previous.pointee = eddy_task_t(id: entry.previousID)
  return EDDY_OK
}

@c @implementation @_optimize(speed)
public func eddy_foreign_leave(_ previous: eddy_task_t) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return refuseThread(previous.id) }
  return loop.leave(previous.id) ? EDDY_OK : loop.fail(EDDY_EPERM)
}

/// A foreign task that has not ended.
@inline(never)
private func findForeign(
  _ id: UInt64, _ loop: Loop
) -> (status: eddy_status_t, task: TaskRef?) {
  guard let task = loop.tasks.find(id) else { return (loop.refuseHandle(id), nil) }
  if !task.isForeign { return (loop.fail(EDDY_EPERM), nil) }
  if task.completion.state != .pending { return (loop.fail(EDDY_EBADHANDLE), nil) }
  return (EDDY_OK, task)
}

@c @implementation
public func eddy_foreign_fail_checkpoint(
  _ task: eddy_task_t, _ ret_pause_ns: UnsafeMutablePointer<Int64>?
) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return refuseThread(task.id) }
  let found = findForeign(task.id, loop)
  guard let record = found.task else { return found.status }
  guard let ret_pause_ns else { return loop.fail(EDDY_EINVAL) }
  // Its code runs, whether or not it was entered.
  let outer = loop.current
  loop.current = record
  ret_pause_ns.pointee = loop.countFailure(record) ? failurePause : 0
  loop.current = outer
  return EDDY_OK
}
