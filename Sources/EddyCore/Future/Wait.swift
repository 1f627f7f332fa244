// Waiting for a completion: observing it, owning it, and reading what it gave.
//
// Invariants:
// 1. What is complete is returned, whatever the cancellation; the level is seen at the next cancel
//    point.
// 2. "I was cancelled" (EDDY_ECANCELED) and "it was cancelled" (EDDY_ETARGETCANCELED) never look
//    alike.
// 3. A waiter holds a pin from before it parks until it has read.
// Threads: the loop's, inside a fiber.

import CEddy

extension Ref where Record == LoopRecord {
  /// Observes: a cancellation detaches the waiter and leaves the target alone.
  @inline(__always)
  func observe(
    _ completion: CompletionRef, _ task: TaskRef,
    _ value: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
  ) -> eddy_status_t {
    if completion.state != .pending { return readWithinBudget(completion, task, value) }
    if isSelfOrAncestor(completion, of: task) { return fail(EDDY_EDEADLK) }
    if task.scope.isEffective { return failCancelPoint(task) }
    waitLinked(completion, task, .future) { raw in
      let task = TaskRef(raw: raw)
      let target = CompletionRef(raw: task.park.target.unsafelyUnwrapped)
      target.unlink(task.parkWaiter)
      return CancelAnswer.detached.rawValue
    }
    let status =
      completion.state == .pending ? failAfterWait(task) : read(completion, task, value)
    unpin(completion)
    return status
  }

  /// Owns: a cancellation is passed on to the target, and the wait lasts until that has ended.
  @inline(__always)
  func join(
    _ target: TaskRef, _ task: TaskRef, _ value: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
  ) -> eddy_status_t {
    let completion = target.completion
    if completion.state != .pending { return readWithinBudget(completion, task, value) }
    if isSelfOrAncestor(completion, of: task) { return fail(EDDY_EDEADLK) }
    if task.scope.isEffective { passCancel(from: task, to: target) }
    waitLinked(completion, task, .join) { raw in
      let task = TaskRef(raw: raw)
      let target = TaskRef(raw: task.park.target.unsafelyUnwrapped)
      Loop.running.passCancel(from: task, to: target)
      return CancelAnswer.pending.rawValue
    }
    let status = read(completion, task, value)
    unpin(completion)
    return status
  }

  /// Parks in the target's list of waiters, with a pin that the caller ends.
  @inline(__always) @discardableResult
  func waitLinked(
    _ completion: CompletionRef, _ task: TaskRef, _ kind: WaitKind, _ hook: CancelHook
  ) -> ParkState {
    let waiter = task.parkWaiter
    waiter.pointee.wake = { raw in Loop.running.wake(TaskRef(raw: raw)) }
    waiter.pointee.owner = task.raw
    pin(completion)
    completion.link(waiter)
    return park(task, kind, completion.raw, hook: hook)
  }

  @inline(__always)
  func readWithinBudget(
    _ completion: CompletionRef, _ task: TaskRef,
    _ value: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
  ) -> eddy_status_t {
    if task.budget == 1 {
      pin(completion)
      spendBudget(task)
      let status = read(completion, task, value)
      unpin(completion)
      return status
    }
    task.budget &-= 1
    return read(completion, task, value)
  }

  /// The outcome as a caller sees it; `task` is nil outside tasks.
  @inline(__always)
  func read(
    _ completion: CompletionRef, _ task: TaskRef?,
    _ value: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
  ) -> eddy_status_t {
    if completion.state == .done, !completion.isTaken {
      value?.pointee = completion.value
      return EDDY_OK
    }
    return readFailure(completion, task)
  }

  @inline(never)
  private func readFailure(_ completion: CompletionRef, _ task: TaskRef?) -> eddy_status_t {
    switch completion.state {
    case .pending:
      return fail(EDDY_EPENDING)
    case .done:
      return fail(EDDY_ETAKEN)
    case .failed:
      completion.isRead = true
      return fail(completion.status, completion.error?.retained())
    case .cancelled:
      if task?.scope.isEffective == true {
        return fail(EDDY_ECANCELED, completion.error?.retained())
      }
      guard let cause = completion.error else { return fail(EDDY_ETARGETCANCELED) }
      return fail(EDDY_ETARGETCANCELED, diagnostics.makeTargetCancelled(cause))
    }
  }

  /// Whether `completion` is the task itself, or one that the task is inside and that therefore
  /// waits for it.
  func isSelfOrAncestor(_ completion: CompletionRef, of task: TaskRef) -> Bool {
    guard completion.isTask else { return needsSelfOrAncestor(completion, task) }
    let target = TaskRef(raw: completion.raw)
    var cursor: ScopeRef? = task.scope
    while let scope = cursor {
      if scope.owner == target { return true }
      cursor = scope.parent
    }
    return false
  }

  /// The same of a combined future that is done only when all its members are. It is found from the
  /// other end, by who waits for the task and for those it is inside.
  @inline(never)
  private func needsSelfOrAncestor(_ completion: CompletionRef, _ task: TaskRef) -> Bool {
    guard FutureRef(raw: completion.raw).combination != nil else { return false }
    var cursor: ScopeRef? = task.scope
    while let scope = cursor {
      if let owner = scope.owner, needs(completion, owner.completion, depth: 0) { return true }
      cursor = scope.parent
    }
    return false
  }

  /// Nests as deep as combined futures do, up to a depth at which nobody looks.
  private func needs(_ target: CompletionRef, _ completion: CompletionRef, depth: Int) -> Bool {
    var cursor = completion.firstWaiter
    while let waiter = cursor {
      cursor = waiter.pointee.next
      guard waiter.pointee.isMember, let owner = waiter.pointee.owner,
        let combination = Ref<CombinationMember>(raw: owner).combination,
        let future = combination.future, FutureRef(raw: future.raw).mode.needsAll
      else { continue }
      if future == target || (depth < 8 && needs(target, future, depth: depth &+ 1)) { return true }
    }
    return false
  }
}
