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
  /// Nothing: the wait lasts as long as it lasts.
  case pause

  var isOwning: Bool {
    if case .observe = self { false } else { true }
  }

  var isShield: Bool {
    if case .shield = self { true } else { false }
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
private func cancelTarget(_ target: eddy_future_t, askedBy asker: eddy_task_t) {
  if cancelReason(of: eddy_task_t(id: target.id)) != nil { return }
  _ = eddy_future_cancel(target, reasonOf(asker))
}

/// Tells a scope's task, unless the core has told it.
private func cancelScope(_ scope: eddy_task_t, askedBy asker: eddy_task_t) {
  if cancelReason(of: scope) == nil { _ = eddy_task_cancel(scope, reasonOf(asker)) }
}

/// Why a task is cancelled, for what it passes the request on to.
private func reasonOf(_ task: eddy_task_t) -> String {
  cancelReason(of: task)?.message ?? "the waiter was cancelled"
}

/// The wait of a task's own body. It is in the storage, since there is one at a time.
struct OwnWait {
  var future = eddy_future_t()
  var kind = WaitKind.observe
  /// Set while the Swift task is suspended here, or just before.
  var continuation: UnsafeContinuation<Void, Never>?
}

// The body's own waits: nobody but the core cancels its Swift task, so the core's cancel ends them,
// without a handler of Swift's.
extension AnyTaskStorage {
  /// False if the body is cancelled and only observes. Else it has to wait, in `wait`.
  fileprivate final func beginWait(
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

// These keep their caller's isolation: each function that does not looks for the executor to be on
// as it begins and after each call, and each look costs a tenth of a wait.
extension LoopState {
  /// Waits on the loop's thread. Returns when the future is done; an observer also when cancelled.
  nonisolated(nonsending) func wait(for future: eddy_future_t, _ kind: WaitKind) async {
    if eddy_future_result(future, nil) != EDDY_EPENDING {
      if spendOperation() { await Task.yield() }
      return
    }
    let current = RunningTask.now
    if !kind.isShield, let own = CurrentTask.own(current, on: self) {
      let mustWait = own._withUnsafeGuaranteedRef {
        $0.beginWait(for: future, kind, isCancelled: current.isCancelled)
      }
      if !mustWait { return await fail(future, afterWait: false) }
      await _unsafeInheritExecutor_withUnsafeContinuation { continuation in
        own._withUnsafeGuaranteedRef { $0.wait(continuation) }
      }
      if own._withUnsafeGuaranteedRef({ $0.hasGivenUp }) {
        await fail(future, afterWait: true)
      }
      return
    }
    if !kind.isOwning, current.isCancelled { return await fail(future, afterWait: false) }
    let waiter = Waiter(future, self, kind)
    await withTaskCancellationHandler {
      await withUnsafeContinuation { waiter.start($0) }
    } onCancel: {
      waiter.requestCancel()
    }
  }

  /// Whether the caller is on the loop's thread and comes back to it after each wait. A task that
  /// Swift has started there at once (`Task.immediate`) is on it, and does not come back.
  var isHome: Bool { isOnThread && CurrentTask.own(RunningTask.now, on: self) != nil }

  /// Runs `body` on the loop's thread.
  nonisolated(nonsending) func onThread<Result: Sendable>(
    _ body: @Sendable () async throws -> Result
  ) async throws -> Result {
    if isHome { return try await body() }
    return try await withTaskExecutorPreference(taskExecutor) { try await body() }
  }
}

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
    if status != EDDY_EPENDING, state.spendOperation() { return .spent }
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
