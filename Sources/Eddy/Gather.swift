// Several tasks at once: gather, wait, select, and a join with a limit.
//
// Each is one combined future of the core, waited for as any other; the rules are the core's.
// Invariants:
// 1. A combined future lives as long as the wait: an observer that leaves, leaves nothing behind.
// 2. What is complete is read whatever the cancellation (M3).
// Threads: the callers' own; the waiting is done on the loop's.

import CEddy

/// Waits until all tasks have given values, and owns them: the first failure cancels the others,
/// and so does a cancellation of the caller; the wait lasts until all have ended.
/// - Returns: the values, in the order of `tasks`. One that is there twice gives its value twice.
/// - Throws: the first failure; `TargetCancelledError` if the first was a task that someone else
///   cancelled; `CancellationError` if the caller was cancelled and not all gave values.
public nonisolated(nonsending) func gather<Value>(
  _ tasks: [TaskHandle<Value>]
) async throws -> [Value] {
  nonisolated(unsafe) var values: [Value] = []
  try await waitForSeveral(tasks.map { $0.storage }, .join, needsAll: true) {
    eddy_gather_start($0.baseAddress, $0.count, 0, $1)
  } read: { _ in
    values = try tasks.map { try $0.storage.value($0.storage.read()) }
  }
  return values
}

/// `gather` for tasks with values of different types.
public nonisolated(nonsending) func gather<each Value>(
  _ task: repeat TaskHandle<each Value>
) async throws -> (repeat each Value) {
  var storages: [AnyTaskStorage] = []
  for storage in repeat (each task).storage { storages.append(storage) }
  try await waitForSeveral(storages, .join, needsAll: true) {
    eddy_gather_start($0.baseAddress, $0.count, 0, $1)
  } read: { _ in
  }
  return (repeat try await (each task).join())
}

/// Waits until all tasks have ended, well or not, and owns them: it cancels none of its own accord,
/// but a cancellation of the caller goes to all.
/// - Returns: what each ended with, in the order of `tasks`: its value, its error, or
///   `TargetCancelledError`.
/// - Throws: `CancellationError` if the caller was cancelled and not all gave values.
public nonisolated(nonsending) func gatherResults<Value>(
  _ tasks: [TaskHandle<Value>]
) async throws -> [Result<Value, any Error>] {
  nonisolated(unsafe) var results: [Result<Value, any Error>] = []
  try await waitForSeveral(tasks.map { $0.storage }, .join, needsAll: true) {
    eddy_gather_start($0.baseAddress, $0.count, EDDY_GATHER_ALL, $1)
  } read: { _ in
    results = tasks.map { task in
      Result { try task.storage.value(task.storage.read()) }
    }
  }
  return results
}

/// What a wait for several tasks has found. A task that was given twice is there once.
public struct WaitedTasks<Value>: Sendable {
  /// Those that had ended, well or not, in the order in which they were given.
  public var done: [TaskHandle<Value>]
  /// The others; they go on.
  public var pending: [TaskHandle<Value>]
}

/// Waits until all tasks have ended, or the time is over, and only observes: nothing is cancelled,
/// and the end of the time is no error.
/// - Parameter timeout: nil for no limit.
/// - Throws: `CancellationError` if the caller was cancelled first; `EddyError` for no tasks.
public nonisolated(nonsending) func waitAll<Value>(
  _ tasks: [TaskHandle<Value>], timeout: Duration? = nil
) async throws -> WaitedTasks<Value> {
  try await wait(tasks, until: EDDY_UNTIL_ALL, timeout)
}

/// `waitAll` that ends as soon as one task has ended.
public nonisolated(nonsending) func waitAny<Value>(
  _ tasks: [TaskHandle<Value>], timeout: Duration? = nil
) async throws -> WaitedTasks<Value> {
  try await wait(tasks, until: EDDY_UNTIL_ANY, timeout)
}

/// `waitAll` that ends as soon as one task has failed. To be cancelled is not to fail.
public nonisolated(nonsending) func waitFirstError<Value>(
  _ tasks: [TaskHandle<Value>], timeout: Duration? = nil
) async throws -> WaitedTasks<Value> {
  try await wait(tasks, until: EDDY_UNTIL_ERROR, timeout)
}

private nonisolated(nonsending) func wait<Value>(
  _ tasks: [TaskHandle<Value>], until: Int32, _ timeout: Duration?
) async throws -> WaitedTasks<Value> {
  if tasks.isEmpty { throw EddyError(status: EDDY_EINVAL, message: "there are no tasks") }
  let nanoseconds = timeout?.nanoseconds ?? Int64.max
  nonisolated(unsafe) var waited = WaitedTasks<Value>(done: [], pending: [])
  let needsAll = until == EDDY_UNTIL_ALL && timeout == nil
  try await waitForSeveral(tasks.map { $0.storage }, .observe, needsAll: needsAll) {
    eddy_wait_start($0.baseAddress, $0.count, until, nanoseconds, $1)
  } read: { future in
    var flags = [UInt8](repeating: 0, count: tasks.count)
    try check(eddy_wait_finish(future, &flags, nil))
    var seen: Set<UInt64> = []
    for (task, flag) in zip(tasks, flags) where seen.insert(task.task.id).inserted {
      if flag != 0 { waited.done.append(task) } else { waited.pending.append(task) }
    }
  }
  return waited
}

/// Waits for the first task that ends, well or not.
/// - Parameter cancelsOthers: the others are cancelled and waited for; else they are left alone,
///   and a cancelled caller leaves all of them alone.
/// - Returns: that task, whose `value` is there. If several have ended already, the first of them
///   in `tasks`.
/// - Throws: `CancellationError` if the caller was cancelled first; `EddyError` for no tasks.
public nonisolated(nonsending) func select<Value>(
  _ tasks: [TaskHandle<Value>], cancelsOthers: Bool = false
) async throws -> TaskHandle<Value> {
  if tasks.isEmpty { throw EddyError(status: EDDY_EINVAL, message: "there are no tasks") }
  nonisolated(unsafe) var index = 0
  let flags = cancelsOthers ? EDDY_SELECT_CANCEL : 0
  try await waitForSeveral(
    tasks.map { $0.storage }, cancelsOthers ? .join : .observe, needsAll: cancelsOthers
  ) {
    eddy_select_start($0.baseAddress, $0.count, flags, $1)
  } read: { future in
    try check(eddy_select_finish(future, &index))
  }
  return tasks[index]
}

extension TaskHandle {
  /// `join` with a limit: when the time is over the task is cancelled, and the wait lasts until it
  /// has ended, which may be later.
  /// - Parameter limit: zero or less is over at once: a task that has not begun never runs.
  /// - Throws: `TimeoutError` if the time was over and the task ended cancelled; its value or its
  ///   own error count all the same if it gave one; else as `join`.
  public nonisolated(nonsending) func join(within limit: Duration) async throws -> Value {
    nonisolated(unsafe) var value: Value?
    let nanoseconds = limit.nanoseconds
    try await waitForSeveral([storage], .join, needsAll: true) {
      eddy_wait_for_start($0[0], nanoseconds, $1)
    } read: { _ in
      value = try storage.value(storage.read())
    }
    return value.unsafelyUnwrapped
  }
}

/// Starts a combined future, waits for it, and reads what its tasks gave, all on the loop's thread.
/// - Parameter needsAll: it cannot end before all tasks have.
private nonisolated(nonsending) func waitForSeveral(
  _ tasks: [AnyTaskStorage], _ kind: WaitKind, needsAll: Bool,
  start:
    @escaping @Sendable (
      UnsafeBufferPointer<eddy_future_t>, UnsafeMutablePointer<eddy_future_t>
    ) -> eddy_status_t,
  read: @escaping @Sendable (eddy_future_t) throws -> Void
) async throws {
  guard let state = tasks.first?.state else { return }
  try await state.onThread {
    if needsAll { try refuseToWaitForOneself(tasks) }
    var future = eddy_future_t()
    let futures = tasks.map { eddy_future_t(id: $0.task.id) }
    try check(futures.withUnsafeBufferPointer { start($0, &future) })
    defer { _ = eddy_future_release(future) }
    try await finish(future, kind, state)
    try read(future)
  }
}

private func refuseToWaitForOneself(_ tasks: [AnyTaskStorage]) throws {
  let waiter = CurrentTask.task
  if waiter.id == 0 { return }
  for storage in tasks where eddy_task_is_inside(waiter, storage.task) != 0 {
    throw waitWithoutEnd
  }
}

/// Waits for a combined future, and throws what it ended with if that is no success.
nonisolated(nonsending) func finish(
  _ future: eddy_future_t, _ kind: WaitKind, _ state: LoopState
) async throws {
  await state.wait(for: future, kind)
  let status = eddy_future_result(future, nil)
  if status == EDDY_OK { return }
  let isOwn = status == EDDY_EPENDING || (status == EDDY_ETARGETCANCELED && Task.isCancelled)
  throw isOwn ? CancellationError() : currentError(status)
}
