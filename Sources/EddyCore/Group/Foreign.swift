// Foreign tasks: their steps are another runtime's, their place in the tree is ours.
//
// Owns the loop's list of registered runtimes.
// Phases, each change in one function:
//   starting -step->     running    start is called
//   starting -step->     ended      it was cancelled before: start is never called
//   running  -complete-> closing    its root scope waits for what is inside
//   closing  -step->     ended      nothing is inside any more
// Invariants:
// 1. start, cancel and release of an instance are called from the queue, never inside another call
//    of the runtime's, and each at most once.
// 2. A foreign task opens no scopes here; its root may be a group, a shield, or have a deadline.
// Threads: the loop's.

import CEddy

let runtimeLimit: UInt32 = 8

extension Ref where Record == LoopRecord {
  /// The runtime that these ops have been copied from.
  func findRuntime(_ source: UnsafePointer<eddy_foreign_ops_t>) -> Ref<ForeignRuntime>? {
    for index in 0..<Int(self.runtimeCount) where runtime(at: index).source == source {
      return runtime(at: index)
    }
    return nil
  }

  /// The loop's copy of ops that it does not know yet; nil when there are too many runtimes.
  func registerRuntime(_ source: UnsafePointer<eddy_foreign_ops_t>, _ ops: eddy_foreign_ops_t)
    -> Ref<ForeignRuntime>?
  {
    guard self.runtimeCount < runtimeLimit else { return nil }
    let entry = runtime(at: Int(self.runtimeCount))
    entry.source = source
    entry.ops = ops
    self.runtimeCount &+= 1
    return entry
  }

  /// A foreign task that will be started in a later round. Nil when memory or slots are out.
  @_optimize(speed)
  func makeForeign(
    _ request: SpawnRequest, _ runtime: Ref<ForeignRuntime>, root form: ScopeForm
  ) -> TaskRef? {
    guard let task = self.tasks.take(.task) else { return nil }
    guard initialize(task, request) else {
      discard(task)
      return nil
    }
    task.foreign = runtime
    task.function = nil
    task.releaseContext = runtime.ops.release
    task.foreignPhase = .starting
    task.stack = nil
    task.ready = Runnable(
      next: nil, run: { raw in Loop.running.stepForeign(TaskRef(raw: raw)) }, owner: task.raw,
      isQueued: false, isTask: true)
    let isPlain = !form.isShield && form.timeout == Int64.max
    task.ownRootRef.isGroup = form.isGroup
    if isPlain {
      enroll(task, task.ownRootRef, in: request.parent)
      // Only a body is let in where cancellation is visible.
      task.root.isEffective = request.parent.isEffective
    } else {
      guard let root = makeScopeOutOfLine(form, in: request.parent, owner: task, site: request.site)
      else {
        Memory.free(task.name)
        dropContext(of: task)
        discard(task)
        return nil
      }
      root.isRoot = true
      task.root = root
      task.scope = root
      countLive(in: request.parent)
    }
    makeForeignReady(task)
    return task
  }

  @_optimize(speed)
  private func stepForeign(_ task: TaskRef) {
    switch task.foreignPhase {
    case .starting where task.root.isEffective && !task.isBody:
      completeForeign(task, EDDY_ECANCELED, nil)
      endForeign(task)
    case .starting:
      task.foreignPhase = .running
      // Opening a scope is no cancel point: its body begins, and is told as any other.
      if task.isBody, task.root.isEffective {
        task.owesCancel = true
        makeForeignReady(task)
      }
      tell(task, task.foreign.unsafelyUnwrapped.ops.start.unsafelyUnwrapped)
    case .running:
      if task.owesCancel, let cancel = task.foreign.unsafelyUnwrapped.ops.cancel {
        task.owesCancel = false
        tell(task, cancel)
      }
    case .closing:
      if task.root.liveTasks == 0 { endForeign(task) }
    case .none, .ended:
      break
    }
    unpin(task.completion)
  }

  /// Calls `start` or `cancel`, with no task current, in a copy of the task's context.
  @_optimize(speed)
  private func tell(
    _ task: TaskRef, _ function: @convention(c) (UnsafeMutableRawPointer?, eddy_task_t) -> Void
  ) {
    let outer = contexts.beginCallback(in: contexts.copy(task.contextPlace))
    function(task.context, eddy_task_t(id: task.id))
    contexts.endCallback(outer)
  }

  /// Begins the end of a foreign task. What it ends with is kept in its completion, which nobody
  /// reads before it is settled.
  @_optimize(speed)
  private func completeForeign(_ task: TaskRef, _ status: eddy_status_t, _ error: ErrorRef?) {
    var slot = ErrorSlot(status: status, error: error)
    let start = beginClose(task.root, status, cancelChildren: false, errors: &slot)
    task.foreignPhase = .closing
    task.completion.status = status
    task.completion.error = start.error
    task.closeOwn = start.own
    task.closeByDeadline = start.ownByDeadline
  }

  @_optimize(speed)
  private func endForeign(_ task: TaskRef) {
    let root = task.root
    let status = task.completion.status
    root.isSealed = true
    let start = CloseStart(
      own: task.closeOwn, ownByDeadline: task.closeByDeadline, hasExpired: root.hasExpired,
      reasonCode: root.reasonCode, error: task.completion.error)
    task.completion.error = nil
    let verdict = judge(root, status, start)
    let error = takeOutcome(of: root, verdict, start)
    task.foreignPhase = .ended
    if verdict.status == EDDY_OK {
      diagnostics.release(error)
    } else {
      diagnostics.replace(task.at.lastError, verdict.status, error)
    }
    finish(task, verdict.status)
  }
}

extension Ref where Record == LoopRecord {
  /// Takes what the runtime gives as the outcome of a running foreign task: a value, or a failure
  /// whose error carries it.
  @_optimize(speed)
  func complete(
    _ task: TaskRef, _ status: eddy_status_t, _ value: UnsafeMutableRawPointer?,
    _ release: eddy_release_fn?
  ) {
    var error: ErrorRef?
    if status == EDDY_OK {
      task.restoreReturn(
        ReturnedValue(hasValue: value != nil || release != nil, value: value, release: release))
    } else {
      error = failure(status, carrying: value, release)
    }
    completeForeign(task, status, error)
    if task.root.liveTasks == 0 { makeForeignReady(task) }
  }

  /// The error that a runtime's failure ends with: its current one if the status is the same. It
  /// carries the runtime's own value; one that others hold is not touched.
  private func failure(
    _ status: eddy_status_t, carrying value: UnsafeMutableRawPointer?, _ release: eddy_release_fn?
  ) -> ErrorRef? {
    let current = diagnostics.takeError(from: errorSlot, for: status)
    if value == nil, release == nil { return current ?? diagnostics.makeError(status, nil) }
    var error = current
    if current?.isFreeToCarry != true {
      error = diagnostics.makeError(status, current?.message.map { UnsafePointer($0) })
      if let current, error?.addCause(current) != true { diagnostics.release(current) }
    }
    guard let error else {
      Gate.release(value, with: release)
      return nil
    }
    error.payload = value
    error.releasePayload = release
    return error
  }
}

extension Ref where Record == LoopRecord {
  /// Makes a foreign task the current one. It is pinned until the leave. Nil when memory is out.
  @_optimize(speed)
  func enter(_ task: TaskRef) -> Ref<EntryRecord>? {
    dropEntries(above: self.current)
    guard let entry = self.entries.take() else { return nil }
    entry.task = task
    entry.previous = self.current
    entry.previousFiber = self.fiber
    entry.previousID = self.current?.id ?? 0
    entry.next = self.lastEntry
    self.lastEntry = entry
    pin(task.completion)
    self.current = task
    self.fiber = nil
    return entry
  }

  /// Forgets enters that were never left: what they were made in is not running any more.
  func dropEntries(above task: TaskRef?) {
    while let entry = self.lastEntry, entry.task != task {
      self.lastEntry = entry.next
      let left = entry.task
      self.entries.give(entry)
      if let left { unpin(left.completion) }
    }
  }

  /// Ends the last enter, if its task is the current one and had this previous one.
  @_optimize(speed)
  func leave(_ previousID: UInt64) -> Bool {
    guard let entry = self.lastEntry, entry.previousID == previousID, let task = entry.task,
      self.current == task
    else { return false }
    self.lastEntry = entry.next
    self.current = entry.previous
    self.fiber = entry.previousFiber
    self.entries.give(entry)
    unpin(task.completion)
    return true
  }
}
