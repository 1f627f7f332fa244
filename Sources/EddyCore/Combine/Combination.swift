// Combined futures: how they are made, hear of their members, and let go of them.
//
// Owns the memory of combinations.
// Invariants:
// 1. A call that refuses has started nothing: handles, memory and the timer come first, then the
//    members are linked, which cannot fail.
// 2. Several members for one completion count once: the first of them is linked, last in its list
//    when the next one comes.
// Threads: the loop's.

import CEddy
import EddySwitch

/// What a call asks for: members by handle, until when.
struct CombinationRequest {
  var handles: UnsafePointer<eddy_future_t>?
  var count: Int
  var mode: CombinationMode
  /// Int64.max for no limit.
  var timeout: Int64
  /// The task that will wait for it, if it is known.
  var task: TaskRef?
}

extension Ref where Record == LoopRecord {
  /// A combined future with one reference; it may be done at once. The handles have been looked
  /// at.
  @inline(never)
  func combine(_ request: CombinationRequest) -> (status: eddy_status_t, future: FutureRef?) {
    let count = request.count
    guard count > 0 ? request.handles != nil : count == 0 && request.mode.takesNone else {
      return (fail(EDDY_EINVAL), nil)
    }
    guard let combination = allocateCombination(request) else { return (fail(EDDY_ENOMEM), nil) }
    for index in 0..<count {
      let id = request.handles.unsafelyUnwrapped[index].id
      let found = lookUp(id).unsafelyUnwrapped
      let refusal = refusalToWait(for: found, request)
      if refusal != EDDY_OK {
        Memory.free(combination.raw)
        return (refusal, nil)
      }
      combination.member(index).completion = found
    }
    guard let future = attach(combination, request) else { return (fail(EDDY_ENOMEM), nil) }
    enlist(combination)
    if request.mode == .limit, request.timeout <= 0 { combination.hasExpired = true }
    if combination.isDue || combination.hasExpired { step(combination) }
    return (EDDY_OK, future)
  }

  private func refusalToWait(
    for completion: CompletionRef, _ request: CombinationRequest
  ) -> eddy_status_t {
    guard let task = request.task, request.mode.needsAll, request.timeout == Int64.max,
      completion.state == .pending, isSelfOrAncestor(completion, of: task)
    else { return EDDY_OK }
    return fail(EDDY_EDEADLK)
  }

  func allocateCombination(_ request: CombinationRequest) -> CombinationRef? {
    let header = MemoryLayout<CombinationRecord>.stride
    let stride = MemoryLayout<CombinationMember>.stride
    guard request.count < Int.max / stride &- header else { return nil }
    let bytes = header &+ request.count &* stride
    guard let raw = eddy_sw_malloc(bytes) else { return nil }
    raw.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    let combination = CombinationRef(raw: raw)
    combination.count = request.count
    combination.mode = request.mode
    combination.first = -1
    return combination
  }

  /// The future of a combination, with its timer; nil when memory is out, and then the combination
  /// is freed too.
  func attach(_ combination: CombinationRef, _ request: CombinationRequest) -> FutureRef? {
    let kind: HandleKind = request.mode == .completions ? .completions : .future
    guard let future = makeFuture(nil, kind) else {
      Memory.free(combination.raw)
      return nil
    }
    let completion = CompletionRef(raw: future.raw)
    if request.timeout != Int64.max, !armLimit(future, combination, request.timeout) {
      drop(completion)
      Memory.free(combination.raw)
      return nil
    }
    future.combination = combination
    future.mode = request.mode
    combination.future = completion
    combination.ready = Runnable(
      next: nil, run: { raw in Loop.running.step(CombinationRef(raw: raw)) },
      owner: combination.raw, isQueued: false, isTask: false)
    combination.pass = { raw, code, reason in
      Loop.running.askToEnd(CombinationRef(raw: raw), code, reason.map { ReasonRef(raw: $0) })
    }
    combination.dissolve = { raw in Loop.running.dissolve(CombinationRef(raw: raw)) }
    return future
  }

  private func armLimit(
    _ future: FutureRef, _ combination: CombinationRef, _ timeout: Int64
  ) -> Bool {
    future.timer = Timer(
      position: 0,
      fire: { raw in
        let combination = CombinationRef(raw: raw)
        combination.hasExpired = true
        Loop.running.makeDue(combination)
      }, owner: combination.raw)
    // A limit that is over at once needs no timer.
    if combination.mode == .limit, timeout <= 0 { return true }
    let deadline = core.deadline(after: max(timeout, 0))
    if deadline != Int64.max, !core.timers.armOutOfLine(future.at.timer, at: deadline) {
      return false
    }
    if core.host != nil { core.announceReady() }
    return true
  }

  /// Pins the members and links those that are pending; hears at once of those that are done, in
  /// their order.
  private func enlist(_ combination: CombinationRef) {
    let count = combination.count
    for index in 0..<count {
      let member = combination.member(index)
      let completion = member.completion.unsafelyUnwrapped
      member.combination = combination
      pin(completion)
      if let last = completion.lastWaiter, last.pointee.isMember, let owner = last.pointee.owner,
        Ref<CombinationMember>(raw: owner).combination == combination
      {
        continue
      }
      link(member)
      combination.left &+= 1
    }
    combination.isEnlisting = true
    for index in 0..<count {
      let member = combination.member(index)
      let completion = member.completion.unsafelyUnwrapped
      guard completion.state != .pending, member.waiter.owner != nil else { continue }
      completion.unlink(member.at.waiter)
      memberEnded(member)
    }
    combination.isEnlisting = false
    if count == 0 { combination.isDue = true }
  }

  func link(_ member: Ref<CombinationMember>) {
    member.waiter = Waiter(
      next: nil, previous: nil,
      wake: { raw in Loop.running.memberEnded(Ref<CombinationMember>(raw: raw)) },
      owner: member.raw, isCallback: false, isMember: true)
    member.completion.unsafelyUnwrapped.link(member.at.waiter)
  }

  /// A member's completion has been settled: counts it.
  private func memberEnded(_ member: Ref<CombinationMember>) {
    member.waiter.owner = nil
    let combination = member.combination.unsafelyUnwrapped
    let state = member.completion.unsafelyUnwrapped.state
    combination.left &-= 1
    if state != .done { combination.hasMissed = true }
    var isDue = combination.left == 0
    switch combination.mode {
    case .gather:
      if state != .done, combination.first < 0, !combination.isCancelRequested {
        combination.first = combination.index(of: member)
        isDue = true
      }
    case .error:
      if state == .failed { isDue = true }
    case .race, .select:
      if combination.first < 0, !combination.isCancelRequested || state == .done {
        combination.first = combination.index(of: member)
        isDue = true
      }
    case .completions:
      append(member, to: combination)
      isDue = true
    case .firstDone, .next:
      isDue = true
    case .none, .gatherAll, .limit, .all:
      break
    }
    if isDue { makeDue(combination) }
  }

  /// Its own place in the queue, in a later round.
  func makeDue(_ combination: CombinationRef) {
    combination.isDue = true
    if !combination.isEnlisting, !combination.ready.isQueued {
      core.makeReady(combination.at.ready)
    }
  }

  /// Hears of no member any more.
  func detach(_ combination: CombinationRef) {
    for index in 0..<combination.count {
      let member = combination.member(index)
      if member.waiter.owner == nil { continue }
      member.waiter.owner = nil
      member.completion.unsafelyUnwrapped.unlink(member.at.waiter)
    }
    combination.left = 0
  }

  /// The future is going, or the loop is: lets go of the members and of the memory.
  func dissolve(_ combination: CombinationRef) {
    let future = FutureRef(combination.future.unsafelyUnwrapped)
    future.combination = nil
    if combination.mode == .next { giveBack(combination) }
    detach(combination)
    for index in 0..<combination.count {
      letGo(combination.member(index).completion.unsafelyUnwrapped)
    }
    release(combination.reason)
    if combination.ready.isQueued {
      combination.isGone = true
    } else {
      Memory.free(combination.raw)
    }
  }
}

extension Ref where Record == FutureRecord {
  @inline(__always)
  init(_ completion: CompletionRef) { self.init(raw: completion.raw) }
}
