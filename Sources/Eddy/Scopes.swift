// Scopes in Swift: timeout, group and shield. Each is a child task, which can be left cancelled
// while its parent is not.
//
// Invariants:
// 1. The parent waits for the child, so the body may use what is not Sendable, and keeps its
//    isolation.
// 2. A cancellation of the parent, by Eddy or by Swift's own means, is outer: it passes through as
//    CancellationError. Only the scope's own deadline becomes TimeoutError.
// 3. A shield's child is not told of the parent's cancellation before the grace ends.
// 4. Opening a scope is no cancel point: in a cancelled task the child runs all the same, and is
//    cancelled before its body begins.
// 5. The child's failure is the parent's to catch: it does not fail a group around it.
// Threads: the body runs where its isolation says, all else on the loop's.

import CEddy

/// What a scope's child task has ended with.
private enum ScopeEnd {
  case done
  /// Something further out is cancelled.
  case cancelledFromOutside
  /// Its own deadline has passed, and nothing further out is cancelled.
  case expired
  /// It was cancelled itself, as by `Group.cancel`, and nothing further out is.
  case left(why: String)
  case failed(any Error)
}

struct ScopeForm: Sendable {
  var flags: UInt32 = 0
  var timeout: Int64 = 0
  /// In options 0 is no deadline: one that has passed is set once the scope is there.
  var hasExpired = false
  var grace: Int64 = 0
  var isShield: Bool { flags & EDDY_SCOPE_SHIELD != 0 }
}

extension Duration {
  /// Whole nanoseconds, at most what the C header can say.
  var nanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    if overflow { return seconds < 0 ? Int64.min : Int64.max }
    let (sum, carry) = whole.addingReportingOverflow(attoseconds / 1_000_000_000)
    return carry ? (seconds < 0 ? Int64.min : Int64.max) : sum
  }
}

/// Runs `body` with a deadline of its own.
/// - Parameter duration: from now; zero or less has passed at the first wait.
/// - Throws: `TimeoutError` if this deadline ended the body; `CancellationError` if something
/// further   out did; the body's own error otherwise.
public func withTimeout<Value>(
  _ duration: Duration, isolation: isolated (any Actor)? = #isolation,
  _ body: () async throws -> Value
) async throws -> Value {
  let nanoseconds = duration.nanoseconds
  return try await runScope(
    ScopeForm(timeout: max(nanoseconds, 1), hasExpired: nanoseconds <= 0), body)
}

/// Runs `body` out of reach of cancellation from outside, until the grace ends.
/// - Parameter grace: from when a cancellation arrives; nil for the loop's own.
public func withShield<Value>(
  grace: Duration? = nil, isolation: isolated (any Actor)? = #isolation,
  _ body: () async throws -> Value
) async throws -> Value {
  let form = ScopeForm(
    flags: EDDY_SCOPE_SHIELD, grace: grace.map { max($0.nanoseconds, 1) } ?? 0)
  return try await runScope(form, body)
}

/// A group that is open: tasks are spawned into it, in Swift and in C.
public struct Group: Sendable {
  /// The scope for C functions, valid while the group's body runs or its children do.
  public let scope: eddy_scope_t
  @usableFromInline let state: LoopState

  /// A group that C code has opened on this thread's loop, so that Swift can spawn into it.
  /// - Parameter scope: not owned; a closed one is refused at its use.
  public init(scope: eddy_scope_t) throws {
    self.init(scope: scope, state: try loopState())
  }

  init(scope: eddy_scope_t, state: LoopState) {
    self.scope = scope
    self.state = state
  }

  /// Starts a Swift closure as a child. Its failure cancels the group.
  @discardableResult
  @inlinable public func spawn<Value>(
    name: String? = nil, file: StaticString = #fileID, line: UInt = #line,
    _ body: sending nonisolated(nonsending) @escaping () async throws -> Value
  ) throws -> TaskHandle<Value> {
    let storage = TaskStorage(state, body)
    try storage.spawn(in: scope, name, file, line)
    return TaskHandle(storage)
  }

  /// Starts a C function as a child, on a stack of its own.
  /// - Parameter context: passed to the function; it must outlive the child.
  @discardableResult
  public func spawn(
    name: String? = nil, file: StaticString = #fileID, line: UInt = #line,
    _ function: eddy_task_fn, context: UnsafeMutableRawPointer? = nil
  ) throws -> TaskHandle<UnsafeMutableRawPointer?> {
    let site = state.site(file, line)
    return try spawnFunction(name, state) { options, task in
      eddy_group_spawn_at(site, scope, function, context, options, task)
    }
  }

  /// Cancels the group's body and children; it then ends without an error of its own.
  public func cancel(reason: String? = nil) { _ = eddy_scope_cancel(scope, reason) }
}

/// Runs `body` with a group of children, and waits for all of them. A failure of one, or of the
/// body, cancels the others.
/// - Throws: `GroupError` with all failures; `CancellationError` if something further out was
///   cancelled.
public func withGroup<Value>(
  isolation: isolated (any Actor)? = #isolation, _ body: (Group) async throws -> Value
) async throws -> Value {
  var bodyError: (any Error)?
  do {
    let value = try await runScope(ScopeForm(flags: EDDY_SCOPE_GROUP)) {
      guard let state = CurrentTask.place?.state else { throw EddyError(status: EDDY_ENOTTASK) }
      do {
        return try await body(Group(scope: CurrentTask.scope, state: state))
      } catch {
        bodyError = error
        throw error
      }
    }
    // TG-18, for a cancellation by Swift's own means; of its own the core has told already.
    if Task.isCancelled { throw CancellationError() }
    return value
  } catch let error as GroupError {
    throw bodyError.map { error.listing($0) } ?? error
  }
}

private var noScopesHere: EddyError {
  EddyError(status: EDDY_ENOTTASK, message: "scopes are for tasks of a loop")
}

private func runScope<Value>(
  isolation: isolated (any Actor)? = #isolation, _ form: ScopeForm,
  _ body: () async throws -> Value
) async throws -> Value {
  guard let state = CurrentTask.place?.state else { throw noScopesHere }
  return try await withoutActuallyEscaping(body) { (lent) async throws -> Value in
    try await runScope(isolation: isolation, state, form, lending: lent)
  }
}

/// The child uses the body while this waits for it, and nobody uses it afterwards.
private func runScope<Value>(
  isolation: isolated (any Actor)?, _ state: LoopState, _ form: ScopeForm,
  lending body: @escaping () async throws -> Value
) async throws -> Value {
  nonisolated(unsafe) let lent = body
  let child = TaskStorage(state, lent)
  switch try await runChild(child, form) {
  case .done:
    return try child.value(nil)
  case .cancelledFromOutside:
    throw CancellationError()
  case .expired:
    throw TimeoutError()
  case .left(let why):
    // Leaving a scope that was cancelled itself is no error (TG-33), but only Void has a value now.
    if let nothing = () as? Value { return nothing }
    throw TargetCancelledError(reason: why)
  case .failed(let error):
    throw error
  }
}

/// Spawns the scope's task and owns it until its end, on the loop's thread.
private nonisolated(nonsending) func runChild(
  _ child: AnyTaskStorage, _ form: ScopeForm
) async throws -> ScopeEnd {
  var form = form
  form.flags |= EDDY_SCOPE_BODY
  if child.state.isHome { return try await runChildHere(child, form) }
  // A child that Swift has made opens it.
  form.flags |= EDDY_SCOPE_BESIDE
  let beside = form
  return try await child.state.onThread { try await runChildHere(child, beside) }
}

private nonisolated(nonsending) func runChildHere(
  _ child: AnyTaskStorage, _ form: ScopeForm
) async throws -> ScopeEnd {
  child.isScope = true
  try child.spawn(in: CurrentTask.scope, form)
  if form.hasExpired { _ = eddy_scope_reschedule(eddy_task_scope(child.task), Int64.min) }
  let grace = form.grace > 0 ? form.grace : child.state.grace
  await child.state.wait(
    for: eddy_task_future(child.task), form.isShield ? .shield(grace: grace) : .scope)
  return try readEnd(child.task)
}

private func readEnd(_ task: eddy_task_t) throws -> ScopeEnd {
  let status = eddy_future_result(eddy_task_future(task), nil)
  if status == EDDY_OK { return .done }
  // Its body may have failed with the cancellation of something else.
  let isCancelled = status == EDDY_ETARGETCANCELED && taskState(task) == EDDY_TASK_CANCELED
  if !isCancelled { return .failed(currentError(status)) }
  if Task.isCancelled || currentCancelReason != nil { return .cancelledFromOutside }
  let reason = cancelReason(of: task)
  return reason?.code == EDDY_REASON_DEADLINE ? .expired : .left(why: reason?.message ?? "")
}
