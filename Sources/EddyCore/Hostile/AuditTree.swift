// The hostile build's look at the scope tree: links, liveTasks, isEffective, owners.
//
// Owns nothing. Invariant: a list of children is checked whole before the walk goes down it.
// Threads: the loop's.

#if EDDY_HOSTILE
  struct TreeCount {
    /// Root scopes of tasks that are in the tree.
    var roots: Int
    /// Scopes of the table that are in it, shields that wait for a defer included.
    var timed: Int
  }

  extension Ref where Record == LoopRecord {
    func checkTree() -> TreeCount {
      var count = TreeCount(roots: 0, timed: 0)
      invariant(
        loopScope.parent == nil && loopScope.owner == nil,
        "hostile: scope tree: the loop's scope is below another")
      checkChildren(of: loopScope, &count)
      var cursor = loopScope
      var descend = true
      while true {
        if descend, let child = cursor.firstChild {
          cursor = child
        } else if cursor == loopScope {
          return count
        } else if let next = cursor.next {
          cursor = next
        } else {
          cursor = cursor.parent.unsafelyUnwrapped
          descend = false
          continue
        }
        descend = true
        checkChildren(of: cursor, &count)
      }
    }

    private func checkChildren(of scope: ScopeRef, _ count: inout TreeCount) {
      let most = self.scopes.positions &+ self.tasks.positions
      var cursor = scope.firstChild
      var previous: ScopeRef?
      var children = 0
      var live: UInt32 = 0
      while let child = cursor {
        invariant(child.parent == scope, "hostile: scope tree: a child names another parent")
        if let previous {
          invariant(child.previous == previous, "hostile: scope tree: siblings are linked one way")
        }
        checkState(of: child, below: scope, &count)
        if child.isRoot { live &+= 1 }
        children &+= 1
        invariant(children <= most, "hostile: scope tree: a list of children has no end")
        previous = child
        cursor = child.next
      }
      if let first = scope.firstChild {
        invariant(
          first.previous == previous, "hostile: scope tree: the first child does not know the last")
      }
      // A group counts those whose failure it has still to be told of.
      invariant(
        live <= scope.liveTasks && scope.liveTasks &- live <= self.postponed,
        "hostile: scope tree: liveTasks is not the roots below")
      invariant(
        !scope.isSealed || live == 0, "hostile: scope tree: a task lives in a sealed scope")
      if let shield = scope.deferShield {
        count.timed &+= 1
        invariant(
          self.scopes.isLive(shield) && shield.scope.hasReservation,
          "hostile: scope tree: the shield of defers has no place for its grace")
      }
    }

    private func checkState(of child: ScopeRef, below scope: ScopeRef, _ count: inout TreeCount) {
      invariant(
        child.isEffective == (child.isCancelled || (scope.isEffective && !child.isShielding)),
        "hostile: scope tree: isEffective is not own or the parent's")
      if child.isTimed {
        count.timed &+= 1
        invariant(self.scopes.isLive(child.timed), "hostile: scope tree: a freed scope is in it")
      }
      invariant(
        child.reason == nil || child.reason.unsafelyUnwrapped.references > 0,
        "hostile: scope tree: a scope's reason is freed")
      guard let owner = child.owner else {
        invariant(false, "hostile: scope tree: a scope has no owner")
        return
      }
      invariant(
        self.tasks.isLive(owner) && owner.completion.state == .pending,
        "hostile: scope tree: a scope's owner has ended")
      if child.isRoot {
        count.roots &+= 1
        invariant(owner.root == child, "hostile: scope tree: a root is not its task's")
      } else {
        invariant(scope.owner == owner, "hostile: scope tree: a scope is inside another task's")
      }
    }
  }
#endif
