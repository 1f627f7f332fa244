// A task as a person asks about it: state, place in the tree, what it waits for, since when, why it
// is cancelled.
//
// Owns nothing; everything is read from records that are kept anyway. Threads: the loop's.

import CEddy

extension Ref where Record == LoopRecord {
  /// Fills the public form, whose memory is zero.
  func describe(_ task: TaskRef, to info: UnsafeMutablePointer<eddy_task_info_t>) {
    info.pointee.state = publicState(of: task)
    info.pointee.serial = task.serial
    info.pointee.spawner = eddy_task_t(id: task.spawner)
    info.pointee.cancel_requests = Int32(clamping: task.cancelRequests)
    info.pointee.site = task.completion.site
    let isLive = task.completion.state == .pending
    if isLive { describePlace(of: task, to: info) }
    // An ended task keeps the reason that it saw in its own root.
    if let scope = isLive ? task.scope.cancelledScope : task.ownRootRef {
      let field = Ref<eddy_task_info_t>(info).at.reason
      field.pointee.code = Int32(scope.reasonCode)
      scope.reason?.describe(to: field)
    }
    describeName(of: task, to: info)
  }

  private func publicState(of task: TaskRef) -> Int32 {
    switch task.completion.state {
    case .done: return EDDY_TASK_DONE
    case .failed: return EDDY_TASK_FAILED
    case .cancelled: return EDDY_TASK_CANCELED
    case .pending: break
    }
    if self.current == task { return EDDY_TASK_RUNNING }
    switch task.foreignPhase {
    case .starting: return EDDY_TASK_READY
    case .running, .ended: return EDDY_TASK_RUNNING
    case .closing: return EDDY_TASK_WAITING
    case .none: break
    }
    return task.park.state == .waiting || task.park.state == .passed
      ? EDDY_TASK_WAITING : EDDY_TASK_READY
  }

  private func describePlace(
    of task: TaskRef, to info: UnsafeMutablePointer<eddy_task_info_t>
  ) {
    if let parent = task.root.parent, parent != loopScope {
      info.pointee.scope = eddy_scope_t(id: parent.publicID)
      info.pointee.parent = eddy_task_t(id: parent.owner?.id ?? 0)
    }
    guard info.pointee.state == EDDY_TASK_WAITING || info.pointee.state == EDDY_TASK_READY else {
      return
    }
    if task.foreignPhase == .closing {
      info.pointee.wait_kind = EDDY_WAIT_SCOPE
      info.pointee.wait_target = task.root.publicID
      return
    }
    if task.isForeign { return }
    info.pointee.wait_kind = Int32(task.park.kind.rawValue)
    info.pointee.since_ns = task.park.kind == .none ? 0 : task.park.since
    info.pointee.wait_target = waitTarget(of: task)
  }

  private func waitTarget(of task: TaskRef) -> UInt64 {
    switch task.park.kind {
    case .none, .yield:
      return 0
    case .sleep:
      let deadline =
        core.timers.deadline(of: task.parkTimer)
        ?? (task.park.state == .waiting ? Int64.max : core.now)
      return UInt64(bitPattern: deadline)
    case .future, .join, .several:
      return task.park.target.map { CompletionRef(raw: $0).slot.id } ?? 0
    case .scope:
      return task.park.target.map { ScopeRef(raw: $0).publicID } ?? 0
    case .descriptor:
      return task.park.target.map { UInt64($0.load(as: UInt32.self)) } ?? 0
    }
  }

  private func describeName(
    of task: TaskRef, to info: UnsafeMutablePointer<eddy_task_info_t>
  ) {
    let field = UnsafeMutableRawPointer(Ref<eddy_task_info_t>(info).at.name)
    let capacity = MemoryLayout.size(ofValue: info.pointee.name)
    if let name = task.name {
      fillText(field, capacity, from: UnsafePointer(name))
      return
    }
    var sink = TextSink(field.assumingMemoryBound(to: CChar.self), capacity: capacity)
    writeTaskName(to: &sink, nil, serial: task.serial)
    _ = sink.finish()
  }
}

extension Ref where Record == ScopeRecord {
  /// The handle of a scope; of a root scope the one that eddy_task_scope gives.
  var publicID: UInt64 {
    if self.isRoot, let owner = self.owner { return Handle.with(kind: .rootScope, owner.id) }
    return self.isTimed ? self.slot.id : 0
  }
}
