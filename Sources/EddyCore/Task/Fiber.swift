// Switching: from the loop's stack to a task's, from task to task, and back.
//
// A task that suspends switches straight to the next one that is ready, so a switch between two
// tasks is one switch. The loop's own stack is entered when something else is due: a callback, a
// foreign task, the poll.
// Invariants:
// 1. Whoever switches to a task has made it `current` before.
// 2. No Swift job of a foreign runtime is on the stack that is left (see Foreign.swift).
// 3. While there is an EagerStep, the task of the innermost one is the running fiber: its first
//    suspension, or its end, goes back to the stack that began the step.
// Threads: the loop's. This is the only file that switches.

import EddySwitch

typealias FiberAddress = UnsafeMutablePointer<eddy_sw_fiber>

/// A first step that runs inside the call that spawned its task; kept on the spawner's stack.
struct EagerStep {
  var outer: UnsafeMutablePointer<EagerStep>?
  /// Whose stack goes on afterwards; nil for the loop's own.
  var spawner: TaskRef?
  var depth: UInt32
}

extension Ref where Record == LoopRecord {
  /// Makes the thread's own stack one that can be switched back to.
  func adoptThread() { eddy_sw_fiber_adopt(self.at.threadFiber) }

  /// Resumes a task from the loop's stack; returns when no task can be switched to directly.
  @_optimize(speed)
  func resume(_ task: TaskRef) {
    begin(task)
    eddy_sw_switch(self.at.threadFiber, task.fiberAddress)
    becomeIdle()
    if self.stacks.ended != nil { Ref<StackPool>(self.at.stacks).collectEnded() }
  }

  /// Leaves the running task's stack; returns when somebody has resumed the task.
  @inline(__always)
  func switchAway(from task: TaskRef) {
    if self.eager != nil {
      let spawner = endEagerStep()
      eddy_sw_switch(task.fiberAddress, spawner)
    } else if let next = takeNextFiber() {
      begin(next)
      if next == task { return }
      eddy_sw_switch(task.fiberAddress, next.fiberAddress)
    } else {
      becomeIdle()
      eddy_sw_switch(task.fiberAddress, self.at.threadFiber)
    }
  }

  /// Runs a new task until it first suspends or ends; the task may be gone then. The caller is a
  /// fiber, or stands on the loop's stack with no task current.
  @inline(never)
  func runEagerStep(of task: TaskRef) {
    let spawner = self.fiber
    let from = spawner?.fiberAddress ?? self.at.threadFiber
    var step = EagerStep(
      outer: self.eager, spawner: spawner, depth: (self.eager?.pointee.depth ?? 0) &+ 1)
    withUnsafeMutablePointer(to: &step) { step in
      self.eager = step
      begin(task)
      eddy_sw_switch(from, task.fiberAddress)
    }
    if self.stacks.ended != nil { Ref<StackPool>(self.at.stacks).collectEnded() }
  }

  /// Makes the spawner current again; returns the stack to go on with.
  private func endEagerStep() -> FiberAddress {
    let step = self.eager.unsafelyUnwrapped
    let spawner = step.pointee.spawner
    self.eager = step.pointee.outer
    self.current = spawner
    self.fiber = spawner
    return spawner?.fiberAddress ?? self.at.threadFiber
  }

  /// Ends a fiber, whose task may be gone already: its stack goes to the pool. Returns whom to go
  /// on with; the fiber's entry returns it too, which leaves the stack for the last time.
  @_optimize(speed)
  func exitFiber(on stack: Ref<StackRecord>) -> FiberAddress? {
    Ref<StackPool>(self.at.stacks).give(stack)
    if self.eager != nil { return endEagerStep() }
    if self.stacks.ended == nil, let next = takeNextFiber() {
      begin(next)
      fetchUpcoming()
      return next.fiberAddress
    }
    becomeIdle()
    return self.at.threadFiber
  }

  /// Gives a task a stack of its own, ready to call `taskMain`. False when stacks are out.
  @inline(__always)
  func equip(_ task: TaskRef, stackBytes: Int) -> Bool {
    guard let stack = Ref<StackPool>(self.at.stacks).take(stackBytes) else { return false }
    task.stack = stack
    eddy_sw_fiber_prepare_returning(
      stack.at.fiber, stack.skipBytes, self.taskMain.unsafelyUnwrapped, task.raw)
    return true
  }

  func discardStack(of task: TaskRef) {
    guard let stack = task.stack else { return }
    task.stack = nil
    let pool = Ref<StackPool>(self.at.stacks)
    if stack.slab == nil { pool.giveToUser(stack) } else { pool.give(stack) }
  }

  /// The next in the queue if it is a fiber and the turn has steps left.
  @inline(__always)
  private func takeNextFiber() -> TaskRef? {
    let core = self.core
    core.auditBetweenRounds()
    guard core.stepsLeft > 0, let next = core.ready.peek(), next.pointee.run == nil else {
      return nil
    }
    core.ready.removeFirst(next)
    core.stepsLeft &-= 1
    return TaskRef(holding: next)
  }

  /// Many tasks that end one after another, such as a cancelled group's, have cold stacks: the one
  /// after the next is asked for while the next one runs.
  @inline(__always)
  private func fetchUpcoming() {
    guard let upcoming = core.ready.upcoming, upcoming.pointee.run == nil else { return }
    TaskRef(holding: upcoming).fetchStack()
  }

  @inline(__always)
  private func begin(_ task: TaskRef) {
    self.current = task
    self.fiber = task
    task.budget = operationBudget
  }

  @inline(__always)
  private func becomeIdle() {
    self.current = nil
    self.fiber = nil
  }
}

extension Ref where Record == TaskRecord {
  @inline(__always)
  var fiberAddress: FiberAddress {
    self.stack.unsafelyUnwrapped.at.fiber
  }

  /// Asks the processor for the stack of a fiber that will be looked at soon.
  @inline(__always)
  func fetchStack() {
    if let stack = self.stack { eddy_sw_prefetch(stack.raw) }
  }
}
