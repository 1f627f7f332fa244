// The end of a completion: how it gets its outcome, and how its record is freed.
//
// Owns the freeing of FutureRecords and TaskRecords.
// Invariants:
// 1. A failure is reported at most once: when the record is freed and nobody has read it.
// 2. Freeing calls release functions only with the gate closed, and is a loop, not a recursion: a
//    release function that lets go of the next record adds it to the list.
// Threads: the loop's.

import CEddy

extension Ref where Record == LoopRecord {
  /// Gives a pending completion its outcome and wakes those who wait. Takes over the error.
  @inline(__always)
  func settle(
    _ completion: CompletionRef, _ state: CompletionState, _ status: eddy_status_t,
    _ error: ErrorRef?
  ) {
    completion.state = state
    completion.status = status
    completion.error = error
    if let settled = self.watch.settled { settled(completion.raw, raw) }
    completion.wakeAll()
    freeIfUnused(completion)
  }

  /// The same in one copy.
  @inline(never)
  func settleOutOfLine(
    _ completion: CompletionRef, _ state: CompletionState, _ status: eddy_status_t,
    _ error: ErrorRef?
  ) {
    settle(completion, state, status, error)
  }

  @inline(__always)
  func pin(_ completion: CompletionRef) { completion.pins &+= 1 }

  @inline(__always)
  func unpin(_ completion: CompletionRef) {
    completion.pins &-= 1
    freeIfUnused(completion)
  }

  /// Ends a reference that is known to exist.
  @inline(__always)
  func releaseReference(_ completion: CompletionRef) {
    completion.slot.word &-= 1
    freeIfUnused(completion)
  }

  @inline(__always)
  private func freeIfUnused(_ completion: CompletionRef) {
    guard completion.slot.word == 0, completion.pins == 0 else { return }
    if completion.state == .pending, completion.isTask || keepsPending(completion) { return }
    if self.isSweeping || completion.needsCare {
      freeCarefully(completion)
    } else if completion.isTask {
      let task = TaskRef(raw: completion.raw)
      self.tasks.invalidate(task)
      self.tasks.recycle(task)
    } else {
      recycleFuture(completion)
    }
  }

  /// A pending future has lost its last reference. An operation that owns others asks them to end,
  /// and lives on until they have; any other is over.
  @inline(never)
  private func keepsPending(_ completion: CompletionRef) -> Bool {
    disarm(completion)
    let future = FutureRef(raw: completion.raw)
    guard let combination = future.combination, future.mode.isOwning else { return false }
    pin(completion)
    combination.isAbandoned = true
    _ = combination.pass.unsafelyUnwrapped(combination.raw, EDDY_REASON_REQUEST, nil)
    return true
  }

  /// Out of line: what settles, pins or lets go is inlined in many places.
  @inline(never)
  private func recycleFuture(_ completion: CompletionRef) {
    let future = Ref<FutureRecord>(raw: completion.raw)
    self.futures.invalidate(future)
    self.futures.recycle(future)
  }

  @inline(never)
  private func freeCarefully(_ completion: CompletionRef) {
    if completion.state == .failed, !completion.isRead { reportUnread(completion) }
    completion.lastWaiter = nil
    completion.firstWaiter = UnsafeMutablePointer(bitPattern: UInt(bitPattern: self.doomed?.raw))
    invalidate(completion)
    self.doomed = completion
    if self.isSweeping { return }
    self.isSweeping = true
    while let next = self.doomed {
      self.doomed = next.firstWaiter.map { CompletionRef(raw: UnsafeMutableRawPointer($0)) }
      next.firstWaiter = nil
      letGo(of: next)
    }
    self.isSweeping = false
  }

  /// Frees what an invalidated record owns, and the record.
  private func letGo(of completion: CompletionRef) {
    let value = completion.value
    let release = completion.hasValue && !completion.isTaken ? completion.releaseValue : nil
    let error = completion.error
    completion.error = nil
    diagnostics.release(error)
    if completion.isTask {
      let task = TaskRef(raw: completion.raw)
      diagnostics.replace(task.at.lastError, EDDY_OK, nil)
      dropContext(of: task)
      self.release(task.ownRoot.reason)
      task.ownRoot.reason = nil
      Memory.free(task.name)
      task.name = nil
      self.tasks.recycle(task)
    } else {
      let future = FutureRef(raw: completion.raw)
      if let combination = future.combination {
        combination.dissolve.unsafelyUnwrapped(combination.raw)
      }
      self.futures.recycle(future)
    }
    Gate.release(value, with: release)
  }

  private func invalidate(_ completion: CompletionRef) {
    if completion.isTask {
      self.tasks.invalidate(TaskRef(raw: completion.raw))
    } else {
      self.futures.invalidate(Ref<FutureRecord>(raw: completion.raw))
    }
  }

  private func reportUnread(_ completion: CompletionRef) {
    completion.isRead = true
    if completion.isTask {
      let task = TaskRef(raw: completion.raw)
      report(
        completion.status,
        task.failedInShutdown
          ? "a task failed during the loop's shutdown" : "a failed task was never looked at",
        about: task, site: completion.site, error: completion.error)
    } else {
      var subject = ReportSubject.none
      subject.site = completion.site
      diagnostics.report(
        completion.status, "a failed future was never looked at", subject,
        error: completion.error)
    }
  }
}

extension Ref where Record == Completion {
  /// The record owns something, or has something to say, when it is freed.
  @inline(__always)
  fileprivate var needsCare: Bool {
    if self.hasValue || self.error != nil || self.state == .failed { return true }
    guard self.isTask else { return FutureRef(raw: raw).combination != nil }
    let task = TaskRef(raw: raw)
    return task.name != nil || task.lastError.error != nil || task.ownRoot.reason != nil
  }
}
