// Reading the outcome of a task: what `TaskHandle.value` and `join` find, and do with it.
//
// Invariant: what a reader is inside has not ended, and is refused.
// Threads: any; the waiting is done on the loop's.

import CEddy

var waitWithoutEnd: EddyError {
  EddyError(status: EDDY_EDEADLK, message: "a task waits for itself, or for one that it is inside")
}

/// What a reader of a task's outcome finds.
@usableFromInline
enum Outlook {
  /// The task has ended well and left this for C.
  case done(UnsafeMutableRawPointer?)
  /// The task has ended, and others are to run before this is read.
  case spent
  /// It is pending; the reader is the body of this task, and has begun its wait.
  case own(Unmanaged<AnyTaskStorage>)
  /// The reader is a body that was cancelled, and the task is pending.
  case cancelled
  /// The reader is other code.
  case other
}

// In pieces, so that `TaskHandle.value` is one function with them in it.
extension AnyTaskStorage {
  @usableFromInline final func look(isOwned: Bool) throws -> Outlook {
    guard state.isOnThread else { return .other }
    let future = eddy_future_t(id: task.id)
    var value: UnsafeMutableRawPointer?
    let status = mayHaveEnded ? eddy_future_result(future, &value) : EDDY_EPENDING
    // Code that does not come back to the loop after a yield reads in a visit to it.
    if status != EDDY_EPENDING, state.spendOperation() { return state.isHome ? .spent : .other }
    if status == EDDY_OK { return .done(value) }
    let current = RunningTask.now
    if status != EDDY_EPENDING { throw error(of: status, current.isCancelled) }
    guard let own = CurrentTask.own(current, on: state) else { return .other }
    // What a reader is inside has begun.
    if worker != nil || isFunction {
      let reader = own._withUnsafeGuaranteedRef { $0.task }
      if eddy_task_is_inside(reader, task) != 0 { throw waitWithoutEnd }
    }
    let kind = isOwned ? WaitKind.join : .observe
    let mustWait = own._withUnsafeGuaranteedRef {
      $0.beginWait(for: future, kind, isCancelled: current.isCancelled)
    }
    return mustWait ? .own(own) : .cancelled
  }

  /// What the task left for C, after a wait.
  @usableFromInline final func read() throws -> UnsafeMutableRawPointer? {
    var value: UnsafeMutableRawPointer?
    let status = eddy_future_result(eddy_future_t(id: task.id), &value)
    if status == EDDY_OK { return value }
    throw error(of: status, Task.isCancelled)
  }

  /// Waits for the task, wherever the caller is.
  @usableFromInline nonisolated(nonsending) final func outcome(
    isOwned: Bool
  ) async throws -> UnsafeMutableRawPointer? {
    nonisolated(unsafe) var value: UnsafeMutableRawPointer?
    try await state.onThread {
      if eddy_task_is_inside(CurrentTask.task, self.task) != 0 { throw waitWithoutEnd }
      await self.state.wait(for: eddy_task_future(self.task), isOwned ? .join : .observe)
      value = try self.read()
    }
    return value
  }

  private final func error(of status: eddy_status_t, _ isCancelled: Bool) -> any Error {
    if status == EDDY_EPENDING { return CancellationError() }
    if status == EDDY_ETARGETCANCELED, isCancelled { return CancellationError() }
    return currentError(status)
  }
}
