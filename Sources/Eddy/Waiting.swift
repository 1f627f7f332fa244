// Waiting for a future or a task of the core from Swift.
//
// Owns the Waiter of each wait.
// Invariants:
// 1. A continuation is resumed exactly once, on the loop's thread.
// 2. A Swift cancellation runs on the canceller's thread, perhaps before the wait: it only posts to
//    the loop. What it does there depends on the kind of wait and is decided there.
// 3. What is complete is read whatever the cancellation (M3).
// Threads: the loop's, but `requestCancel`, which is for any.

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

  var isOwning: Bool {
    if case .observe = self { false } else { true }
  }
}

final class Waiter: @unchecked Sendable {
  private let future: eddy_future_t
  private let state: LoopState
  private let kind: WaitKind
  private let asker = CurrentTask.task
  private var grace = eddy_future_t()
  private var continuation: UnsafeContinuation<Void, Never>?
  private var isDone = false

  init(_ future: eddy_future_t, _ state: LoopState, _ kind: WaitKind) {
    self.future = future
    self.state = state
    self.kind = kind
  }

  /// Registers with the future; resumes when it is done, or when an observer is cancelled.
  func start(_ continuation: UnsafeContinuation<Void, Never>) {
    self.continuation = continuation
    let context = Unmanaged.passRetained(self).toOpaque()
    let status = eddy_future_on_done(future, Self.whenDone, context, Self.releaseSelf)
    // Who owns a wait lends what it stands on: it cannot give up for want of memory.
    if status != EDDY_OK, kind.isOwning { fatalError("Eddy: out of memory") }
    if status != EDDY_OK { finish() }
  }

  func requestCancel() {
    state.post(
      Unmanaged.passRetained(self).toOpaque(),
      { context in
        Unmanaged<Waiter>.fromOpaque(context!).takeUnretainedValue().cancel()
        return EDDY_OK
      }, release: Self.releaseSelf)
  }

  private func cancel() {
    if isDone { return }
    switch kind {
    case .observe:
      let context = Unmanaged.passUnretained(self).toOpaque()
      finish()
      _ = eddy_future_off_done(future, Self.whenDone, context, nil)
    case .join:
      _ = eddy_future_cancel(future, reasonOf(asker))
    case .scope:
      let target = eddy_task_t(id: future.id)
      if cancelReason(of: target) == nil { _ = eddy_task_cancel(target, reasonOf(asker)) }
    case .shield(let nanoseconds):
      startGrace(nanoseconds)
    }
  }

  /// The core has a grace of its own for what it cancels; this one is for Swift's own means.
  private func startGrace(_ nanoseconds: Int64) {
    guard grace.id == 0, eddy_sleep_start(nanoseconds, &grace) == EDDY_OK else { return }
    let context = Unmanaged.passRetained(self).toOpaque()
    _ = eddy_future_on_done(
      grace,
      { context, _ in
        let this = Unmanaged<Waiter>.fromOpaque(context!).takeUnretainedValue()
        if !this.isDone { _ = eddy_future_cancel(this.future, reasonOf(this.asker)) }
        return EDDY_OK
      }, context, Self.releaseSelf)
  }

  private func finish() {
    if isDone { return }
    isDone = true
    if grace.id != 0 { _ = eddy_future_release(grace) }
    let continuation = self.continuation
    self.continuation = nil
    continuation?.resume()
  }

  private static let whenDone: eddy_done_fn = { context, _ in
    Unmanaged<Waiter>.fromOpaque(context!).takeUnretainedValue().finish()
    return EDDY_OK
  }

  private static let releaseSelf: eddy_release_fn = { context in
    Unmanaged<Waiter>.fromOpaque(context!).release()
  }
}

/// Why a task is cancelled, for what it passes the request on to.
private func reasonOf(_ task: eddy_task_t) -> String {
  cancelReason(of: task)?.message ?? "the waiter was cancelled"
}

// These keep their caller's isolation: each function that does not looks for the executor to be on
// as it begins and after each call, and each look costs a tenth of a wait.
extension LoopState {
  /// Waits on the loop's thread. Returns when the future is done; an observer also when cancelled.
  nonisolated(nonsending) func wait(for future: eddy_future_t, _ kind: WaitKind) async {
    if eddy_future_result(future, nil) != EDDY_EPENDING { return }
    if !kind.isOwning, Task.isCancelled { return }
    let waiter = Waiter(future, self, kind)
    await withTaskCancellationHandler {
      await withUnsafeContinuation { waiter.start($0) }
    } onCancel: {
      waiter.requestCancel()
    }
  }

  /// Waits for a task, wherever the caller is, and gives what it left for C.
  /// - Throws: as `TaskHandle.value`.
  nonisolated(nonsending) func outcome(
    of task: eddy_task_t, _ kind: WaitKind
  ) async throws -> UnsafeMutableRawPointer? {
    if isOnThread {
      await wait(for: eddy_task_future(task), kind)
      return try read(task)
    }
    nonisolated(unsafe) var value: UnsafeMutableRawPointer?
    try await onThread {
      await self.wait(for: eddy_task_future(task), kind)
      value = try self.read(task)
    }
    return value
  }

  private func read(_ task: eddy_task_t) throws -> UnsafeMutableRawPointer? {
    var value: UnsafeMutableRawPointer?
    let status = eddy_future_result(eddy_task_future(task), &value)
    if status == EDDY_EPENDING { throw CancellationError() }
    if status == EDDY_ETARGETCANCELED, Task.isCancelled { throw CancellationError() }
    try check(status)
    return value
  }

  /// Runs `body` on the loop's thread.
  func onThread<Result: Sendable>(
    _ body: @Sendable () async throws -> Result
  ) async throws -> Result {
    if isOnThread { return try await body() }
    return try await withTaskExecutorPreference(taskExecutor) { try await body() }
  }
}
