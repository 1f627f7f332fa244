// A handle of a task of the loop, C or Swift.
//
// Owns one reference to the task, ended on the loop's thread wherever the handle goes.
// Threads: any; the waiting is done on the loop's.

import CEddy

/// A task of the loop: a Swift closure's or a C function's. Letting go of the handle never stops
/// it.
public final class TaskHandle<Value>: @unchecked Sendable {
  /// The handle for C functions. It is borrowed: it lives as long as this object.
  public let task: eddy_task_t
  let state: LoopState
  private let storage: SwiftTask<Value>?

  init(_ task: eddy_task_t, _ state: LoopState, storage: SwiftTask<Value>?) {
    self.task = task
    self.state = state
    self.storage = storage
  }

  deinit {
    if state.isOnThread {
      _ = eddy_task_release(task)
    } else {
      state.post(
        UnsafeMutableRawPointer(bitPattern: UInt(task.id))!,
        { context in
          eddy_task_release(eddy_task_t(id: UInt64(UInt(bitPattern: context))))
        }, release: nil)
    }
  }

  /// Asks the task to end.
  /// - Parameter reason: why, in words; the task's scope keeps its first reason.
  public func cancel(reason: String? = nil) {
    if state.isOnThread {
      _ = eddy_task_cancel(task, reason)
    } else {
      _ = eddy_future_cancel_threadsafe(eddy_task_future(task), reason)
    }
  }

  /// The task's value, observed: a cancelled waiter gives up and leaves the task alone.
  /// - Throws: the task's error, `CancellationError` if the waiter was cancelled while the task
  /// ran,   `TargetCancelledError` if the task ended cancelled.
  nonisolated(nonsending) public var value: Value {
    get async throws { try read(await state.outcome(of: task, .observe)) }
  }

  /// The task's value, owned: a cancelled joiner cancels the task and waits until it has ended.
  /// - Throws: as `value`.
  nonisolated(nonsending) public func join() async throws -> Value {
    try read(await state.outcome(of: task, .join))
  }

  private func read(_ value: UnsafeMutableRawPointer?) throws -> Value {
    if let storage { return try storage.value() }
    return try cast(value)
  }

  /// Apart, since generic code that casts looks up metadata as it begins.
  @inline(never) private func cast(_ value: UnsafeMutableRawPointer?) throws -> Value {
    guard let result = value as? Value else { throw EddyError(status: EDDY_EINVAL) }
    return result
  }
}
