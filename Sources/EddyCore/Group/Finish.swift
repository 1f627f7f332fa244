// A task's life from its first step to its end.
//
// Invariants:
// 1. A task that was cancelled before its first step never runs its function.
// 2. The end happens in one piece, without a wait: leave the tree, tell the group, release the
//    function's context, drop the task's, give the completion its outcome.
// 3. A child's failure is in its group's error before the group is told that it has ended.
// Threads: the loop's.

import CEddy
import EddySwitch

extension Ref where Record == LoopRecord {
  /// What a new fiber runs on its own stack; returns the fiber to go on with.
  @_optimize(speed)
  static func fiberMain(_ raw: UnsafeMutableRawPointer?) -> FiberAddress? {
    let task = TaskRef(raw: raw.unsafelyUnwrapped)
    let loop = Loop.running
    let status: eddy_status_t
    if task.root.isEffective {
      status = loop.fail(EDDY_ECANCELED)
    } else {
      status = task.function.unsafelyUnwrapped(task.context)
      if Loop.boundToThread != loop {
        eddy_sw_abort("a task function returned in the child of a fork, where its loop is not")
      }
    }
    let result = loop.close(task.root, of: task, loop.normalized(status, task), info: nil)
    let stack = task.stack.unsafelyUnwrapped
    task.stack = nil
    loop.finish(task, result)
    return loop.exitFiber(on: stack)
  }

  /// The end of a task whose root scope has been closed with this result.
  @inline(__always)
  @_optimize(speed)
  func finish(_ task: TaskRef, _ status: eddy_status_t) {
    let parent = task.root.parent.unsafelyUnwrapped
    var error: ErrorRef?
    if status != EDDY_OK { error = takeFailure(of: task, status, group: parent) }
    let seen = task.root.isEffective && !task.completion.isUnseen ? task.root.cancelledScope : nil
    let code = seen?.reasonCode ?? 0
    let reason = seen?.reason?.retained()
    endScope(task.root)
    task.ownRoot.reasonCode = code
    task.ownRoot.reason = reason
    parent.liveTasks &-= 1
    // What is released from here on must not find a task that is going as the current one.
    if self.current == task {
      self.current = nil
      self.fiber = nil
    }
    releaseContext(of: task)
    // A failed one keeps it for the report of its failure, until it is freed.
    if status == EDDY_OK || status == EDDY_ECANCELED { dropContext(of: task) }
    if parent.liveTasks == 0, parent.isClosing { wakeCloser(of: parent) }
    let state: CompletionState =
      status == EDDY_OK ? .done : status == EDDY_ECANCELED ? .cancelled : .failed
    settleOutOfLine(task.completion, state, status, error)
  }

  @inline(__always)
  private func releaseContext(of task: TaskRef) {
    guard let release = task.releaseContext else { return }
    task.releaseContext = nil
    Gate.release(task.context, with: release)
  }

  /// The error of a task that ends without success; a group is told of a failure.
  private func takeFailure(of task: TaskRef, _ status: eddy_status_t, group: ScopeRef) -> ErrorRef?
  {
    dropReturn(of: task)
    let kept = diagnostics.takeError(from: task.at.lastError, for: status)
    if status == EDDY_ECANCELED {
      diagnostics.release(kept)
      if task.completion.isUnseen { return nil }
      let cause = task.root.cancelledScope.flatMap { makeError(from: $0, EDDY_ECANCELED) }
      return cause
    }
    task.failedInShutdown = self.isShutDown
    let error = kept ?? diagnostics.makeError(status, nil)
    if let error, error.taskSerial == 0 {
      error.taskSerial = task.serial
      error.taskName = copyText(task.name.map { UnsafePointer($0) })
      error.site = task.completion.site
    }
    if group.isGroup, !task.isBody {
      if self.eager == nil {
        collect(error, status, from: task, in: group)
      } else {
        postpone(task, in: group)
      }
    }
    return error
  }

  /// A child of a group has failed: its error is kept in the group's, and the group is cancelled.
  func collect(
    _ error: ErrorRef?, _ status: eddy_status_t, from task: TaskRef, in group: ScopeRef
  ) {
    if group.groupError == nil { group.groupError = diagnostics.makeError(EDDY_EGROUP, nil) }
    if let collected = group.groupError, let error, collected.addChild(error.retained()) {
      task.completion.isRead = true
    } else {
      if let error, group.groupError != nil { diagnostics.release(error) }
      report(
        status, "memory is out: a child's failure is reported here alone", about: task,
        site: task.completion.site, error: error)
      task.completion.isRead = true
    }
    group.hasFailed = true
    cancel(
      group, code: EDDY_REASON_CHILD, reason: makeReason(EDDY_REASON_CHILD, nil, askedBy: task))
  }

  /// The last task inside a closing scope has ended.
  func wakeCloser(of scope: ScopeRef) {
    guard let owner = scope.owner else { return }
    if owner.isForeign {
      makeForeignReady(owner)
    } else if owner.park.target == scope.raw {
      wake(owner)
    }
  }
}

extension Ref where Record == Completion {
  /// Nobody has a handle of it or waits for it: once it has ended, nobody can ask how.
  @inline(__always)
  fileprivate var isUnseen: Bool { self.slot.word == 0 && self.pins == 0 }
}
