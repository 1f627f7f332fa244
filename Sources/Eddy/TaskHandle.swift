// A handle of a task of the loop, C or Swift.
//
// Shares the task's storage, which owns one reference to the task.
// Threads: any; the waiting is done on the loop's.

import CEddy

/// A task of the loop: a Swift closure's or a C function's. Letting go of the handle never stops
/// it.
public struct TaskHandle<Value>: Sendable {
  @usableFromInline let storage: TaskStorage<Value>

  @inlinable init(_ storage: TaskStorage<Value>) { self.storage = storage }

  /// The handle for C functions. It is borrowed: it lives as long as this one or a copy of it.
  public var task: eddy_task_t { storage.task }

  /// Asks the task to end.
  /// - Parameter reason: why, in words; the task's scope keeps its first reason.
  public func cancel(reason: String? = nil) {
    if storage.state.isOnThread {
      _ = eddy_task_cancel(task, reason)
    } else {
      _ = eddy_future_cancel_threadsafe(eddy_task_future(task), reason)
    }
  }

  /// The task's value, observed: a cancelled waiter gives up and leaves the task alone.
  /// - Throws: the task's error, `CancellationError` if the waiter was cancelled while the task
  ///   ran, `TargetCancelledError` if the task ended cancelled.
  @inlinable nonisolated(nonsending) public var value: Value {
    get async throws { try await outcome(isOwned: false) }
  }

  /// The task's value, owned: a cancelled joiner cancels the task and waits until it has ended.
  /// - Throws: as `value`.
  @inlinable nonisolated(nonsending) public func join() async throws -> Value {
    try await outcome(isOwned: true)
  }

  @inlinable @inline(__always)
  nonisolated(nonsending) func outcome(isOwned: Bool) async throws -> Value {
    switch try storage.look(isOwned: isOwned) {
    case .done(let value):
      return try storage.value(value)
    case .spent:
      await Task.yield()
      return try storage.value(storage.read())
    case .own(let reader):
      await _unsafeInheritExecutor_withUnsafeContinuation { continuation in
        reader._withUnsafeGuaranteedRef { $0.wait(continuation) }
      }
      if reader._withUnsafeGuaranteedRef({ $0.hasGivenUp }) {
        await storage.failToRead(afterWait: true)
      }
      return try storage.value(storage.read())
    case .cancelled:
      await storage.failToRead(afterWait: false)
      // What has ended meanwhile is read, cancelled or not (M3).
      return try storage.value(storage.read())
    case .other:
      return try storage.value(await storage.outcome(isOwned: isOwned))
    }
  }
}
