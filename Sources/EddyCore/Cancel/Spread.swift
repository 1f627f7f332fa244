// Cancelling a scope, and pushing the fact down the tree to all that can see it.
//
// Owns the list of scopes whose cancellation has still to be pushed down.
// Invariants:
// 1. A scope keeps its first reason.
// 2. Pushing down is a loop over a work list: cancel hooks that cancel other tasks add to the list
//    and never recurse, whatever the depth of scopes or the length of chains of joins.
// 3. A shield in force stops the push and starts its grace; the end of the grace resumes it.
// Threads: the loop's.

import CEddy

extension Ref where Record == LoopRecord {
  /// Cancels a scope, if it is not cancelled already. Takes over the reference to the reason.
  func cancel(_ scope: ScopeRef, code: Int32, reason: ReasonRef?) {
    if scope.isCancelled {
      release(reason)
      return
    }
    scope.isCancelled = true
    scope.reasonCode = UInt8(truncatingIfNeeded: code)
    scope.reason = reason
    spread(from: scope)
  }

  @inline(never)
  func cancel(_ scope: ScopeRef, code: Int32, message: UnsafePointer<CChar>? = nil) {
    if scope.isCancelled { return }
    cancel(scope, code: code, reason: makeReason(code, message))
  }

  /// Passes the cancellation that `task` sees on to the task that it owns.
  func passCancel(from task: TaskRef, to target: TaskRef) {
    target.cancelRequests &+= 1
    if target.root.isCancelled { return }
    guard let source = task.scope.cancelledScope else { return }
    cancel(target.root, code: Int32(source.reasonCode), reason: source.reason?.retained())
  }

  /// Makes a scope's cancellation visible to all inside it.
  @_optimize(speed)
  func spread(from scope: ScopeRef) {
    if scope.isEffective { return }
    scope.isEffective = true
    scope.nextSpread = nil
    if let last = self.lastSpread { last.nextSpread = scope } else { self.firstSpread = scope }
    self.lastSpread = scope
    if self.isSpreading { return }
    self.isSpreading = true
    while let next = self.firstSpread {
      self.firstSpread = next.nextSpread
      if self.firstSpread == nil { self.lastSpread = nil }
      visitTree(below: next)
    }
    self.isSpreading = false
  }

  /// Walks the tree below an effective scope in order of opening, without a stack of its own.
  @_optimize(speed)
  private func visitTree(below top: ScopeRef) {
    notifyOwner(of: top)
    var cursor = top
    var descend = true
    while true {
      if descend, let child = cursor.firstChild {
        cursor = child
      } else if cursor == top {
        return
      } else if let next = cursor.next {
        cursor = next
      } else {
        cursor = cursor.parent.unsafelyUnwrapped
        descend = false
        continue
      }
      descend = enter(cursor)
    }
  }

  /// Whether the push goes on below this scope.
  @_optimize(speed)
  private func enter(_ scope: ScopeRef) -> Bool {
    if scope.isEffective { return false }
    if scope.isShielding {
      startGrace(of: scope.timed)
      return false
    }
    scope.isEffective = true
    scope.next?.owner?.fetchStack()
    notifyOwner(of: scope)
    return true
  }

  @_optimize(speed)
  private func notifyOwner(of scope: ScopeRef) {
    guard let task = scope.owner, task.scope == scope else { return }
    if task.isForeign {
      guard task.foreignPhase == .running else { return }
      task.owesCancel = true
      makeForeignReady(task)
    } else {
      cancelPark(of: task)
    }
  }
}
