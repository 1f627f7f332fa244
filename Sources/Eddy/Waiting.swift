// Waiting for a future or a task of the core from Swift.
//
// Owns the Waiter of each wait.
// Invariants:
// 1. A continuation is resumed exactly once, on the loop's thread.
// 2. A Swift cancellation runs on the canceller's thread, perhaps before the wait: it only posts to
//    the
//    loop. What it does there is decided there: detach if the wait observes, pass the request on if
//    it owns.
// 3. What is complete is read whatever the cancellation (M3).
// Threads: the loop's, but `requestCancel`, which is for any.

import CEddy

final class Waiter: @unchecked Sendable {
  private let future: eddy_future_t
  private let state: LoopState
  private let isOwning: Bool
  private var continuation: UnsafeContinuation<Void, Never>?
  private var isDone = false

  init(_ future: eddy_future_t, _ state: LoopState, isOwning: Bool) {
    self.future = future
    self.state = state
    self.isOwning = isOwning
  }

  /// Registers with the future; resumes when it is done, or when an observer is cancelled.
  func start(_ continuation: UnsafeContinuation<Void, Never>) {
    self.continuation = continuation
    let context = Unmanaged.passRetained(self).toOpaque()
    let status = eddy_future_on_done(future, Self.whenDone, context, Self.releaseSelf)
    // Who owns a wait lends what it stands on: it cannot give up for want of memory.
    if status != EDDY_OK, isOwning { fatalError("Eddy: out of memory") }
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
    if isOwning {
      _ = eddy_future_cancel(future, "the joiner was cancelled")
      return
    }
    let context = Unmanaged.passUnretained(self).toOpaque()
    finish()
    _ = eddy_future_off_done(future, Self.whenDone, context, nil)
  }

  private func finish() {
    if isDone { return }
    isDone = true
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

extension LoopState {
  /// Waits on the loop's thread. Returns when the future is done; an observer also when cancelled.
  func wait(for future: eddy_future_t, isOwning: Bool) async {
    if eddy_future_result(future, nil) != EDDY_EPENDING { return }
    if Task.isCancelled {
      if !isOwning { return }
      _ = eddy_future_cancel(future, "the joiner was cancelled")
    }
    let waiter = Waiter(future, self, isOwning: isOwning)
    await withTaskCancellationHandler {
      await withUnsafeContinuation { waiter.start($0) }
    } onCancel: {
      waiter.requestCancel()
    }
  }

  /// Runs `body` on the loop's thread.
  func onThread<Result: Sendable>(
    _ body: @Sendable () async throws -> Result
  ) async throws -> Result {
    if isOnThread { return try await body() }
    return try await withTaskExecutorPreference(taskExecutor) { try await body() }
  }
}
