// The hostile build's checker: between two rounds it looks at everything that a loop owns, and ends
// the process with the name of the first invariant that does not hold.
//
// Owns nothing; reads the records, their owners say what is right. In other builds there is none.
// Invariants:
// 1. Between rounds no task runs: each fiber that has not ended is ready or parked.
// 2. A loop of up to `creditPerRound` records is looked at between all rounds, a larger one as
//    often as that many records a round allow.
// Threads: the loop's, on the stack of whoever ends the round.

#if EDDY_HOSTILE
  import CEddy
  import EddySwitch

  private let creditPerRound = 256

  extension Ref where Record == LoopRecord {
    /// From now on the loop is looked at between rounds.
    func watchInvariants() {
      core.audit = { raw in Loop(raw: raw).auditRound() }
    }

    private func auditRound() {
      let records =
        self.tasks.positions &+ self.futures.positions &+ self.scopes.positions
        &+ diagnostics.errors.positions
      core.auditCredit &+= creditPerRound
      if core.auditCredit < records { return }
      core.auditCredit = 0
      plantFault()
      auditAll()
    }

    private func auditAll() {
      checkReady()
      checkTimers()
      let held = checkTree()
      checkTasks(rootsInTree: held.roots)
      checkFutures()
      checkCalls()
      checkTables(scopesInTree: held.timed)
      checkEntries()
      checkDescriptors()
      invariant(
        self.fiber == nil || self.fiber == self.current,
        "hostile: loop: the running fiber is not the current task")
    }

    /// The queue's links, and that the places of tasks are theirs.
    private func checkReady() {
      var queued = 0
      core.ready.checkEach { place in
        guard place.pointee.isTask, let owner = place.pointee.owner else { return }
        let task = TaskRef(raw: owner)
        invariant(
          self.tasks.isLive(task) && task.at.ready == place,
          "hostile: ready queue: a task's place is not in its record")
        queued &+= 1
      }
      var ready = 0
      for position in 0..<self.tasks.positions {
        let task = self.tasks.record(at: position)
        if self.tasks.isLive(task), task.ready.isQueued, task.ready.isTask { ready &+= 1 }
      }
      invariant(
        queued == ready, "hostile: ready queue: a task believes to be in it, and is not")
    }

    private func checkTimers() {
      var reservations = 0
      for position in 0..<self.scopes.positions {
        let timed = self.scopes.record(at: position)
        if self.scopes.isLive(timed), timed.scope.hasReservation { reservations &+= 1 }
      }
      core.timers.check(reservations: reservations)
      for position in 0..<self.scopes.positions {
        let timed = self.scopes.record(at: position)
        guard self.scopes.isLive(timed) else { continue }
        core.timers.check(timed.at.deadline)
        core.timers.check(timed.at.grace)
      }
      for position in 0..<self.futures.positions {
        let future = self.futures.record(at: position)
        if self.futures.isLive(future) { core.timers.check(future.at.timer) }
      }
    }

    private func checkCalls() {
      for position in 0..<self.calls.positions {
        let call = self.calls.record(at: position)
        guard self.calls.isLive(call) else { continue }
        core.timers.check(call.at.timer)
        invariant(
          call.timer.position == 0 || (call.state == .pending && !call.ready.isQueued),
          "hostile: callback: its timer is armed and it is ready, or over")
        invariant(
          call.state == .pending || call.ready.isQueued || call.slot.word > 0,
          "hostile: callback: one that is over and that nobody has is alive")
      }
    }

    private func checkFutures() {
      for position in 0..<self.futures.positions {
        let future = self.futures.record(at: position)
        guard self.futures.isLive(future) else { continue }
        invariant(
          !CompletionRef(raw: future.raw).isTask, "hostile: completion: a future says it is a task")
        checkWaiters(of: CompletionRef(raw: future.raw))
      }
    }

    private func checkTables(scopesInTree: Int) {
      var waiting = 0
      var live = 0
      for position in 0..<self.scopes.positions {
        let timed = self.scopes.record(at: position)
        if self.scopes.isLive(timed) { live &+= 1 }
      }
      core.ready.checkEach { place in
        guard !place.pointee.isTask, let owner = place.pointee.owner else { return }
        for position in 0..<self.scopes.positions {
          let timed = self.scopes.record(at: position)
          if timed.raw == owner, !self.scopes.isLive(timed) { waiting &+= 1 }
        }
      }
      invariant(
        live == scopesInTree, "hostile: scope tree: a live scope is not in it")
      self.scopes.check(waiting: waiting)
      self.tasks.check(waiting: 0)
      self.futures.check(waiting: 0)
      diagnostics.errors.check(waiting: 0)
      self.reasons.check()
      self.cleanups.check()
      self.callbacks.check()
      self.entries.check()
      self.calls.check(waiting: 0)
      checkErrors()
    }

    private func checkErrors() {
      let errors = diagnostics.errors
      for position in 0..<errors.positions {
        let error = errors.record(at: position)
        guard errors.isLive(error) else { continue }
        invariant(
          error.holds > 0 || error.slot.word > 0, "hostile: error: one that nobody has is alive")
        invariant(error.status < 0, "hostile: error: its status is no failure")
      }
      invariant(diagnostics.doomed == nil, "hostile: error: one was left to be freed")
      invariant(self.doomed == nil, "hostile: completion: one was left to be freed")
    }
  }
#endif
