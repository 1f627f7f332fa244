// Spawning tasks outside groups, sleeping, and asking about oneself.
//
// Threads: code of loop tasks; the calls themselves are made on the loop's thread.

import CEddy

/// Starts a Swift closure below the loop's scope: no cancellation or deadline of the caller reaches
/// it. The loop owns it; letting go of the handle does not stop it.
@discardableResult
@inlinable public func spawn<Value>(
  name: String? = nil, file: StaticString = #fileID, line: UInt = #line,
  _ body: sending nonisolated(nonsending) @escaping () async throws -> Value
) throws -> TaskHandle<Value> {
  let storage = TaskStorage(try loopState(), body)
  try storage.spawn(in: eddy_scope_t(), name, file, line)
  return TaskHandle(storage)
}

/// Starts a C function below the loop's scope, on a stack of its own.
/// - Parameter context: passed to the function; it must outlive the task.
@discardableResult
public func spawn(
  name: String? = nil, file: StaticString = #fileID, line: UInt = #line, _ function: eddy_task_fn,
  context: UnsafeMutableRawPointer? = nil
) throws -> TaskHandle<UnsafeMutableRawPointer?> {
  let state = try loopState()
  let site = state.site(file, line)
  return try spawnFunction(name, state) { options, task in
    eddy_task_spawn_at(site, function, context, options, task)
  }
}

/// Waits on the loop's clock.
/// - Throws: `CancellationError` if cancelled before the time came.
public func sleep(for duration: Duration) async throws {
  let nanoseconds = duration.nanoseconds
  let state = try loopState()
  try await state.onThread {
    if Task.isCancelled {
      await state.fail(eddy_future_t(), afterWait: false)
      throw CancellationError()
    }
    var future = eddy_future_t()
    try check(eddy_sleep_start(nanoseconds, &future))
    defer { _ = eddy_future_release(future) }
    await state.wait(for: future, .observe)
    if eddy_future_result(future, nil) != EDDY_OK { throw CancellationError() }
    // A mere turn has no outcome that a cancellation could not take away (TO-06).
    if nanoseconds <= 0, Task.isCancelled || currentCancelReason != nil {
      // The core may have cancelled the task and not told Swift yet.
      withUnsafeCurrentTask { $0?.cancel() }
      await state.fail(eddy_future_t(), afterWait: true)
      throw CancellationError()
    }
  }
}

/// Why the code that runs is cancelled; nil if it is not, or if it was by Swift's own means.
public var currentCancelReason: CancelReason? { cancelReason(of: CurrentTask.task) }

/// The error of a refused spawn.
func spawnError(_ status: eddy_status_t) -> any Error {
  status == EDDY_ECANCELED ? CancellationError() : currentError(status)
}

/// What a task is doing: EDDY_TASK_*.
func taskState(_ task: eddy_task_t) -> Int32 {
  var info = eddy_task_info_t()
  info.size = UInt32(MemoryLayout<eddy_task_info_t>.size)
  return eddy_task_info(task, &info) == EDDY_OK ? info.state : 0
}

/// Why a task is cancelled; nil if it is not.
func cancelReason(of task: eddy_task_t) -> CancelReason? {
  var info = eddy_task_info_t()
  info.size = UInt32(MemoryLayout<eddy_task_info_t>.size)
  guard eddy_task_info(task, &info) == EDDY_OK else { return nil }
  if info.reason.code == EDDY_REASON_NONE { return nil }
  let message = withUnsafeBytes(of: info.reason.message) { bytes in
    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }
  return CancelReason(code: info.reason.code, message: message)
}

/// The executor of the loop that this code belongs to, for actors that want to live on it.
public var loopExecutor: (any SerialExecutor)? {
  (CurrentTask.place?.state ?? LoopState.ofThread)?.actorExecutor
}

@usableFromInline func loopState() throws -> LoopState {
  // The thread's own first: it is the cheaper question.
  if let state = LoopState.ofThread ?? CurrentTask.place?.state { return state }
  throw EddyError(status: EDDY_ENOTTASK, message: "there is no loop here")
}

/// Spawns a C function with what the options can say in Swift.
func spawnFunction(
  _ name: String?, _ state: LoopState,
  _ spawn: (UnsafePointer<eddy_spawn_options_t>, UnsafeMutablePointer<eddy_task_t>) -> eddy_status_t
) throws -> TaskHandle<UnsafeMutableRawPointer?> {
  var options = eddy_spawn_options_t()
  options.size = UInt32(MemoryLayout<eddy_spawn_options_t>.size)
  var task = eddy_task_t()
  func make(_ context: eddy_context_t) -> eddy_status_t {
    options.context = context
    guard let name else { return spawn(&options, &task) }
    return name.withCString { text in
      options.name = text
      return spawn(&options, &task)
    }
  }
  var status = EDDY_ECLOSED
  if !mustEnterToSpawn { status = make(eddy_context_t()) }
  if status == EDDY_ECLOSED { status = spawnEntered { make($0) } }
  if status != EDDY_OK { throw spawnError(status) }
  let storage = TaskStorage<UnsafeMutableRawPointer?>(state, nil)
  storage.task = task
  storage.isFunction = true
  storage.mayHaveEnded = true
  return TaskHandle(storage)
}
