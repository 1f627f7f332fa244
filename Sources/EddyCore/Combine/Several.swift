// Waiting on a fiber for several futures, and reading what they gave.
//
// Invariants:
// 1. The combined future of a wait has one reference, which the wait ends.
// 2. What is decided is given, whatever the cancellation (M3).
// Threads: the loop's, inside a fiber.

import CEddy

extension Ref where Record == LoopRecord {
  /// Waits for what the request asks for. EDDY_OK: `combination` holds its members, and the caller
  /// releases `future`; else there is nothing to release.
  func waitForSeveral(
    _ request: CombinationRequest, _ task: TaskRef
  ) -> (status: eddy_status_t, future: CompletionRef?) {
    let made = combine(request)
    guard let future = made.future else { return (made.status, nil) }
    let completion = CompletionRef(future)
    let status: eddy_status_t
    if request.mode.isOwning {
      status = own(completion, task, nil)
    } else {
      status = watchSeveral(completion, task)
    }
    if status == EDDY_OK { return (EDDY_OK, completion) }
    completion.isRead = true
    drop(completion)
    // A member that was cancelled with the caller says no more than that.
    if status == EDDY_ETARGETCANCELED, task.scope.isEffective {
      return (fail(EDDY_ECANCELED), nil)
    }
    return (status, nil)
  }

  // One copy each of what is inlined where every nanosecond counts.

  @inline(never)
  func lookUp(_ id: UInt64) -> CompletionRef? { findCompletion(id) }

  @inline(never)
  func drop(_ completion: CompletionRef) { releaseReference(completion) }

  @inline(never)
  func letGo(_ completion: CompletionRef) { unpin(completion) }

  @inline(never) @discardableResult
  private func park(
    _ completion: CompletionRef, _ task: TaskRef, _ kind: WaitKind, _ hook: CancelHook
  ) -> ParkState {
    let outcome = waitLinked(completion, task, kind, hook)
    letGo(completion)
    return outcome
  }

  @inline(never)
  func spend(_ task: TaskRef) { spendBudget(task) }

  @inline(never)
  private func readNow(
    _ completion: CompletionRef, _ task: TaskRef,
    _ value: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
  ) -> eddy_status_t {
    read(completion, task, value)
  }

  @inline(never)
  private func readDone(
    _ completion: CompletionRef, _ task: TaskRef,
    _ value: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
  ) -> eddy_status_t {
    pin(completion)
    spend(task)
    let status = readNow(completion, task, value)
    letGo(completion)
    return status
  }

  /// Parks until the completion's waiters are woken; a cancellation ends the wait. The caller has a
  /// pin. Whether they were.
  @discardableResult
  func waitDetachably(_ completion: CompletionRef, _ task: TaskRef) -> Bool {
    let outcome = park(completion, task, .several) { raw in
      let task = TaskRef(raw: raw)
      CompletionRef(raw: task.park.target.unsafelyUnwrapped).unlink(task.parkWaiter)
      return CancelAnswer.detached.rawValue
    }
    return outcome == .completed
  }

  private func watchSeveral(_ completion: CompletionRef, _ task: TaskRef) -> eddy_status_t {
    if completion.state != .pending { return readDone(completion, task, nil) }
    if task.scope.isEffective { return failCancelPoint(task) }
    waitDetachably(completion, task)
    // It is due when what it waits for has come, though its own step may be to come.
    let isDue = FutureRef(completion).combination?.isDue == true
    return completion.state != .pending || isDue ? EDDY_OK : failAfterWait(task)
  }

  /// Owns any completion: a cancellation is passed on to it, and the wait lasts until it has ended.
  @inline(never)
  func own(
    _ completion: CompletionRef, _ task: TaskRef,
    _ value: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
  ) -> eddy_status_t {
    if completion.state != .pending { return readDone(completion, task, value) }
    if isSelfOrAncestor(completion, of: task) { return fail(EDDY_EDEADLK) }
    pin(completion)
    if task.scope.isEffective { passOn(from: task, to: completion) }
    if completion.state == .pending {
      let isSeveral = !completion.isTask && FutureRef(completion).combination != nil
      let kind: WaitKind = completion.isTask ? .join : isSeveral ? .several : .future
      park(completion, task, kind) { raw in
        let task = TaskRef(raw: raw)
        Loop.running.passOn(
          from: task, to: CompletionRef(raw: task.park.target.unsafelyUnwrapped))
        return CancelAnswer.pending.rawValue
      }
    } else {
      // It was cancelled at once. A cancel point that fails yields.
      _ = failCancelPoint(task)
    }
    let status = readNow(completion, task, value)
    letGo(completion)
    return status
  }

  private func passOn(from task: TaskRef, to completion: CompletionRef) {
    guard let source = task.scope.cancelledScope else { return }
    cancel(completion, Int32(source.reasonCode), source.reason)
  }

  /// An owning wait with a limit.
  func waitFor(
    _ completion: CompletionRef, _ timeout: Int64, _ task: TaskRef,
    _ value: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
  ) -> eddy_status_t {
    if completion.state != .pending { return readDone(completion, task, value) }
    if isSelfOrAncestor(completion, of: task) { return fail(EDDY_EDEADLK) }
    if timeout == Int64.max { return own(completion, task, value) }
    let form = ScopeForm(
      isGroup: false, isShield: false, timeout: max(timeout, 1), grace: self.graceDuration)
    guard let scope = makeScopeOutOfLine(form, in: task.scope, owner: task, site: nil) else {
      return fail(EDDY_ENOMEM)
    }
    task.scope = scope
    if timeout <= 0 {
      // At once: what has not begun does not begin.
      scope.hasExpired = true
      cancel(scope, code: EDDY_REASON_DEADLINE)
    }
    return close(scope, of: task, own(completion, task, value), info: nil)
  }

  /// Reads the members of a gather into its slots.
  func readMembers(
    _ completion: CompletionRef, _ statuses: UnsafeMutablePointer<eddy_status_t>?,
    _ values: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
  ) -> eddy_status_t {
    guard let combination = FutureRef(completion).combination else { return EDDY_OK }
    let isAll = combination.mode == .gatherAll
    if !isAll {
      for index in 0..<combination.count
      where combination.member(index).completion.unsafelyUnwrapped.isTaken {
        return fail(EDDY_ETAKEN)
      }
    }
    for index in 0..<combination.count {
      let member = combination.member(index).completion.unsafelyUnwrapped
      let hasValue = member.state == .done && !member.isTaken
      if let values { values[index] = hasValue ? member.value : nil }
      if let statuses { statuses[index] = member.publicStatus }
      if statuses != nil { member.isRead = true }
    }
    return EDDY_OK
  }
}

extension Ref where Record == LoopRecord {
  /// Which members of a wait are done.
  func readDone(
    _ completion: CompletionRef, _ flags: UnsafeMutablePointer<UInt8>?,
    _ total: UnsafeMutablePointer<Int>?
  ) {
    guard let combination = FutureRef(completion).combination else { return }
    var count = 0
    for index in 0..<combination.count {
      let isDone = combination.member(index).completion.unsafelyUnwrapped.state != .pending
      if let flags { flags[index] = isDone ? 1 : 0 }
      if isDone { count &+= 1 }
    }
    total?.pointee = count
  }
}

extension Ref where Record == Completion {
  @inline(__always)
  init(_ future: FutureRef) { self.init(raw: future.raw) }

  /// Its outcome as one who waits for it sees it.
  fileprivate var publicStatus: eddy_status_t {
    if self.state == .cancelled { return EDDY_ETARGETCANCELED }
    return self.state == .done && self.isTaken ? EDDY_ETAKEN : self.status
  }
}
