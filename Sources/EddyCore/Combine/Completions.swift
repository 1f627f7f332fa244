// The members of a combination one by one, in the order in which they are done.
//
// A completions record stays pending until it is freed; those who want the next one wait for it in
// its list of waiters: tasks, and the futures of eddy_completions_next_start.
// Invariants:
// 1. A member is given out once. One that was given to a future that nobody finished comes back to
//    the front.
// 2. Each member that is to be given out is promised to the waiter that was woken for it, and only
//    what is not promised is for one who comes later.
// Threads: the loop's.

import CEddy

extension Ref where Record == LoopRecord {
  func append(_ member: Ref<CombinationMember>, to combination: CombinationRef) {
    let waiter = member.at.waiter
    waiter.pointee.next = nil
    if let last = combination.lastEnded {
      last.pointee.next = waiter
    } else {
      combination.firstEnded = waiter
    }
    combination.lastEnded = waiter
    combination.ended &+= 1
  }

  /// Takes the first one that has ended; -1 for none.
  private func pop(_ combination: CombinationRef) -> Int {
    guard let waiter = combination.firstEnded else { return -1 }
    combination.firstEnded = waiter.pointee.next
    if combination.firstEnded == nil { combination.lastEnded = nil }
    combination.ended &-= 1
    return combination.index(of: Ref<CombinationMember>(raw: UnsafeMutableRawPointer(waiter)))
  }

  /// The step of a completions record.
  func serve(_ combination: CombinationRef) {
    combination.isDue = false
    if combination.hasExpired { detach(combination) }
    let completion = combination.future.unsafelyUnwrapped
    if combination.left == 0 { disarm(completion) }
    var wanted = combination.left == 0 ? Int.max : combination.ended &- combination.promised
    while wanted > 0, let waiter = completion.firstWaiter {
      wanted &-= 1
      combination.promised &+= 1
      completion.unlink(waiter)
      if let wake = waiter.pointee.wake, let owner = waiter.pointee.owner { wake(owner) }
    }
  }

  /// What one who asks, or was woken, finds: an index, or -1 and why there is none.
  private func next(
    of combination: CombinationRef, isWoken: Bool
  ) -> (index: Int, status: eddy_status_t) {
    if isWoken { combination.promised &-= 1 }
    let index = combination.ended > combination.promised ? pop(combination) : -1
    if index >= 0 { return (index, EDDY_OK) }
    if combination.left > 0 { return (-1, EDDY_EPENDING) }
    return (-1, combination.hasExpired ? EDDY_ETIMEDOUT : EDDY_EEND)
  }

  /// Waits for the next one, on a fiber.
  func waitForNext(
    _ completion: CompletionRef, _ task: TaskRef, _ result: UnsafeMutablePointer<Int>?
  ) -> eddy_status_t {
    let combination = FutureRef(completion).combination.unsafelyUnwrapped
    var found = next(of: combination, isWoken: false)
    pin(completion)
    if found.status != EDDY_EPENDING { spend(task) }
    if found.status == EDDY_EPENDING, task.scope.isEffective {
      letGo(completion)
      return failCancelPoint(task)
    }
    while found.status == EDDY_EPENDING, !task.scope.isEffective {
      let isWoken = waitDetachably(completion, task)
      found = next(of: combination, isWoken: isWoken)
    }
    letGo(completion)
    if found.status == EDDY_EPENDING { return failAfterWait(task) }
    if found.status != EDDY_OK { return fail(found.status) }
    result?.pointee = found.index
    return EDDY_OK
  }

  /// A future for the next one. Nil when memory is out.
  func startNext(_ completion: CompletionRef) -> FutureRef? {
    let request = CombinationRequest(
      handles: nil, count: 1, mode: .next, timeout: Int64.max, task: nil)
    guard let combination = allocateCombination(request) else { return nil }
    guard let future = attach(combination, request) else { return nil }
    let member = combination.member(0)
    member.completion = completion
    member.combination = combination
    pin(completion)
    takeNext(combination)
    return future
  }

  /// The step of such a future.
  func takeNext(_ combination: CombinationRef) {
    let member = combination.member(0)
    let source = FutureRef(member.completion.unsafelyUnwrapped).combination.unsafelyUnwrapped
    let found = next(of: source, isWoken: combination.isDue)
    if found.status == EDDY_EPENDING {
      combination.isDue = false
      combination.left = 1
      return link(member)
    }
    if found.status == EDDY_OK {
      combination.first = found.index
      setIndex(combination, found.index)
    } else {
      // The end is no failure that somebody has to look at.
      combination.future.unsafelyUnwrapped.isRead = true
    }
    let isOver = found.status != EDDY_OK
    let error = isOver ? diagnostics.makeError(found.status, nil) : nil
    end(
      combination,
      CombinationOutcome(state: isOver ? .failed : .done, status: found.status, error: error))
  }

  /// A future for the next one is going: what it was given and nobody took, or was woken for, is
  /// the next one's.
  func giveBack(_ combination: CombinationRef) {
    let member = combination.member(0)
    let completion = combination.future.unsafelyUnwrapped
    guard !self.isClosing, let target = member.completion,
      let source = FutureRef(target).combination
    else { return }
    if completion.state == .pending, combination.isDue { source.promised &-= 1 }
    if completion.state == .done, !completion.isTaken {
      let waiter = source.member(combination.first).at.waiter
      waiter.pointee.next = source.firstEnded
      source.firstEnded = waiter
      if source.lastEnded == nil { source.lastEnded = waiter }
      source.ended &+= 1
    }
    if source.ended > source.promised { makeDue(source) }
  }
}
