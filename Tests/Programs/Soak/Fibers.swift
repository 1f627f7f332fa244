// C tasks: their operations through the header, on stacks of their own.
//
// Threads: the run's.

import CEddy

let fiberMain: eddy_task_fn = { raw in world.runFiber(index(of: raw)) }
private let callMain: eddy_task_fn = { raw in world.runCall(index(of: raw)) }
private let cleanupMain: eddy_task_fn = { raw in world.runCleanup(index(of: raw)) }

extension World {
  func runFiber(_ id: Int) -> eddy_status_t {
    let task = tasks[id]
    entered("T\(id)")
    if task.stage != .spawned { violate("T\(id) began as \(task.stage)") }
    task.stage = .running
    trace(task, "begins")
    note(id, -1, 0)
    if task.root.visibleSpan().isCertain(now, isSwift: false) {
      violate("T\(id) began though it was cancelled")
    }
    var this = eddy_task_t()
    _ = eddy_task_current(&this)
    if task.handle.id == 0 { task.handle = this }
    if this.id != task.handle.id { violate("T\(id) is not the current task") }
    var status = plain(block(task.spec.body, task))
    if status == -6 { status = eddy_fail_text(-6, "plain") }
    if status == EDDY_OK || id % 2 == 0 {
      task.value = newValue()
      if eddy_return(pointer(task.value), releaseValue) != EDDY_OK { violate("eddy_return") }
    }
    ended(task, status, isCancelled: checkLevel(task, eddy_cancelled() != 0, "ending"))
    return status
  }

  func block(_ ops: [Op], _ task: TaskState) -> eddy_status_t {
    for op in ops {
      let status = perform(op, task)
      trace(task, "[\(op.id)] \(op.text) -> \(name(status))")
      note(task.id, op.id, status)
      if status != EDDY_OK, op.tries || op.kind == .fail || op.kind == .foreignCancel {
        return status
      }
    }
    return EDDY_OK
  }

  private func perform(_ op: Op, _ task: TaskState) -> eddy_status_t {
    let wasCancelled = checkLevel(task, eddy_cancelled() != 0, "at [\(op.id)]")
    switch op.kind {
    case .plain, .group, .timeout, .shield:
      executed[op.kind.rawValue] += 1
      return scope(op, task)
    case .sleep, .yield, .checkpoint, .waitFuture, .join, .wait:
      executed[op.kind.rawValue] += 1
      defer { task.waiting = .not }
      switch op.kind {
      case .waitFuture: return waitForFuture(op, task, wasCancelled)
      case .join, .wait: return waitForTask(op, task, wasCancelled)
      default: return pause(op, task, wasCancelled)
      }
    case .cleanup:
      executed[op.kind.rawValue] += 1
      return deferred(op, task)
    case .fail:
      executed[op.kind.rawValue] += 1
      return op.id % 2 == 0 ? op.status : eddy_fail_text(op.status, "on purpose")
    case .foreignCancel:
      executed[op.kind.rawValue] += 1
      // With cleanup to do, what it becomes depends on what is cancelled meanwhile.
      return task.cleanupsLeft > 0 ? EDDY_OK : EDDY_ECANCELED
    default:
      return call(op, by: task)
    }
  }

  // MARK: Waiting

  private func pause(_ op: Op, _ task: TaskState, _ wasCancelled: Bool) -> eddy_status_t {
    let scope = task.current
    let begin = now
    let length = op.time * 1_000_000
    task.waiting = .timed
    let status: eddy_status_t
    switch op.kind {
    case .sleep:
      status = eddy_sleep(fault == .earlyWake && op.time > 2 ? length - 1_000_000 : length)
    case .yield: status = eddy_yield()
    default: status = eddy_checkpoint()
    }
    if task.current !== scope { violate("T\(task.id) woke in another scope") }
    let isCancelled = checkLevel(task, eddy_cancelled() != 0, "after [\(op.id)]")
    if status != EDDY_OK, status != EDDY_ECANCELED || !isCancelled {
      violate("[\(op.id)] gave \(name(status)) where nothing is cancelled")
    }
    if status == EDDY_OK, wasCancelled { violate("[\(op.id)] passed in a cancelled scope") }
    if status == EDDY_OK, isCancelled, op.kind == .yield || op.kind == .sleep && op.time == 0 {
      violate("[\(op.id)] passed though cancelled when it ran again")
    }
    if op.kind == .sleep, status == EDDY_OK, now != begin + length {
      violate("[\(op.id)] slept \(now - begin) ns, not \(length)")
    }
    return status
  }

  private func waitForFuture(_ op: Op, _ task: TaskState, _ wasCancelled: Bool) -> eddy_status_t {
    let before = futures[op.target].stage
    var value: UnsafeMutableRawPointer?
    task.waiting = .future(op.target)
    let status = eddy_future_wait(futures[op.target].handle, &value)
    let isCancelled = checkLevel(task, eddy_cancelled() != 0, "after [\(op.id)]")
    if status == EDDY_ECANCELED, !isCancelled { violate("[\(op.id)] gave ECANCELED") }
    if before == .pending, wasCancelled {
      if status != EDDY_ECANCELED { violate("[\(op.id)] waited in a cancelled scope") }
      return status
    }
    checkFuture(op, status, index(of: value), isPendingRight: false)
    return status
  }

  private func waitForTask(_ op: Op, _ task: TaskState, _ wasCancelled: Bool) -> eddy_status_t {
    let target = tasks[op.target]
    guard target.isHeld else { return EDDY_OK }
    let wasLive = isLive(target)
    let isAround = target.root.isSeen(around: task.current)
    // A ring of joins has no good end, so only an ancestor is joined against the order.
    let joins = op.kind == .join
    var value: UnsafeMutableRawPointer?
    task.waiting = .task(op.target)
    let scope = task.current!
    if joins { target.root.joiners.append((scope, now)) }
    let status =
      joins
      ? eddy_task_join(target.handle, &value)
      : eddy_future_wait(eddy_task_future(target.handle), &value)
    if joins {
      target.root.joiners.removeAll { $0.scope === scope }
      if scope.visibleSpan().isPossible(now) { target.root.own.allow(0) }
    }
    let isCancelled = checkLevel(task, eddy_cancelled() != 0, "after [\(op.id)]")
    if isAround, status != EDDY_EDEADLK { violate("[\(op.id)] gave \(name(status))") }
    // It fails at its entry, and yields: what ends meanwhile is not what it waited for.
    if wasCancelled, wasLive, !joins, !isAround {
      if status != EDDY_ECANCELED { violate("[\(op.id)] waited in a cancelled scope") }
      return status
    }
    checkRead(
      op, by: task, status, value: target.isSwift ? nil : index(of: value), isCancelled: isCancelled
    )
    return status
  }

  // MARK: Scopes

  private func scope(_ op: Op, _ task: TaskState) -> eddy_status_t {
    let scope = Scope("S\(op.id)", in: task.current, owner: task.id, now)
    let length = op.time * 1_000_000
    var options = eddy_scope_options_t()
    options.size = UInt32(MemoryLayout<eddy_scope_options_t>.size)
    scope.isGroup = op.kind == .group
    scope.isShield = op.kind == .shield
    if scope.isGroup { options.flags |= EDDY_SCOPE_GROUP }
    if scope.isShield {
      options.flags |= EDDY_SCOPE_SHIELD
      options.grace_ns = length
      scope.grace = length
    }
    if op.hasDeadline { options.timeout_ns = length }
    if op.kind == .timeout || op.hasDeadline { scope.deadline = now + length }
    scopes[op.id] = scope
    if op.isCall { return bound(scope, op, &options, task) }
    let opened: eddy_status_t
    switch op.kind {
    case .group: opened = eddy_group_open_at(nil, &scope.handle, &options)
    case .timeout: opened = eddy_timeout_open_at(nil, &scope.handle, length, &options)
    case .shield: opened = eddy_shield_open_at(nil, &scope.handle, &options)
    default: opened = eddy_scope_open_at(nil, &scope.handle, &options)
    }
    if opened != EDDY_OK { violate("opening [\(op.id)] gave \(name(opened))") }
    task.current = scope
    let body = block(op.body, task)
    if task.current !== scope { violate("[\(op.id)] ends in another scope") }
    return close(scope, body, task)
  }

  /// A scope that is bound to a call.
  private func bound(
    _ scope: Scope, _ op: Op, _ options: inout eddy_scope_options_t, _ task: TaskState
  ) -> eddy_status_t {
    let number = calls.count
    calls.append((op, scope, task))
    var value: UnsafeMutableRawPointer?
    let result =
      op.kind == .timeout
      ? eddy_with_timeout_at(nil, op.time * 1_000_000, callMain, pointer(number), &value)
      : eddy_call_at(nil, &options, callMain, pointer(number), &value)
    task.waiting = .not
    scope.isClosed = true
    if !scope.hasBodyRun { violate("\(scope.name) did not run: \(name(result))") }
    task.current = scope.parent
    let isOuter = checkLevel(task, eddy_cancelled() != 0, "after \(scope.name)")
    checkClose(
      scope, scope.bodyStatus, result, own: scope.ownChoices, outer: [isOuter],
      byDeadline: scope.deadline <= scope.closing ? [false, true] : [false])
    if result == EDDY_EGROUP, scope.isGroup {
      let isForeign = scope.bodyStatus == EDDY_ECANCELED && !isOuter && scope.ownChoices == [false]
      if isForeign || scope.bodyStatus != EDDY_ECANCELED {
        let body = isForeign ? EDDY_EFOREIGNCANCEL : scope.bodyStatus
        checkErrors(scope, body: body, currentErrors())
      }
    }
    if result == EDDY_OK, scope.bodyStatus == EDDY_OK, index(of: value) != scope.value {
      violate("\(scope.name) gave value \(index(of: value)), not \(scope.value)")
    }
    return result
  }

  fileprivate func runCall(_ number: Int) -> eddy_status_t {
    let (op, scope, task) = calls[number]
    entered("S\(op.id)")
    if scope.hasBodyRun { violate("S\(op.id) ran twice") }
    scope.hasBodyRun = true
    task.current = scope
    let status = block(op.body, task)
    scope.value = newValue()
    if eddy_return(pointer(scope.value), releaseValue) != EDDY_OK { violate("eddy_return") }
    let own = scope.ownSpan()
    let mustBeOwn = own.isCertain(now, isSwift: false)
    scope.ownChoices = own.isPossible(now) && !mustBeOwn ? [false, true] : [mustBeOwn]
    if status != EDDY_OK { scope.own.allow(now) }
    scope.bodyStatus = status
    scope.closing = now
    task.waiting = .children
    return status
  }

  private func close(_ scope: Scope, _ body: eddy_status_t, _ task: TaskState) -> eddy_status_t {
    let own = scope.ownSpan()
    let mayBeOwn = own.isPossible(now)
    let mustBeOwn = own.isCertain(now, isSwift: false)
    if body != EDDY_OK { scope.own.allow(now) }
    scope.closing = now
    var info = eddy_close_info_t()
    info.size = UInt32(MemoryLayout<eddy_close_info_t>.size)
    task.waiting = .children
    let result = eddy_scope_close_info(scope.handle, body, &info)
    task.waiting = .not
    scope.isClosed = true
    task.current = scope.parent
    let isOuter = checkLevel(task, eddy_cancelled() != 0, "after \(scope.name)")
    let isOwn = info.cancelled != 0
    if isOwn ? !mayBeOwn : mustBeOwn {
      violate("\(scope.name) was\(isOwn ? "" : " not") cancelled itself when its close began")
    }
    let byDeadline = isOwn && info.reason.code == EDDY_REASON_DEADLINE
    if byDeadline || info.expired != 0, scope.deadline > now {
      violate("\(scope.name) expired before its time")
    }
    checkClose(
      scope, body, result, own: [isOwn], outer: [isOuter], byDeadline: [byDeadline])
    if result == EDDY_EGROUP, scope.isGroup {
      let isForeign = body == EDDY_ECANCELED && !isOwn && !isOuter
      checkErrors(scope, body: isForeign ? EDDY_EFOREIGNCANCEL : body, currentErrors())
    }
    return result
  }

  private func currentErrors() -> [eddy_status_t] {
    var error = eddy_error_t()
    guard eddy_error_current(&error) == EDDY_OK else { return [] }
    defer { _ = eddy_error_release(error) }
    return (0..<eddy_error_child_count(error)).map { index in
      var child = eddy_error_t()
      guard eddy_error_child(error, index, &child) == EDDY_OK else { return EDDY_EINVAL }
      return eddy_error_status(child)
    }
  }

  // MARK: Cleanup

  private func deferred(_ op: Op, _ task: TaskState) -> eddy_status_t {
    let number = cleanups.count
    cleanups.append((op, task.current, task))
    let status = quietly { eddy_defer(cleanupMain, pointer(number)) }
    if status != EDDY_OK { violate("eddy_defer gave \(name(status))") }
    task.current.cleanups.append(number)
    task.cleanupsLeft += 1
    return status
  }

  fileprivate func runCleanup(_ number: Int) -> eddy_status_t {
    let (op, scope, task) = cleanups[number]
    entered("[\(op.id)]")
    trace(task, "[\(op.id)] runs")
    if scope.cleanups.last != number { violate("[\(op.id)] ran out of order") }
    if scope.closing == never, !scope.isForCleanup { violate("[\(op.id)] ran early") }
    if scope.cleanups.last == number { scope.cleanups.removeLast() }
    checkChildren(scope)
    let outside = task.current
    let shield: Scope
    if scope.isForCleanup {
      shield = scope
    } else if let made = scope.cleanupShield {
      shield = made
    } else {
      shield = Scope("cleanup of \(scope.name)", in: scope, owner: task.id, now)
      shield.isShield = true
      shield.isForCleanup = true
      shield.grace = scope.grace
      scope.cleanupShield = shield
    }
    task.current = shield
    let status = block(op.body, task)
    task.current = outside
    task.cleanupsLeft -= 1
    note(task.id, op.id, status)
    return status
  }
}
