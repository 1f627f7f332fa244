// Faults on purpose: the environment's EDDY_PLANT names one, and the first look at a loop that has
// such a record spoils it. So Tests/C/hostile_faults.c sees that each check can fail.
//
// Owns nothing. Invariant: at most one fault is planted in a process. Threads: the loop's.

#if EDDY_HOSTILE
  import CEddy
  import EddySwitch

  extension Ref where Record == LoopRecord {
    func plantFault() {
      plant("queue-flag") { core.ready.plantFlag() }
      plant("queue-end") { core.ready.plantEnd() }
      plant("timer-position") { core.timers.plantPosition() }
      plant("timer-armed") {
        spoilTask({ $0.stack != nil }, { $0.parkTimer.pointee.position = 1 })
      }
      plant("timer-order") { core.timers.plantOrder() }
      plant("timer-reservation") {
        core.timers.plantReservation()
        return true
      }
      plantInTree()
      plantInTasks()
      plantInTables()
    }

    private func plant(_ name: StaticString, _ spoil: () -> Bool) {
      if eddy_sw_wants_fault(staticText(name)) == 0 { return }
      if spoil() { eddy_sw_fault_is_planted() }
    }

    private func plantInTree() {
      plant("scope-parent") { spoilScope { $0.parent = $0 } }
      plant("scope-sibling") {
        guard let second = loopScope.firstChild?.next else { return false }
        second.previous = second
        return true
      }
      plant("scope-effective") { spoilScope { $0.isEffective = !$0.isEffective } }
      plant("scope-owner") { spoilScope { $0.owner = nil } }
      plant("scope-live-tasks") {
        loopScope.liveTasks &+= 1
        return true
      }
      plant("scope-lost") { spoilScope { $0.leaveParent() } }
    }

    private func spoilScope(_ spoil: (ScopeRef) -> Void) -> Bool {
      guard let scope = loopScope.firstChild else { return false }
      spoil(scope)
      return true
    }

    private func plantInTasks() {
      plant("task-scope") {
        spoilTask({ $0.scope != $0.root }, { $0.scope = loopScope })
      }
      plant("foreign-phase") {
        spoilTask({ $0.foreignPhase == .running && !$0.ready.isQueued }) {
          $0.foreignPhase = .starting
        }
      }
      plant("park-state") { spoilParked(.future) { $0.park.state = .completed } }
      plant("park-target") { spoilParked(.future) { $0.park.target = loopScope.raw } }
      plant("park-scope") { spoilParked(.scope) { $0.scope.isClosing = false } }
      plant("park-descriptor") {
        spoilParked(.descriptor) {
          Ref<DescriptorWait>(raw: $0.park.target.unsafelyUnwrapped).isLinked = false
        }
      }
      plant("waiter-link") {
        spoilParked(.future) { $0.parkWaiter.pointee.previous = $0.parkWaiter }
      }
      plant("waiter-owner") { spoilParked(.future) { $0.parkWaiter.pointee.owner = nil } }
      plant("waiter-elsewhere") {
        spoilParked(.future) { task in
          _ = spoilTask({ $0 != task }, { task.parkWaiter.pointee.owner = $0.raw })
        }
      }
      plant("waiter-pins") {
        spoilParked(.future) {
          CompletionRef(raw: $0.park.target.unsafelyUnwrapped).pins = 0
        }
      }
      plant("entry") {
        guard let entry = self.lastEntry else { return false }
        entry.task = nil
        return true
      }
    }

    private func spoilTask(_ suits: (TaskRef) -> Bool, _ spoil: (TaskRef) -> Void) -> Bool {
      for position in 0..<self.tasks.positions {
        let task = self.tasks.record(at: position)
        guard self.tasks.isLive(task), task.completion.state == .pending, suits(task) else {
          continue
        }
        spoil(task)
        return true
      }
      return false
    }

    private func spoilParked(_ kind: WaitKind, _ spoil: (TaskRef) -> Void) -> Bool {
      spoilTask(
        { $0.stack != nil && $0.park.kind == kind && $0.park.state == .waiting }, spoil)
    }

    private func spoilCall(_ suits: (CallRef) -> Bool) -> Bool {
      for position in 0..<self.calls.positions {
        let call = self.calls.record(at: position)
        guard self.calls.isLive(call), suits(call) else { continue }
        call.state = .done
        return true
      }
      return false
    }

    private func plantInTables() {
      let stacks = Ref<StackPool>(self.at.stacks)
      plant("slot-write") { self.tasks.plantWrite() }
      plant("slot-kind") { diagnostics.errors.plantKind() }
      plant("slot-lost") { self.tasks.plantLoss() }
      plant("pool-write") { self.callbacks.plantWrite() }
      plant("pool-count") {
        self.cleanups.plantCount()
        return true
      }
      plant("pool-leak") { self.cleanups.take() != nil }
      plant("slot-leak") { diagnostics.makeError(EDDY_EINVAL, nil) != nil }
      plant("stack-count") { stacks.plantCount() }
      plant("stack-write") { stacks.plantWrite() }
      plant("error-holds") {
        let errors = diagnostics.errors
        for position in 0..<errors.positions where errors.isLive(errors.record(at: position)) {
          let error = errors.record(at: position)
          error.holds = 0
          error.slot.word = 0
          return true
        }
        return false
      }
      plant("callback-timer") { spoilCall { $0.timer.position != 0 } }
      plant("callback-alive") { spoilCall { $0.timer.position == 0 && !$0.ready.isQueued } }
      plant("descriptor-number") {
        guard let raw = self.descriptors else { return false }
        let records = Ref<DescriptorTable>(raw: raw).records
        for index in 0..<records.count where records[index] != nil {
          records[index].unsafelyUnwrapped.number = -1
          return true
        }
        return false
      }
    }
  }
#endif
