// Futures that the program makes and completes.
//
// Owns the values that were given, until they are taken or released.
// Invariants:
// 1. A value given to a call that refuses it is released by that call.
// 2. A task's completion is given its outcome only by its end.
// Threads: the loop's.

import CEddy

typealias FutureRef = Ref<FutureRecord>

extension Ref where Record == LoopRecord {
  /// A pending future with one reference, or nil when memory or slots are out.
  func makeFuture(_ site: UnsafePointer<CChar>?, _ kind: HandleKind = .future) -> FutureRef? {
    guard let future = self.futures.take(kind) else { return nil }
    let completion = CompletionRef(raw: future.raw)
    completion.reset(isTask: false, site: site)
    completion.slot.word = 1
    future.timer.position = 0
    future.combination = nil
    future.mode = .none
    return future
  }

  /// A future that is done after a time. Nil when memory or slots are out.
  func makeSleep(_ duration: Int64) -> FutureRef? {
    guard let future = makeFuture(nil) else { return nil }
    future.timer = Timer(
      position: 0, fire: { raw in Loop.running.endSleep(CompletionRef(raw: raw)) },
      owner: future.raw)
    let deadline = core.deadline(after: max(duration, 0))
    let isEndless = deadline == Int64.max
    if isEndless { core.timers.armEndless(future.at.timer) }
    if isEndless || core.timers.arm(future.at.timer, at: deadline) {
      if core.host != nil { core.announceReady() }
      return future
    }
    releaseReference(CompletionRef(raw: future.raw))
    return nil
  }

  private func endSleep(_ completion: CompletionRef) {
    if completion.state == .pending { settleOutOfLine(completion, .done, EDDY_OK, nil) }
  }

  /// What a program-made or started future gives up when it is settled or freed early.
  @inline(__always)
  func disarm(_ completion: CompletionRef) {
    core.timers.disarmOutOfLine(Ref<FutureRecord>(raw: completion.raw).at.timer)
  }

  /// A future or a task by the id of either.
  @inline(__always)
  func findCompletion(_ id: UInt64) -> CompletionRef? {
    if Handle.kind(id) == HandleKind.future.rawValue {
      return self.futures.find(id).map { CompletionRef(raw: $0.raw) }
    }
    return self.tasks.find(id).map { CompletionRef(raw: $0.raw) }
  }

  func complete(
    _ completion: CompletionRef, _ value: UnsafeMutableRawPointer?, _ release: eddy_release_fn?
  ) -> eddy_status_t {
    if let refusal = refusalToSettle(completion) {
      Gate.release(value, with: release)
      return fail(refusal)
    }
    disarm(completion)
    completion.hasValue = value != nil || release != nil
    completion.value = value
    completion.releaseValue = release
    settle(completion, .done, EDDY_OK, nil)
    return EDDY_OK
  }

  func failFuture(
    _ completion: CompletionRef, _ status: eddy_status_t, _ message: UnsafePointer<CChar>?
  ) -> eddy_status_t {
    if let refusal = refusalToSettle(completion) { return fail(refusal) }
    disarm(completion)
    settleOutOfLine(completion, .failed, status, diagnostics.makeError(status, message))
    return EDDY_OK
  }

  func cancelFuture(_ completion: CompletionRef, _ message: UnsafePointer<CChar>?) -> eddy_status_t
  {
    if completion.isTask { return cancelTask(TaskRef(raw: completion.raw), message) }
    if completion.state != .pending {
      completion.isRead = true
      return fail(EDDY_EALREADY)
    }
    if let combination = FutureRef(raw: completion.raw).combination {
      let reason = makeReason(EDDY_REASON_REQUEST, message)
      let pass = combination.pass.unsafelyUnwrapped
      let status = pass(combination.raw, EDDY_REASON_REQUEST, reason?.raw)
      release(reason)
      return status == EDDY_OK ? EDDY_OK : fail(status)
    }
    disarm(completion)
    settleOutOfLine(
      completion, .cancelled, EDDY_ECANCELED, diagnostics.makeError(EDDY_ECANCELED, message))
    return EDDY_OK
  }

  /// Asks a task to end.
  func cancelTask(_ task: TaskRef, _ message: UnsafePointer<CChar>?) -> eddy_status_t {
    if task.completion.state != .pending {
      task.completion.isRead = true
      return fail(EDDY_EALREADY)
    }
    task.cancelRequests &+= 1
    cancel(task.root, code: EDDY_REASON_REQUEST, message: message)
    return EDDY_OK
  }

  /// Moves the value out.
  func take(
    _ completion: CompletionRef, _ value: UnsafeMutablePointer<UnsafeMutableRawPointer?>,
    _ release: UnsafeMutablePointer<eddy_release_fn?>
  ) -> eddy_status_t {
    let status = read(completion, nil, value)
    guard status == EDDY_OK else { return status }
    release.pointee = completion.releaseValue
    completion.isTaken = true
    if let taken = self.watch.taken { taken(completion.raw, raw, release) }
    return EDDY_OK
  }

  private func refusalToSettle(_ completion: CompletionRef) -> eddy_status_t? {
    if completion.isTask { return EDDY_EPERM }
    if FutureRef(raw: completion.raw).mode != .none { return EDDY_EPERM }
    if completion.state == .pending { return nil }
    if completion.state != .cancelled { noteSettledAgain(completion) }
    return EDDY_EALREADY
  }

  /// The program has completed a second time what it had completed: a test may want to know.
  func noteSettledAgain(_ completion: CompletionRef) {
    if let again = self.watch.settledAgain { again(completion.raw, raw) }
  }
}

extension Ref where Record == Completion {
  /// Sets every field but the slot.
  @inline(__always)
  func reset(isTask: Bool, site: UnsafePointer<CChar>?) {
    self.state = .pending
    self.isTask = isTask
    self.hasValue = false
    self.isTaken = false
    self.isRead = false
    self.status = EDDY_EPENDING
    self.pins = 0
    self.value = nil
    self.releaseValue = nil
    self.error = nil
    self.firstWaiter = nil
    self.lastWaiter = nil
    self.site = site
  }
}
