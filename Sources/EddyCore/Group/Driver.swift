// Running a loop: turns until something is done, until the loop is stopped, or for ever.
//
// A turn: due timers fire, rounds run until nothing is ready or the steps are spent, I/O is polled.
// Invariants:
// 1. The poll blocks only when nothing is ready.
// 2. When nothing can ever run again, that is said; a loop never hangs on itself.
// 3. A stop lets the round that runs end, and nothing after it: the steps left are those of the
//    round. A stop before a run leaves it one round, with what a poll that does not wait gives.
// Threads: the loop's, on its own stack.

import CEddy
import EddySwitch

/// For callbacks, when the last task has ended.
private let roundsAfterEnd: UInt64 = 1000

/// What turns are for.
enum RunGoal {
  case end(of: CompletionRef)
  /// All tasks have ended, and the callbacks that this made ready have run; those that call
  /// themselves again for ever have had some rounds.
  case quiet
  case never
}

extension Ref where Record == LoopRecord {
  /// Runs turns. EDDY_OK when the goal is reached, EDDY_ESTOPPED, or EDDY_EDEADLK when nothing can
  /// ever run again. What SIGINT and SIGTERM ask goes to `root`.
  func drive(to goal: RunGoal, root: TaskRef? = nil) -> eddy_status_t {
    core.isRunning = true
    var status: eddy_status_t
    if core.isStopping {
      runOneRound()
      status = isReached(goal) ? EDDY_OK : EDDY_ESTOPPED
    } else {
      status = driveTurns(to: goal, root)
    }
    core.isStopping = false
    core.isRunning = false
    return status
  }

  private func driveTurns(to goal: RunGoal, _ root: TaskRef?) -> eddy_status_t {
    while true {
      let canGoOn = turn(to: goal)
      if isReached(goal) { return EDDY_OK }
      if core.isStopping { return EDDY_ESTOPPED }
      if let root, hearSignal(for: root) { continue }
      if !canGoOn { return EDDY_EDEADLK }
    }
  }

  /// What a run does that was stopped before it began.
  private func runOneRound() {
    core.pollWithoutWaiting()
    core.beginTurn()
    core.stepsLeft = core.ready.count(next: true)
    runRounds()
  }

  func stop() {
    core.isStopping = true
    if core.isRunning { core.stepsLeft = core.ready.count(next: false) }
  }

  private func isReached(_ goal: RunGoal) -> Bool {
    switch goal {
    case .end(let completion): completion.state != .pending
    case .quiet: isQuiet
    case .never: false
    }
  }

  var isQuiet: Bool {
    if loopScope.liveTasks > 0 {
      self.lastRound = 0
      return false
    }
    if core.ready.isEmpty { return true }
    if self.lastRound == 0 { self.lastRound = core.ready.rounds &+ roundsAfterEnd }
    return core.ready.rounds >= self.lastRound
  }

  /// One turn, without its poll if the goal is reached or the loop stopped. False if neither is so
  /// and nothing can ever run again.
  @inline(never)
  func turn(to goal: RunGoal) -> Bool {
    let core = self.core
    core.beginTurn()
    runRounds()
    if core.isStopping || isReached(goal) { return true }
    if !core.ready.isEmpty {
      core.pollWithoutWaiting()
      return true
    }
    // No poll, and no time, is between a signal and those that it cancels.
    if eddy_sw_signals_came(core.number) != 0 { return true }
    Ref<StackPool>(self.at.stacks).trim()
    return core.pollWaiting()
  }

  /// What a loop does in one half of its host's iteration. Inside a callback of its own it does
  /// nothing: the host has called uv_run there, and that is not ours to mend.
  func runHostedTurn() {
    if core.isRunning { return }
    core.isRunning = true
    core.beginTurn()
    runRounds()
    Ref<StackPool>(self.at.stacks).trim()
    core.isRunning = false
    updateHost()
  }

  /// Tells a host's loop what has changed; on a loop of our own it does nothing.
  @inline(__always)
  func updateHost() {
    if core.host != nil { core.updateHost(hasLiveTasks: loopScope.liveTasks > 0) }
  }

  @_optimize(speed)
  func runRounds() {
    let core = self.core
    core.auditBetweenRounds()
    while core.stepsLeft > 0, let next = core.ready.peek() {
      core.ready.removeFirst(next)
      core.stepsLeft &-= 1
      let owner = next.pointee.owner.unsafelyUnwrapped
      if let run = next.pointee.run { run(owner) } else { resume(TaskRef(raw: owner)) }
      core.auditBetweenRounds()
    }
  }
}
