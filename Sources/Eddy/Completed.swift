// Several tasks one by one, in the order in which they end, as an asynchronous sequence.
//
// Owns the core's completions, from the call on the loop's thread or else from the first `next`.
// Invariant: a task that was given to a consumer that left is given to the next one (M3).
// Threads: the callers' own; the waiting is done on the loop's.

import CEddy

/// The tasks in the order in which they end; those that have ended already come first, in the order
/// of `tasks`. One that is there twice comes once. They are only observed: none is cancelled.
/// - Parameter timeout: from now; when it is over, `TimeoutError` is thrown in place of those that
///   have not ended. Nil for no limit. Off the loop's thread it counts from the first `next`.
public func asCompleted<Value>(
  _ tasks: [TaskHandle<Value>], timeout: Duration? = nil
) -> CompletedTasks<Value> {
  CompletedTasks(tasks, timeout?.nanoseconds ?? Int64.max)
}

/// What `asCompleted` gives. All its iterators share one pass: who begins again goes on.
public struct CompletedTasks<Value>: AsyncSequence, Sendable {
  public typealias Element = TaskHandle<Value>
  public typealias Failure = any Error

  private let tasks: [TaskHandle<Value>]
  private let completions: Completions

  fileprivate init(_ tasks: [TaskHandle<Value>], _ timeout: Int64) {
    self.tasks = tasks
    completions = Completions(tasks.map { $0.storage }, timeout)
  }

  public func makeAsyncIterator() -> Iterator { Iterator(tasks: tasks, completions: completions) }

  public struct Iterator: AsyncIteratorProtocol {
    fileprivate let tasks: [TaskHandle<Value>]
    fileprivate let completions: Completions

    /// The next task that has ended, or nil when all have been given.
    /// - Throws: `CancellationError` if the caller is cancelled, `TimeoutError` when the time is
    ///   over. One may go on after either.
    public mutating func next() async throws -> TaskHandle<Value>? {
      try await completions.next().map { tasks[$0] }
    }

    public mutating func next(
      isolation actor: isolated (any Actor)?
    ) async throws -> TaskHandle<Value>? {
      try await completions.next().map { tasks[$0] }
    }
  }
}

private final class Completions: @unchecked Sendable {
  private let storages: [AnyTaskStorage]
  private let timeout: Int64
  private var handle = eddy_completions_t()
  private var status = EDDY_OK

  init(_ storages: [AnyTaskStorage], _ timeout: Int64) {
    self.storages = storages
    self.timeout = timeout
    if let state = storages.first?.state, state.isOnThread { open() }
  }

  deinit {
    let handle = self.handle
    if handle.id == 0 || eddy_completions_release(handle) != EDDY_EWRONGTHREAD { return }
    storages.first?.state.post(
      UnsafeMutableRawPointer(bitPattern: UInt(handle.id))!,
      { context in
        eddy_completions_release(eddy_completions_t(id: UInt64(UInt(bitPattern: context))))
      }, release: nil)
  }

  private func open() {
    let futures = storages.map { eddy_future_t(id: $0.task.id) }
    status = futures.withUnsafeBufferPointer {
      eddy_as_completed($0.baseAddress, $0.count, timeout, &handle)
    }
  }

  nonisolated(nonsending) func next() async throws -> Int? {
    guard let state = storages.first?.state else { return nil }
    return try await state.onThread {
      if self.handle.id == 0, self.status == EDDY_OK { self.open() }
      if self.handle.id == 0 { throw EddyError(status: self.status) }
      var future = eddy_future_t()
      try check(eddy_completions_next_start(self.handle, &future))
      defer { _ = eddy_future_release(future) }
      await state.wait(for: future, .observe)
      var index = 0
      switch eddy_completions_next_finish(future, &index) {
      case EDDY_OK: return index
      case EDDY_EEND: return nil
      case EDDY_EPENDING: throw CancellationError()
      case let status: throw currentError(status)
      }
    }
  }
}
