// The operations that do not suspend: the same for C tasks, Swift tasks and callbacks.
//
// Threads: the run's.

import CEddy
import Eddy

let releaseValue: eddy_release_fn = { raw in world.released(Int(bitPattern: raw) - 1) }
private let releaseContext: eddy_release_fn = { raw in
  world.contextReleased(Int(bitPattern: raw) - 1)
}
private let releaseCallback: eddy_release_fn = { raw in
  world.callbacks[Int(bitPattern: raw) - 1].releases += 1
}
private let futureIsDone: eddy_done_fn = { raw, _ in
  world.runCallback(Int(bitPattern: raw) - 1)
  return EDDY_OK
}
private let postedCall: eddy_task_fn = { raw in
  world.runCallback(Int(bitPattern: raw) - 1)
  return EDDY_OK
}

func pointer(_ number: Int) -> UnsafeMutableRawPointer {
  UnsafeMutableRawPointer(bitPattern: number + 1)!
}

func index(of pointer: UnsafeMutableRawPointer?) -> Int { Int(bitPattern: pointer) - 1 }

/// The status under which C would see a Swift error.
func statusOf(_ error: any Error) -> eddy_status_t {
  switch error {
  case is CancellationError: EDDY_ECANCELED
  case is TimeoutError: EDDY_ETIMEDOUT
  case is GroupError: EDDY_EGROUP
  case is TargetCancelledError: EDDY_ETARGETCANCELED
  case let error as EddyError: error.status
  default: EDDY_EFOREIGN
  }
}

extension World {
  func call(_ op: Op, by task: TaskState?) -> eddy_status_t {
    executed[op.kind.rawValue] += 1
    switch op.kind {
    case .spawn: return spawn(op, by: task)
    case .cancelTask: return cancelTask(op)
    case .dropTask: return dropTask(op)
    case .takeTask: return takeTask(op, by: task)
    case .cancelScope: return cancelScope(op)
    case .takeFuture: return takeFuture(op)
    case .complete, .failFuture, .cancelFuture: return settle(op)
    case .onDone, .post: return register(op)
    default: return EDDY_OK
    }
  }

  // MARK: Tasks

  private func spawn(_ op: Op, by task: TaskState?) -> eddy_status_t {
    let child = tasks[op.target]
    guard child.stage == .absent else { return EDDY_OK }
    var parent = loopScope
    if op.place >= 0 {
      guard let group = scopes[op.place], group.handle.id != 0 else { return EDDY_OK }
      parent = group
    }
    let span = parent.visibleSpan()
    let isClosing = parent.closing != never
    child.root = Scope("T\(child.id)", in: parent, owner: child.id, now)
    child.current = child.root
    child.stage = .spawned
    parent.children.append(child.id)
    let status = quietly { start(child, op, in: op.place >= 0 ? parent.handle : nil) }
    if status == EDDY_OK {
      child.isHeld = child.handle.id != 0
      child.root.handle = eddy_task_scope(child.handle)
      if span.isCertain(now, isSwift: false) { violate("T\(child.id) was let into a dead group") }
      if parent.isClosed { violate("T\(child.id) was let into a closed group") }
      return status
    }
    child.stage = .refused
    parent.children.removeLast()
    if child.hasContext, child.contextReleases != 1 {
      violate("the context of T\(child.id), refused, was not released")
    }
    // A call of the header from a job of Swift: the core does not see whose it is.
    let isUnseen = task?.isSwift == true && !child.isSwift && !op.isSwiftSpawn
    let isInside = task.map { parent === loopScope || parent.isSeen(around: $0.current) } ?? false
    let expected =
      parent.isClosed
      ? EDDY_EBADHANDLE : isInside && !isUnseen ? EDDY_ECANCELED : EDDY_ECLOSED
    if !parent.isClosed, !isClosing, !span.isPossible(now) {
      violate("T\(child.id) was refused with \(name(status)) by a group that is not cancelled")
    } else if status != expected, !isClosing {
      violate("T\(child.id) was refused with \(name(status)), not \(name(expected))")
    }
    return status
  }

  private func start(_ child: TaskState, _ op: Op, in group: eddy_scope_t?) -> eddy_status_t {
    if child.isSwift || op.isSwiftSpawn {
      do {
        try startThroughSwift(child, in: group)
        return EDDY_OK
      } catch {
        return statusOf(error)
      }
    }
    var options = eddy_spawn_options_t()
    options.size = UInt32(MemoryLayout<eddy_spawn_options_t>.size)
    options.release_context = releaseContext
    child.hasContext = true
    var handle = eddy_task_t()
    let status = withUnsafeMutablePointer(to: &handle) { handle in
      let result = op.isUnheld ? nil : handle
      guard let group else {
        return eddy_task_spawn_at(nil, fiberMain, pointer(child.id), &options, result)
      }
      return eddy_group_spawn_at(nil, group, fiberMain, pointer(child.id), &options, result)
    }
    child.handle = handle
    return status
  }

  private func startThroughSwift(_ child: TaskState, in scope: eddy_scope_t?) throws {
    let group = try scope.map { try Group(scope: $0) }
    guard child.isSwift else {
      let context = pointer(child.id)
      child.cHandle =
        try group?.spawn(fiberMain, context: context)
        ?? Eddy.spawn(fiberMain, context: context)
      child.handle = child.cHandle!.task
      return
    }
    child.hasContext = true
    let token = Token(child.id)
    let body: @Sendable () async throws -> Value = { try await world.runSwift(token.task) }
    child.swiftHandle = try group?.spawn(body) ?? Eddy.spawn(body)
    child.handle = child.swiftHandle!.task
  }

  private func cancelTask(_ op: Op) -> eddy_status_t {
    let target = tasks[op.target]
    guard target.isHeld else { return EDDY_OK }
    let wasLive = isLive(target)
    if wasLive { target.root.own.allow(now) } else { endedUnbegun(target) }
    let status = quietly { askToEnd(target, op, wasLive) }
    if status != (wasLive ? EDDY_OK : EDDY_EALREADY) {
      violate("cancelling T\(target.id) gave \(name(status))")
    }
    if status == EDDY_OK { target.root.own.setAfter(now) }
    if status == EDDY_EALREADY { target.wasRead = true }
    return EDDY_OK
  }

  /// In either language's way; Swift's says nothing.
  private func askToEnd(_ target: TaskState, _ op: Op, _ wasLive: Bool) -> eddy_status_t {
    guard op.id % 2 == 0, let handle = target.swiftHandle else {
      return eddy_task_cancel(target.handle, "asked")
    }
    handle.cancel(reason: "asked")
    return wasLive ? EDDY_OK : EDDY_EALREADY
  }

  private func dropTask(_ op: Op) -> eddy_status_t {
    let target = tasks[op.target]
    guard target.isHeld else { return EDDY_OK }
    if fault == .leakedReference, target.outcome == EDDY_OK { return EDDY_OK }
    release(target)
    return EDDY_OK
  }

  func release(_ task: TaskState) {
    task.isHeld = false
    if task.swiftHandle != nil {
      quietly { task.swiftHandle = nil }
    } else if task.cHandle != nil {
      quietly { task.cHandle = nil }
    } else {
      let status = quietly { eddy_task_release(task.handle) }
      if status != EDDY_OK { violate("releasing T\(task.id) gave \(name(status))") }
    }
  }

  /// Moves a C task's value out; a Swift one's is not C's to take.
  private func takeTask(_ op: Op, by task: TaskState?) -> eddy_status_t {
    let target = tasks[op.target]
    guard target.isHeld, !target.isSwift else { return EDDY_OK }
    let wasLive = isLive(target)
    var value: UnsafeMutableRawPointer?
    var release: eddy_release_fn?
    let status = quietly {
      eddy_future_take(eddy_task_future(target.handle), &value, &release)
    }
    if status == EDDY_EPENDING {
      if !wasLive { violate("T\(target.id) has ended, and nothing could be taken") }
      return EDDY_OK
    }
    // A cancelled reader gets ECANCELED or ETARGETCANCELED; which is the reader's affair.
    checkRead(
      op, by: task, status, value: index(of: value), isCancelled: status == EDDY_ECANCELED)
    if status == EDDY_OK {
      target.isTaken = true
      release?(value)
    }
    return EDDY_OK
  }

  private func cancelScope(_ op: Op) -> eddy_status_t {
    guard let scope = scopes[op.target], scope.handle.id != 0 else { return EDDY_OK }
    let wasClosing = scope.closing != never
    scope.own.allow(now)
    let status = quietly { eddy_scope_cancel(scope.handle, "asked") }
    let isRight =
      scope.isClosed
      ? status == EDDY_EBADHANDLE
      : status == EDDY_OK || wasClosing && status == EDDY_EBADHANDLE
    if !isRight { violate("cancelling \(scope.name) gave \(name(status))") }
    if status == EDDY_OK { scope.own.setAfter(now) }
    return EDDY_OK
  }

  // MARK: Futures

  private func takeFuture(_ op: Op) -> eddy_status_t {
    var value: UnsafeMutableRawPointer?
    var release: eddy_release_fn?
    let status = quietly { eddy_future_take(futures[op.target].handle, &value, &release) }
    checkFuture(op, status, index(of: value), isPendingRight: true)
    if status == EDDY_OK {
      futures[op.target].isTaken = true
      release?(value)
    }
    return EDDY_OK
  }

  /// What reading a future gave.
  func checkFuture(_ op: Op, _ status: eddy_status_t, _ value: Int, isPendingRight: Bool) {
    let future = futures[op.target]
    var expected: [eddy_status_t]
    switch future.stage {
    case .pending: expected = [isPendingRight ? EDDY_EPENDING : EDDY_ECANCELED]
    case .done: expected = [future.isTaken ? EDDY_ETAKEN : EDDY_OK]
    case .failed: expected = [FutureState.failure]
    case .cancelled: expected = [EDDY_ETARGETCANCELED, EDDY_ECANCELED]
    }
    if !expected.contains(status) { violate("F\(op.target) gave \(name(status))") }
    if status == FutureState.failure { futures[op.target].wasRead = true }
    guard status == EDDY_OK else { return }
    if value != future.value { violate("F\(op.target) gave value \(value), not \(future.value)") }
    if values[value] > 0 { violate("F\(op.target) gave a value that was released") }
  }

  private func settle(_ op: Op) -> eddy_status_t {
    let wasPending = futures[op.target].stage == .pending
    if fault == .lostCompletion, op.kind == .complete, op.target == 1 {
      futures[op.target].stage = .done
      return EDDY_OK
    }
    let handle = futures[op.target].handle
    let value = op.kind == .complete ? newValue() : -1
    let stage: FutureStage
    let status: eddy_status_t
    switch op.kind {
    case .complete:
      stage = .done
      status = quietly { eddy_future_complete(handle, pointer(value), releaseValue) }
    case .failFuture:
      stage = .failed
      status = quietly { eddy_future_fail(handle, FutureState.failure, "failed") }
    default:
      stage = .cancelled
      status = quietly { eddy_future_cancel(handle, "asked") }
    }
    if status != (wasPending ? EDDY_OK : EDDY_EALREADY) {
      violate("\(op.kind) F\(op.target) gave \(name(status))")
    }
    if op.kind == .cancelFuture, !wasPending { futures[op.target].wasRead = true }
    if status == EDDY_OK {
      futures[op.target].stage = stage
      futures[op.target].value = value
    } else if value >= 0, values[value] == 0 {
      violate("F\(op.target) refused value \(value), and kept it")
    }
    return EDDY_OK
  }

  // MARK: Callbacks

  private func register(_ op: Op) -> eddy_status_t {
    let number = callbacks.count
    callbacks.append(CallbackState(op: op))
    let status: eddy_status_t
    if op.kind == .post {
      status = quietly { eddy_post(postedCall, pointer(number), releaseCallback) }
    } else {
      callbacks[number].future = op.target
      futures[op.target].wasRead = true
      status = quietly {
        eddy_future_on_done(
          futures[op.target].handle, futureIsDone, pointer(number), releaseCallback)
      }
    }
    if status != EDDY_OK { violate("\(op.kind) gave \(name(status))") }
    if callbacks[number].releases > 0 { violate("callback \(number) was released at once") }
    if fault == .synchronousCallback, op.kind == .onDone, futures[op.target].stage != .pending {
      quietly { runCallback(number) }
    }
    return EDDY_OK
  }

  func runCallback(_ number: Int) {
    entered("callback \(number)")
    let state = callbacks[number]
    callbacks[number].runs += 1
    trace(nil, "[\(state.op.id)] runs")
    note(-1, state.op.id, 0)
    if state.runs > 0 { violate("callback \(number) ran twice") }
    if state.releases > 0 { violate("callback \(number) ran after its context was released") }
    if state.future >= 0, futures[state.future].stage == .pending {
      violate("callback \(number) ran, and F\(state.future) is pending")
    }
    for op in state.op.body {
      let status = call(op, by: nil)
      trace(nil, "[\(op.id)] \(op.text) -> \(name(status))")
      note(-1, op.id, status)
    }
  }
}
