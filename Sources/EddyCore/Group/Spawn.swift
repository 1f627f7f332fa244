// Making tasks: the record, its root scope, its place in the tree, and for a fiber its stack.
//
// Invariants:
// 1. A task that could not be made leaves nothing behind; its context is released by the caller of
//    these functions, once.
// 2. A new task runs in a later round.
// Threads: the loop's.

import CEddy

struct SpawnRequest {
  var parent: ScopeRef
  var context: UnsafeMutableRawPointer?
  var name: UnsafePointer<CChar>?
  var site: UnsafePointer<CChar>?
  /// The context to share, or nil for a copy of the current one.
  var sharing: ContextRef?
  /// The caller runs its first step: see Eager.swift.
  var isEager = false
}

extension Ref where Record == LoopRecord {
  /// Why nothing may be spawned into a scope now, or EDDY_OK.
  @inline(__always)
  func refusalToSpawn(in parent: ScopeRef) -> eddy_status_t {
    if !parent.isEffective, !parent.isSealed { return EDDY_OK }
    if parent.isSealed { return EDDY_ECLOSED }
    return callerIsInside(parent) ? EDDY_ECANCELED : EDDY_ECLOSED
  }

  private func callerIsInside(_ group: ScopeRef) -> Bool {
    guard let task = self.current else { return false }
    if group == loopScope { return true }
    var cursor: ScopeRef? = task.scope
    while let scope = cursor {
      if scope == group { return true }
      cursor = scope.parent
    }
    return false
  }

  /// A fiber that will run `function`. Nil when memory, slots or stacks are out.
  @inline(__always)
  func makeFiber(
    _ request: SpawnRequest, _ function: eddy_task_fn, release: eddy_release_fn?, stackBytes: Int
  ) -> TaskRef? {
    guard let task = self.tasks.take(.task) else { return nil }
    if !equip(task, stackBytes: stackBytes) {
      discard(task)
      return nil
    }
    guard initialize(task, request) else {
      discardStack(of: task)
      discard(task)
      return nil
    }
    task.function = function
    task.releaseContext = release
    task.foreignPhase = .none
    task.ready = Runnable(next: nil, run: nil, owner: task.raw, isQueued: false, isTask: true)
    enroll(task, task.ownRootRef, in: request.parent)
    if !request.isEager { core.makeReady(task.at.ready) }
    return task
  }

  /// Takes back a record that never became a task.
  func discard(_ task: TaskRef) {
    self.tasks.invalidate(task)
    self.tasks.recycle(task)
  }

  /// Sets every field that fibers and foreign tasks share. False when memory is out.
  @inline(__always)
  func initialize(_ task: TaskRef, _ request: SpawnRequest) -> Bool {
    task.completion.reset(isTask: true, site: request.site)
    task.name = nil
    if let name = request.name {
      task.name = copyText(name)
      if task.name == nil { return false }
    }
    task.context = request.context
    task.foreign = nil
    task.lastError = ErrorSlot(status: EDDY_OK, error: nil)
    task.cancelRequests = 0
    task.budget = operationBudget
    task.owesCancel = false
    task.isBody = false
    task.isBeside = false
    if let spawner = self.current {
      task.spawner = spawner.id
      task.local = spawner.local
    } else {
      task.spawner = 0
      task.local = nil
    }
    task.contextPlace = contextForLater(request.sharing)
    self.lastSerial &+= 1
    task.serial = self.lastSerial
    let root = task.ownRootRef
    root.reset(owner: task, site: request.site)
    root.isRoot = true
    return true
  }

  /// Gives a task its root scope and hangs that below the parent.
  @inline(__always)
  func enroll(_ task: TaskRef, _ root: ScopeRef, in parent: ScopeRef) {
    task.root = root
    task.scope = root
    parent.adopt(root)
    countLive(in: parent)
  }

  @inline(__always)
  func countLive(in parent: ScopeRef) {
    parent.liveTasks &+= 1
    if core.host != nil, !core.isRunning { core.updateHost(hasLiveTasks: true) }
  }
}

extension Ref where Record == TaskRecord {
  @inline(__always)
  var ownRootRef: ScopeRef { ScopeRef(self.at.ownRoot) }
}
