// Swift tasks: their operations through `import Eddy`.
//
// Threads: the run's.

import CEddy
import Eddy

/// An error that only Swift knows.
struct Trouble: Error, Equatable {}

extension World {
  func runSwift(_ id: Int) async throws -> Value {
    let task = tasks[id]
    entered("T\(id)")
    if task.stage != .spawned { violate("T\(id) began as \(task.stage)") }
    task.stage = .running
    trace(task, "begins")
    note(id, -1, 0)
    if task.root.visibleSpan().isCertain(now, isSwift: true) {
      violate("T\(id) began though it was cancelled")
    }
    var failure: (any Error)?
    do {
      try await block(task.spec.body, task)
    } catch {
      failure = plain(statusOf(error)) == -6 ? EddyError(status: -6) : error
    }
    checkLevel(task, Task.isCancelled, "ending")
    // The core may know of a cancellation that Swift has not been told yet.
    let isCancelled = Task.isCancelled || currentCancelReason != nil
    ended(task, failure.map { statusOf($0) } ?? EDDY_OK, isCancelled: isCancelled)
    if let failure { throw failure }
    task.value = newValue()
    return Value(task.value)
  }

  private func block(_ ops: [Op], _ task: TaskState) async throws {
    var cleanups: [Op] = []
    var failure: (any Error)?
    for op in ops {
      if op.kind == .cleanup {
        cleanups.append(op)
        continue
      }
      let (status, error) = await perform(op, task)
      trace(task, "[\(op.id)] \(op.text) -> \(name(status))")
      note(task.id, op.id, status)
      if let error, op.tries || op.kind == .fail {
        failure = error
        break
      }
    }
    for op in cleanups.reversed() {
      let (status, _) = await scope(op, task)
      trace(task, "[\(op.id)] cleanup -> \(name(status))")
      note(task.id, op.id, status)
    }
    if let failure { throw failure }
  }

  private func perform(_ op: Op, _ task: TaskState) async -> (eddy_status_t, (any Error)?) {
    checkLevel(task, Task.isCancelled, "at [\(op.id)]")
    defer { task.waiting = .not }
    switch op.kind {
    case .group, .timeout, .shield:
      return await scope(op, task)
    case .sleep:
      return await pause(op, task)
    case .yield:
      executed[op.kind.rawValue] += 1
      await Task.yield()
      return (EDDY_OK, nil)
    case .join, .wait:
      return await waitForTask(op, task)
    case .fail:
      executed[op.kind.rawValue] += 1
      let error: any Error =
        op.status == EDDY_EFOREIGN ? Trouble() : EddyError(status: op.status, message: "on purpose")
      return (op.status, error)
    default:
      let status = call(op, by: task)
      return (status, status == EDDY_OK ? nil : error(status))
    }
  }

  private func error(_ status: eddy_status_t) -> any Error {
    status == EDDY_ECANCELED ? CancellationError() : EddyError(status: status)
  }

  private func pause(_ op: Op, _ task: TaskState) async -> (eddy_status_t, (any Error)?) {
    executed[op.kind.rawValue] += 1
    let begin = now
    let wasCancelled = Task.isCancelled
    task.waiting = .timed
    let length = fault == .earlyWake && op.time > 2 ? op.time - 1 : op.time
    do {
      try await Eddy.sleep(for: .milliseconds(length))
    } catch {
      if !(error is CancellationError) { violate("[\(op.id)] threw \(error)") }
      if !checkLevel(task, Task.isCancelled, "after [\(op.id)]") {
        violate("[\(op.id)] threw CancellationError where nothing is cancelled")
      }
      return (statusOf(error), error)
    }
    if wasCancelled { violate("[\(op.id)] passed in a cancelled scope") }
    if now != begin + op.time * 1_000_000 { violate("[\(op.id)] slept \(now - begin) ns") }
    checkLevel(task, Task.isCancelled, "after [\(op.id)]")
    return (EDDY_OK, nil)
  }

  private func waitForTask(_ op: Op, _ task: TaskState) async -> (eddy_status_t, (any Error)?) {
    executed[op.kind.rawValue] += 1
    let target = tasks[op.target]
    guard target.isHeld, target.swiftHandle != nil || target.cHandle != nil else {
      return (EDDY_OK, nil)
    }
    let scope = task.current!
    task.waiting = .task(op.target)
    if op.kind == .join { target.root.joiners.append((scope, now)) }
    var value: Int?
    var failure: (any Error)?
    do {
      value = try await read(target, isJoin: op.kind == .join)
    } catch {
      failure = error
    }
    if op.kind == .join {
      target.root.joiners.removeAll { $0.scope === scope }
      if scope.visibleSpan().isPossible(now) { target.root.own.allow(0) }
    }
    let isCancelled = checkLevel(task, Task.isCancelled, "after [\(op.id)]")
    let status = failure.map { statusOf($0) } ?? EDDY_OK
    checkRead(
      op, by: task, status, value: value, isCancelled: isCancelled)
    if target.outcome == EDDY_EFOREIGN, target.isSwift, status == EDDY_EFOREIGN,
      !(failure is Trouble)
    {
      violate("[\(op.id)] threw \(failure!), and not the task's own error")
    }
    return (status, failure)
  }

  private func read(_ target: TaskState, isJoin: Bool) async throws -> Int {
    if let handle = target.swiftHandle {
      return try await isJoin ? handle.join().number : handle.value.number
    }
    let handle = target.cHandle!
    return try await isJoin ? index(of: handle.join()) : index(of: handle.value)
  }

  // MARK: Scopes

  private func scope(_ op: Op, _ task: TaskState) async -> (eddy_status_t, (any Error)?) {
    executed[op.kind.rawValue] += 1
    let scope = Scope("S\(op.id)", in: task.current, owner: task.id, now)
    scope.isGroup = op.kind == .group
    scope.isShield = op.kind == .shield || op.kind == .cleanup
    if scope.isShield, op.kind == .shield { scope.grace = op.time * 1_000_000 }
    if op.kind == .timeout { scope.deadline = now + op.time * 1_000_000 }
    scopes[op.id] = scope
    task.current = scope
    var failure: (any Error)?
    do {
      try await enter(scope, op, task)
    } catch {
      failure = error
    }
    scope.isClosed = true
    task.current = scope.parent
    let status = failure.map { statusOf($0) } ?? EDDY_OK
    checkScope(scope, op, task, status, failure)
    return (status, failure)
  }

  private func enter(_ scope: Scope, _ op: Op, _ task: TaskState) async throws {
    switch op.kind {
    case .group:
      try await withGroup { group in
        scope.handle = group.scope
        try await inside(scope, op, task)
      }
    case .timeout:
      try await withTimeout(.milliseconds(op.time)) { try await inside(scope, op, task) }
    case .cleanup:
      try await withShield { try await inside(scope, op, task) }
    default:
      try await withShield(grace: .milliseconds(op.time)) { try await inside(scope, op, task) }
    }
  }

  private func inside(_ scope: Scope, _ op: Op, _ task: TaskState) async throws {
    scope.hasBodyRun = true
    do {
      try await block(op.body, task)
    } catch {
      scope.bodyStatus = statusOf(error)
      scope.own.allow(now)
      scope.bodyEnded(now)
      task.waiting = .children
      throw error
    }
    scope.bodyEnded(now)
    task.waiting = .children
  }

  private func checkScope(
    _ scope: Scope, _ op: Op, _ task: TaskState, _ status: eddy_status_t, _ failure: (any Error)?
  ) {
    if !scope.hasBodyRun { violate("the body of \(scope.name) did not run: \(name(status))") }
    let isCancelled = checkLevel(task, Task.isCancelled, "after \(scope.name)")
    let outer = task.current.visibleSpan()
    let own = scope.ownSpan()
    var owns = [scope.mustHaveBeenOwn]
    if own.isPossible(now), !scope.mustHaveBeenOwn { owns.append(true) }
    var outers = outer.isCertain(now, isSwift: true) ? [] : [false]
    if isCancelled || outer.isPossible(now) { outers.append(true) }
    let deadlines = scope.deadline <= now ? [false, true] : [false]
    checkClose(
      scope, scope.bodyStatus, status, own: owns, outer: outers, byDeadline: deadlines)
    if scope.isGroup, let group = failure as? GroupError {
      checkErrors(scope, body: scope.bodyStatus, group.errors.map { statusOf($0) })
    }
  }
}

extension Scope {
  /// Of a Swift scope: notes what was certain of it when its body ended.
  func bodyEnded(_ now: Time) {
    mustHaveBeenOwn = ownSpan().isCertain(now, isSwift: true)
    closing = now
  }
}
