// The hostile build's look at tasks: their scopes, their parks and what those are linked to, the
// waiters of completions, stacks, entered foreign tasks, awaited descriptors.
//
// Owns nothing. Invariant: between rounds no fiber runs. Threads: the loop's.

#if EDDY_HOSTILE
  import CEddy

  extension Ref where Record == LoopRecord {
    func checkTasks(rootsInTree: Int) {
      var pending = 0
      var stacks = 0
      for position in 0..<self.tasks.positions {
        let task = self.tasks.record(at: position)
        guard self.tasks.isLive(task) else { continue }
        invariant(task.completion.isTask, "hostile: completion: a task says it is a future")
        checkWaiters(of: task.completion)
        guard task.completion.state == .pending else { continue }
        pending &+= 1
        checkScopes(of: task)
        if task.isForeign { checkForeign(task) } else { checkFiber(task) }
        if task.stack != nil, task.stack.unsafelyUnwrapped.slab != nil { stacks &+= 1 }
      }
      invariant(pending == rootsInTree, "hostile: scope tree: a live task's root is not in it")
      Ref<StackPool>(self.at.stacks).check(held: stacks)
    }

    /// The innermost scope is inside the root, and all between are the task's.
    private func checkScopes(of task: TaskRef) {
      var cursor = task.scope
      var depth = 0
      while cursor != task.root {
        depth &+= 1
        guard let parent = cursor.parent, cursor.owner == task, depth <= self.scopes.positions
        else {
          invariant(false, "hostile: task: its current scope is not inside its root")
          return
        }
        cursor = parent
      }
      invariant(task.root.isRoot, "hostile: task: its root scope is none")
    }

    private func checkForeign(_ task: TaskRef) {
      invariant(task.scope == task.root, "hostile: foreign task: it has opened a scope")
      invariant(
        !task.ready.isQueued || task.completion.pins > 0,
        "hostile: foreign task: it is ready and not pinned")
      let mustBeReady =
        task.foreignPhase == .starting
        || (task.foreignPhase == .closing && task.root.liveTasks == 0)
      invariant(
        !mustBeReady || task.ready.isQueued, "hostile: foreign task: its next step is not queued")
    }

    private func checkFiber(_ task: TaskRef) {
      invariant(task.stack != nil, "hostile: fiber: it has no stack and has not ended")
      core.timers.check(task.parkTimer)
      switch task.park.state {
      case .running:
        invariant(task.ready.isQueued, "hostile: park: a fiber neither runs, waits nor is ready")
      case .completed, .cancelled:
        invariant(task.ready.isQueued, "hostile: park: a woken fiber is not ready")
      case .waiting, .passed:
        invariant(!task.ready.isQueued, "hostile: park: a fiber that waits is ready too")
        checkPark(of: task)
      }
    }

    /// The other end of a wait knows of it.
    private func checkPark(of task: TaskRef) {
      switch task.park.kind {
      case .none, .yield:
        invariant(false, "hostile: park: a fiber waits for nothing")
      case .sleep:
        break
      case .future, .join, .several:
        guard let target = task.park.target else {
          invariant(false, "hostile: park: a wait for a completion has no target")
          return
        }
        invariant(
          isWaiting(task, for: CompletionRef(raw: target)),
          "hostile: park: a waiter is not linked where its park says")
      case .scope:
        guard let target = task.park.target else {
          invariant(false, "hostile: park: a wait for a scope has no target")
          return
        }
        let scope = ScopeRef(raw: target)
        invariant(
          scope == task.scope && scope.isClosing && scope.liveTasks > 0,
          "hostile: park: a close waits for a scope without children")
      case .descriptor:
        guard let target = task.park.target else {
          invariant(false, "hostile: park: a wait for a descriptor has no target")
          return
        }
        let wait = Ref<DescriptorWait>(raw: target)
        invariant(
          wait.task == task && wait.isLinked && wait.record != nil,
          "hostile: park: a wait for a descriptor is not linked")
      }
    }

    private func isWaiting(_ task: TaskRef, for completion: CompletionRef) -> Bool {
      var cursor = completion.firstWaiter
      while let waiter = cursor {
        if waiter == task.parkWaiter { return true }
        cursor = waiter.pointee.next
      }
      return false
    }

    /// The list of waiters, both ways, and that each waits for this.
    func checkWaiters(of completion: CompletionRef) {
      var previous: UnsafeMutablePointer<Waiter>?
      var cursor = completion.firstWaiter
      var count: UInt32 = 0
      while let waiter = cursor {
        invariant(
          waiter.pointee.previous == previous, "hostile: waiters: they are linked one way")
        guard let owner = waiter.pointee.owner else {
          invariant(false, "hostile: waiters: one has no owner")
          return
        }
        if waiter.pointee.isCallback {
          let callback = Ref<CallbackRecord>(raw: owner)
          invariant(
            callback.completion == completion && !callback.ready.isQueued,
            "hostile: waiters: a callback waits elsewhere")
        } else if waiter.pointee.isMember {
          let member = Ref<CombinationMember>(raw: owner)
          invariant(
            member.completion == completion && member.at.waiter == waiter
              && member.combination != nil,
            "hostile: waiters: a member of a combination waits elsewhere")
        } else {
          let task = TaskRef(raw: owner)
          invariant(
            self.tasks.isLive(task) && task.stack != nil && task.parkWaiter == waiter
              && task.park.target == completion.raw,
            "hostile: waiters: a task waits elsewhere")
        }
        count &+= 1
        invariant(count <= completion.pins, "hostile: waiters: they are more than the pins")
        previous = waiter
        cursor = waiter.pointee.next
      }
      invariant(completion.lastWaiter == previous, "hostile: waiters: the last one is not the last")
      invariant(
        count == 0 || completion.state == .pending, "hostile: waiters: they wait for what is done")
    }

    func checkEntries() {
      var cursor = self.lastEntry
      while let entry = cursor {
        guard let task = entry.task else {
          invariant(false, "hostile: entries: code of no task runs")
          return
        }
        invariant(
          self.tasks.isLive(task) && task.isForeign && task.completion.pins > 0,
          "hostile: entries: an entered task is not pinned")
        cursor = entry.next
      }
    }

    func checkDescriptors() {
      guard let raw = self.descriptors else { return }
      let table = Ref<DescriptorTable>(raw: raw)
      invariant(table.closing >= 0, "hostile: descriptors: more handles closed than opened")
      for index in 0..<table.records.count {
        guard let record = table.records[index] else { continue }
        invariant(
          Int(record.number) == index, "hostile: descriptors: a record is at another's place")
        var events = record.callEvents
        invariant(
          record.first != nil || events != 0, "hostile: descriptors: one is polled for nobody")
        var cursor = record.first
        while let wait = cursor {
          invariant(
            wait.isLinked && wait.record == record, "hostile: descriptors: a wait is linked wrong")
          events |= wait.events
          cursor = wait.next
        }
        invariant(
          record.armed == events, "hostile: descriptors: what is polled is not what is waited for")
      }
      table.recordPool.check()
      table.waitPool.check()
    }
  }
#endif
