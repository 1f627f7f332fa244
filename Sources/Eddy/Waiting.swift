// Waiting for a future or a task of the core from Swift.
//
// Invariants:
// 1. A wait is the body's own (OwnWait.swift), or that of other code (Waiter.swift).
// 2. What is complete is read whatever the cancellation (M3).
// Threads: the loop's; other threads' code comes there first.

import CEddy

/// What a cancellation of the waiter does.
enum WaitKind {
  /// The wait ends, and the target is left alone.
  case observe
  /// The request and its reason are passed on to the target.
  case join
  /// The target is a scope of the waiter: it is told only if the core has not told it.
  case scope
  /// The target is a shield of the waiter: it is told after so many nanoseconds.
  case shield(grace: Int64)
  /// Nothing: the wait lasts as long as it lasts.
  case pause

  var isOwning: Bool {
    if case .observe = self { false } else { true }
  }

  var isShield: Bool {
    if case .shield = self { true } else { false }
  }
}

// These keep their caller's isolation: each function that does not looks for the executor to be on
// as it begins and after each call, and each look costs a tenth of a wait.
extension LoopState {
  /// Waits on the loop's thread. Returns when the future is done; an observer also when cancelled.
  nonisolated(nonsending) func wait(for future: eddy_future_t, _ kind: WaitKind) async {
    if eddy_future_result(future, nil) != EDDY_EPENDING {
      if spendOperation() { await Task.yield() }
      return
    }
    let current = RunningTask.now
    if !kind.isShield, let own = CurrentTask.own(current, on: self) {
      let mustWait = own._withUnsafeGuaranteedRef {
        $0.beginWait(for: future, kind, isCancelled: current.isCancelled)
      }
      if !mustWait { return await fail(future, afterWait: false) }
      await _unsafeInheritExecutor_withUnsafeContinuation { continuation in
        own._withUnsafeGuaranteedRef { $0.wait(continuation) }
      }
      if own._withUnsafeGuaranteedRef({ $0.hasGivenUp }) {
        await fail(future, afterWait: true)
      }
      return
    }
    if !kind.isOwning, current.isCancelled { return await fail(future, afterWait: false) }
    let waiter = Waiter(future, self, kind)
    await withTaskCancellationHandler {
      await withUnsafeContinuation { waiter.start($0) }
    } onCancel: {
      waiter.requestCancel()
    }
  }

  /// Whether the caller is on the loop's thread and comes back to it after each wait. A task that
  /// Swift has started there at once (`Task.immediate`) is on it, and does not come back.
  var isHome: Bool { isOnThread && CurrentTask.own(RunningTask.now, on: self) != nil }

  /// Runs `body` on the loop's thread.
  nonisolated(nonsending) func onThread<Result: Sendable>(
    _ body: @Sendable () async throws -> Result
  ) async throws -> Result {
    if isHome { return try await body() }
    return try await withTaskExecutorPreference(taskExecutor) { try await body() }
  }
}
