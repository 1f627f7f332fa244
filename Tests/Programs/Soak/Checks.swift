// What is compared with the model after each step: the level, a close, a reading, an end.
//
// Threads: the run's.

import CEddy

extension World {
  /// What the core says of the current scope's cancellation, which must be within the model's span.
  @discardableResult
  func checkLevel(_ task: TaskState, _ isCancelled: Bool, _ place: String) -> Bool {
    let scope = task.current!
    let span = scope.visibleSpan()
    if isCancelled, !span.isPossible(now) {
      violate("T\(task.id) \(place): cancelled in \(scope.name), and nothing cancelled it")
    }
    if !isCancelled, span.isCertain(now, isSwift: task.isSwift) {
      violate("T\(task.id) \(place): not cancelled in \(scope.name), which is")
    }
    if scope.hasSeen, !isCancelled { violate("T\(task.id) \(place): the level was lost") }
    if isCancelled { scope.hasSeen = true }
    return isCancelled
  }

  func isLive(_ task: TaskState) -> Bool {
    var info = eddy_task_info_t()
    info.size = UInt32(MemoryLayout<eddy_task_info_t>.size)
    let status = quietly { eddy_task_info(task.handle, &info) }
    return status == EDDY_OK && info.state < EDDY_TASK_DONE
  }

  // MARK: Ends of tasks

  /// What a task function may end with: what would be read as something else becomes -6.
  func plain(_ status: eddy_status_t) -> eddy_status_t {
    switch status {
    case EDDY_ETARGETCANCELED, EDDY_ETAKEN, EDDY_EPENDING, EDDY_EBADHANDLE, EDDY_EDEADLK: -6
    default: status
    }
  }

  func ended(_ task: TaskState, _ status: eddy_status_t, isCancelled: Bool) {
    if task.current !== task.root { violate("T\(task.id) ends inside \(task.current.name)") }
    let outcome = status == EDDY_ECANCELED && !isCancelled ? EDDY_EFOREIGNCANCEL : status
    task.outcome = outcome
    task.stage = .returned
    task.root.closing = now
    note(task.id, -2, outcome)
    trace(task, "ends with \(name(outcome))")
    guard outcome != EDDY_OK else { return }
    task.root.own.allow(now)
    guard outcome != EDDY_ECANCELED, let group = task.root.parent, group.isGroup else { return }
    if task.cleanupsLeft == 0 {
      group.own.setAfter(now)
    } else {
      group.own.allow(now)
      group.isOrderKnown = false
    }
    group.addFailure(outcome, isSwift: task.isSwift, now)
    task.wasInGroup = true
  }

  /// A task that ended without having begun: only a cancellation does that.
  func endedUnbegun(_ task: TaskState) {
    guard task.stage == .spawned else { return }
    if !task.root.visibleSpan().isPossible(now) {
      violate("T\(task.id) ended before it began, and nothing cancelled it")
    }
    task.stage = .returned
    task.outcome = EDDY_ECANCELED
  }

  // MARK: Closing

  func checkChildren(_ scope: Scope) {
    for child in scope.children.map({ tasks[$0] }) {
      if child.stage == .running { violate("\(scope.name) was left by T\(child.id) that runs") }
      endedUnbegun(child)
    }
  }

  /// Errors of a group: its children's in completion order, then the body's.
  func checkErrors(_ scope: Scope, body: eddy_status_t, _ errors: [eddy_status_t]) {
    let children = fault == .reversedErrors ? scope.failures.reversed() : scope.failures
    var wanted = [children]
    if body != EDDY_OK, body != EDDY_ECANCELED {
      wanted = children.contains(body) ? [children, children + [body]] : [children + [body]]
    } else if body == EDDY_ECANCELED {
      // A body that is shielded may end with the cancellation of what it was refused.
      wanted.insert(children + [EDDY_EFOREIGNCANCEL], at: 0)
    }
    let isRight = wanted.contains { list in
      scope.isOrderKnown ? list == errors : list.sorted() == errors.sorted()
    }
    if !isRight {
      violate("\(scope.name) has the errors \(name(errors)), not \(name(wanted.last!))")
    }
  }

  /// All that the model allows for what it is not sure of.
  func checkClose(
    _ scope: Scope, _ body: eddy_status_t, _ result: eddy_status_t,
    own: [Bool], outer: [Bool], byDeadline: [Bool]
  ) {
    checkChildren(scope)
    if !scope.cleanups.isEmpty { violate("\(scope.name) was left with \(scope.cleanups) to do") }
    var allowed: [eddy_status_t] = []
    for own in own {
      for outer in outer {
        for byDeadline in byDeadline {
          let close = Closing(
            status: body, isGroup: scope.isGroup, hasChildErrors: !scope.failures.isEmpty,
            own: own, outer: outer, byDeadline: byDeadline)
          allowed.append(verdict(close, fault))
        }
      }
    }
    if !allowed.contains(result) {
      violate(
        "\(scope.name) ended with \(name(result)) after a body of \(name(body)), "
          + "not one of \(name(allowed))")
    }
  }

  // MARK: Reading

  /// A wait, a join or a look at a task gave a status, and a value if that is EDDY_OK.
  func checkRead(
    _ op: Op, by reader: TaskState?, _ status: eddy_status_t, value: Int?, isCancelled: Bool
  ) {
    let target = tasks[op.target]
    let who = "T\(target.id), read by \(reader.map { "T\($0.id)" } ?? "nobody"),"
    if !target.isHeld, status == EDDY_EBADHANDLE { return }
    if status == EDDY_EDEADLK {
      if reader.map({ target.root.isSeen(around: $0.current) }) != true {
        violate("\(who) is no ancestor")
      }
      return
    }
    if target.isHeld, isLive(target) {
      if status != EDDY_ECANCELED { violate("\(who) gave \(name(status)) before its end") }
      if op.kind == .join { violate("\(who) was joined before its end") }
      if !isCancelled { violate("\(who) gave ECANCELED to a reader that is not cancelled") }
      return
    }
    if !target.isHeld, status == EDDY_ECANCELED, op.kind == .wait {
      // The handle was dropped meanwhile: nobody can ask whether the task lives.
      if !isCancelled { violate("\(who) gave ECANCELED to a reader that is not cancelled") }
      return
    }
    endedUnbegun(target)
    switch status {
    case EDDY_ECANCELED:
      if !isCancelled { violate("\(who) gave ECANCELED to a reader that is not cancelled") }
      if target.isHeld, target.outcome != EDDY_ECANCELED {
        violate("\(who) ended with \(name(target.outcome ?? 0)), which was lost")
      }
    case EDDY_ETARGETCANCELED:
      if target.outcome != EDDY_ECANCELED { violate("\(who) did not end cancelled") }
      if isCancelled, op.kind != .takeTask { violate("\(who) gave ETARGETCANCELED") }
    case EDDY_ETAKEN:
      if !target.isTaken { violate("\(who) has a value that nobody took") }
    case EDDY_OK:
      checkValue(target, who, value)
    default:
      target.wasRead = true
      if target.outcome != status {
        violate("\(who) gave \(name(status)), and ended with \(name(target.outcome ?? 1))")
      }
    }
  }

  private func checkValue(_ target: TaskState, _ who: String, _ value: Int?) {
    if target.outcome != EDDY_OK { violate("\(who) ended with \(name(target.outcome ?? 1))") }
    if target.isTaken { violate("\(who) gave a value that was taken") }
    target.reads += 1
    let expected = fault == .lostValue && target.reads > 1 ? -1 : target.value
    if let value, value != expected { violate("\(who) gave value \(value), not \(target.value)") }
    if target.isHeld, target.value >= 0, values[target.value] > 0 {
      violate("\(who) has a value that was released")
    }
  }
}
