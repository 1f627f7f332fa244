// What a combination does in its own step: cancels members, decides its outcome.
//
// Invariants:
// 1. Members are cancelled here or in the call that asks for it, never while one is being settled.
// 2. An owning one is settled only when all its members have ended.
// 3. A failure that it gives counts as read, and so do the others of a failed gather.
// Threads: the loop's.

import CEddy

struct CombinationOutcome {
  var state: CompletionState
  var status: eddy_status_t
  var error: ErrorRef?
}

extension Ref where Record == LoopRecord {
  func step(_ combination: CombinationRef) {
    if combination.isGone { return Memory.free(combination.raw) }
    let completion = combination.future.unsafelyUnwrapped
    if self.isClosing {
      let isAbandoned = combination.isAbandoned
      dissolve(combination)
      if isAbandoned { letGo(completion) }
      return
    }
    if completion.state != .pending { return }
    switch combination.mode {
    case .completions: return serve(combination)
    case .next: return takeNext(combination)
    default: break
    }
    if combination.mode.isOwning, combination.left > 0 {
      if combination.hasExpired, !combination.isCancelRequested {
        _ = askToEnd(combination, EDDY_REASON_DEADLINE, nil)
      }
      if combination.first >= 0 || combination.isCancelRequested {
        cancelMembers(of: combination)
      }
      return
    }
    let outcome = decide(combination)
    end(combination, outcome)
  }

  /// Asks the members to end, once.
  private func cancelMembers(of combination: CombinationRef) {
    if combination.hasPassed { return }
    combination.hasPassed = true
    if !combination.isCancelRequested {
      let isRace = combination.mode == .race
      let message = isRace ? staticText("another was first") : staticText("another one failed")
      combination.reasonCode = UInt8(truncatingIfNeeded: EDDY_REASON_REQUEST)
      combination.reason = makeReason(EDDY_REASON_REQUEST, message)
    }
    let code = Int32(combination.reasonCode)
    for index in 0..<combination.count where combination.member(index).waiter.owner != nil {
      cancel(combination.member(index).completion.unsafelyUnwrapped, code, combination.reason)
    }
  }

  /// Asks whatever it is to end: a task, a combined future, or another, which is then cancelled.
  @inline(never)
  func cancel(_ completion: CompletionRef, _ code: Int32, _ reason: ReasonRef?) {
    if completion.state != .pending { return }
    if completion.isTask {
      let task = TaskRef(raw: completion.raw)
      task.cancelRequests &+= 1
      cancel(task.root, code: code, reason: reason?.retained())
    } else if let combination = FutureRef(completion).combination {
      _ = askToEnd(combination, code, reason)
    } else {
      disarm(completion)
      settleOutOfLine(completion, .cancelled, EDDY_ECANCELED, cancelError(code, reason))
    }
  }

  @inline(never)
  private func cancelError(_ code: Int32, _ reason: ReasonRef?) -> ErrorRef? {
    let message = reason?.message.map { UnsafePointer($0) } ?? reasonText(code)
    return diagnostics.makeError(EDDY_ECANCELED, message)
  }

  private func cancelled(_ code: Int32, _ reason: ReasonRef?) -> CombinationOutcome {
    CombinationOutcome(
      state: .cancelled, status: EDDY_ECANCELED, error: cancelError(code, reason))
  }

  /// A combined future is asked to end. What is decided already stays so.
  func askToEnd(
    _ combination: CombinationRef, _ code: Int32, _ reason: ReasonRef?
  ) -> eddy_status_t {
    let isOwning = combination.mode.isOwning
    if isOwning ? combination.left == 0 : combination.isDue && combination.mode != .next {
      return EDDY_EALREADY
    }
    disarm(combination.future.unsafelyUnwrapped)
    if !isOwning {
      if combination.mode == .next { giveBack(combination) }
      end(combination, cancelled(code, reason))
      return EDDY_OK
    }
    if combination.isCancelRequested || combination.first >= 0 { return EDDY_OK }
    combination.isCancelRequested = true
    combination.reasonCode = UInt8(truncatingIfNeeded: code)
    combination.reason = reason?.retained()
    if !combination.ready.isQueued { core.makeReady(combination.at.ready) }
    return EDDY_OK
  }

  @inline(never)
  func end(_ combination: CombinationRef, _ outcome: CombinationOutcome) {
    let completion = combination.future.unsafelyUnwrapped
    let isAbandoned = combination.isAbandoned
    detach(combination)
    disarm(completion)
    settleOutOfLine(completion, outcome.state, outcome.status, outcome.error)
    if isAbandoned { letGo(completion) }
  }

  private func decide(_ combination: CombinationRef) -> CombinationOutcome {
    let done = CombinationOutcome(state: .done, status: EDDY_OK, error: nil)
    let first = combination.first
    let code = Int32(combination.reasonCode)
    switch combination.mode {
    case .limit:
      return decideLimit(combination)
    case .gather where first >= 0:
      for index in 0..<combination.count { combination.member(index).completion?.isRead = true }
      return failure(of: combination.member(first).completion.unsafelyUnwrapped)
    case .gather, .gatherAll:
      if !combination.isCancelRequested || !combination.hasMissed { return done }
      return cancelled(code, combination.reason)
    case .race where first < 0:
      return cancelled(code, combination.reason)
    case .race, .select:
      setIndex(combination, first)
      return done
    default:
      return done
    }
  }

  func setIndex(_ combination: CombinationRef, _ index: Int) {
    combination.future.unsafelyUnwrapped.value = UnsafeMutableRawPointer(bitPattern: index)
  }

  private func decideLimit(_ combination: CombinationRef) -> CombinationOutcome {
    let member = combination.member(0).completion.unsafelyUnwrapped
    if member.state == .done, !member.isTaken {
      combination.future.unsafelyUnwrapped.value = member.value
      return CombinationOutcome(state: .done, status: EDDY_OK, error: nil)
    }
    if member.state != .cancelled || !combination.isCancelRequested { return failure(of: member) }
    if !combination.hasExpired {
      return cancelled(Int32(combination.reasonCode), combination.reason)
    }
    let error = diagnostics.makeError(EDDY_ETIMEDOUT, nil)
    if let error, let cause = member.error?.retained(), !error.addCause(cause) {
      diagnostics.release(cause)
    }
    return CombinationOutcome(state: .failed, status: EDDY_ETIMEDOUT, error: error)
  }

  /// The failure that a member ended with, as one who waits for it sees it.
  private func failure(of member: CompletionRef) -> CombinationOutcome {
    if member.state == .failed {
      member.isRead = true
      return CombinationOutcome(
        state: .failed, status: member.status, error: member.error?.retained())
    }
    if member.state == .done {
      return CombinationOutcome(
        state: .failed, status: EDDY_ETAKEN, error: diagnostics.makeError(EDDY_ETAKEN, nil))
    }
    return CombinationOutcome(
      state: .failed, status: EDDY_ETARGETCANCELED,
      error: diagnostics.makeTargetCancelled(member.error))
  }
}
