// The wait of code that is not the body of a loop task, such as a child that Swift made; and that
// of a body for its shield.
//
// Owns the Waiter of each such wait.
// Invariants:
// 1. A continuation is resumed exactly once, on the loop's thread.
// 2. A Swift cancellation runs on the canceller's thread, perhaps before the wait: it only posts to
//    the loop. What it does there depends on the kind of wait and is decided there.
// Threads: the loop's, but `requestCancel`, which is for any.

import CEddy

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
      cancelTarget(future, askedBy: asker)
    case .scope:
      cancelScope(eddy_task_t(id: future.id), askedBy: asker)
    case .shield(let nanoseconds):
      startGrace(nanoseconds)
    case .pause:
      break
    }
  }

  /// The core has a grace of its own for what it cancels; this one is for Swift's own means.
  private func startGrace(_ nanoseconds: Int64) {
    guard grace.id == 0, eddy_sleep_start(nanoseconds, &grace) == EDDY_OK else { return }
    let context = Unmanaged.passRetained(self).toOpaque()
    _ = eddy_future_on_done(grace, Self.whenGraceEnds, context, Self.releaseSelf)
  }

  private static let whenGraceEnds: eddy_done_fn = { context, _ in
    let this = Unmanaged<Waiter>.fromOpaque(context!).takeUnretainedValue()
    if !this.isDone { _ = eddy_future_cancel(this.future, reasonOf(this.asker)) }
    return EDDY_OK
  }

  private func finish() {
    if isDone { return }
    isDone = true
    if grace.id != 0 {
      let context = Unmanaged.passUnretained(self).toOpaque()
      _ = eddy_future_off_done(grace, Self.whenGraceEnds, context, nil)
      _ = eddy_future_release(grace)
    }
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

/// Passes a joiner's cancellation on, unless the target sees one already: that keeps its reason.
func cancelTarget(_ target: eddy_future_t, askedBy asker: eddy_task_t) {
  if cancelReason(of: eddy_task_t(id: target.id)) != nil { return }
  _ = eddy_future_cancel(target, reasonOf(asker))
}

/// Tells a scope's task, unless the core has told it.
func cancelScope(_ scope: eddy_task_t, askedBy asker: eddy_task_t) {
  if cancelReason(of: scope) == nil { _ = eddy_task_cancel(scope, reasonOf(asker)) }
}

/// Why a task is cancelled, for what it passes the request on to.
func reasonOf(_ task: eddy_task_t) -> String {
  cancelReason(of: task)?.message ?? "the waiter was cancelled"
}
