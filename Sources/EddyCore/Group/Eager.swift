// When a spawn may run the first step of its task at once, and what a group learns of that step.
//
// Invariants:
// 1. A group hears of a child that failed in its eager step in a later round, so the spawn returns
//    before the group is cancelled. Until then the child counts as live in the group, whose close
//    therefore waits; the child's record is pinned, its `scope` is the group, and its
//    `ready` does the telling.
// Threads: the loop's.

import CEddy

/// Eager steps inside each other; a deeper one is an ordinary spawn.
private let eagerLimit: UInt32 = 64

extension Ref where Record == LoopRecord {
  /// Whether the caller's stack can be left for a first step: a fiber's, or the loop's own in a
  /// callback, without a job of a foreign runtime.
  var canStepEagerly: Bool {
    guard core.isRunning, self.current == self.fiber else { return false }
    if let step = self.eager, step.pointee.depth >= eagerLimit { return false }
    return self.runtimeCount == 0 || !hasForeignJob()
  }

  /// The running task failed in its eager step: its group is told in a later round.
  func postpone(_ task: TaskRef, in group: ScopeRef) {
    group.liveTasks &+= 1
    self.postponed &+= 1
    task.completion.isRead = true
    task.scope = group
    task.ready = Runnable(
      next: nil, run: { raw in Loop.running.tellGroup(TaskRef(raw: raw)) }, owner: task.raw,
      isQueued: false, isTask: false)
    pin(task.completion)
    core.makeReady(task.at.ready)
  }

  private func tellGroup(_ task: TaskRef) {
    let group = task.scope
    collect(task.completion.error, task.completion.status, from: task, in: group)
    group.liveTasks &-= 1
    self.postponed &-= 1
    if group.liveTasks == 0, group.isClosing { wakeCloser(of: group) }
    unpin(task.completion)
  }
}
