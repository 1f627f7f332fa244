// The waits of a loop task's own body.
//
// Invariants:
// 1. A continuation is resumed exactly once, on the loop's thread.
// 2. Nobody but the core cancels the body's Swift task, so the core's cancel ends its waits, with
//    no handler of Swift's.
// Threads: the loop's.

import CEddy

/// The wait of a task's own body. It is in the storage, since there is one at a time.
struct OwnWait {
  var future = eddy_future_t()
  var kind = WaitKind.observe
  /// Set while the Swift task is suspended here, or just before.
  var continuation: UnsafeContinuation<Void, Never>?
}

extension AnyTaskStorage {
  /// False if the body is cancelled and only observes. Else it has to wait, in `wait`.
  final func beginWait(
    for future: eddy_future_t, _ kind: WaitKind, isCancelled: Bool
  ) -> Bool {
    wait.future = future
    wait.kind = kind
    hasGivenUp = false
    guard isCancelled else { return true }
    cancelOwned()
    return kind.isOwning
  }

  @usableFromInline final func wait(_ continuation: UnsafeContinuation<Void, Never>) {
    wait.continuation = continuation
    let context = Unmanaged.passUnretained(self).toOpaque()
    let status = eddy_future_on_done(wait.future, Self.whenDone, context, nil)
    if status == EDDY_OK { return }
    // Who owns a wait lends what it stands on: it cannot give up for want of memory.
    if wait.kind.isOwning { fatalError("Eddy: out of memory") }
    finishWait()
  }

  /// The core has cancelled the task.
  final func cancelWait() {
    if wait.continuation == nil { return }
    if wait.kind.isOwning { return cancelOwned() }
    let context = Unmanaged.passUnretained(self).toOpaque()
    var count = 0
    _ = eddy_future_off_done(wait.future, Self.whenDone, context, &count)
    // If it is done, its callback is on the way, and the outcome is read whatever the cancel (M3).
    if count == 0 { return }
    hasGivenUp = true
    finishWait()
  }

  private final func cancelOwned() {
    switch wait.kind {
    case .join: cancelTarget(wait.future, askedBy: task)
    case .scope: cancelScope(eddy_task_t(id: wait.future.id), askedBy: task)
    case .observe, .shield, .pause: break
    }
  }

  private final func finishWait() {
    guard let continuation = wait.continuation else { return }
    wait.continuation = nil
    loop._withUnsafeGuaranteedRef {
      $0.workers.last = worker
      if $0.isDebug { nameStep() }
      $0.runningInline { continuation.resume() }
    }
  }

  /// In debug mode: the callback that runs is a step of this task.
  @inline(never) private final func nameStep() {
    var previous = eddy_task_t()
    if eddy_foreign_enter(task, &previous) == EDDY_OK { _ = eddy_foreign_leave(previous) }
  }

  private static let whenDone: eddy_done_fn = { context, _ in
    borrow(context, as: AnyTaskStorage.self) { $0.finishWait() }
    return EDDY_OK
  }
}
