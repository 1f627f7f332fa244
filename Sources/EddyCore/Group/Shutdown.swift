// The orderly end of all tasks of a loop, and of those that do not end.
//
// Invariants:
// 1. Nothing can be spawned below the loop's scope any more; what is spawned further in is awaited
//    too, and callbacks run, until nothing is left.
// 2. It lasts as long as the loop's grace at most, on the loop's clock, from its beginning, and
//    then as long as shields with a limit are in force. What ends at that very moment has its
//    rounds to end in.
// 3. A task that has not ended then is reported, and nothing of it is freed.
// Threads: the loop's, on its own stack.

import CEddy

/// For those who can run when the grace is over.
private let roundsAfterGrace: UInt64 = 100
/// Shields inside each other whose graces are waited for one after the other.
private let mostExtensions = 64

extension Ref where Record == LoopRecord {
  /// A shutdown has left tasks behind.
  var hasStubbornTasks: Bool { self.isShutDown && loopScope.liveTasks > 0 }

  /// Cancels the loop's scope and runs until every task has ended.
  func shutDown() -> eddy_status_t {
    self.isShutDown = true
    core.isStopping = false
    cancel(loopScope, code: EDDY_REASON_SHUTDOWN)
    if core.host != nil {
      updateHost()
      return EDDY_OK
    }
    core.isRunning = true
    let hasEnded = awaitAll()
    core.isRunning = false
    disarmGrace()
    if hasEnded { return EDDY_OK }
    reportStubbornTasks()
    return fail(EDDY_EGRACE)
  }

  private func awaitAll() -> Bool {
    self.shutdownTimer = Timer(
      position: 0, fire: { raw in Loop(raw: raw).isGraceOver = true }, owner: raw)
    self.isGraceOver = false
    var end = self.graceDuration < 0 ? Int64.max : core.deadline(after: self.graceDuration)
    var lastRound: UInt64 = 0
    var extensions = 0
    while true {
      // Without memory for it the timer is asked for again.
      if end != Int64.max, !self.isGraceOver, self.shutdownTimer.position == 0 {
        _ = core.timers.arm(self.at.shutdownTimer, at: end)
      }
      let canGoOn = turnInShutdown()
      if isQuiet { return true }
      if !canGoOn, !self.isGraceOver { return false }
      if !self.isGraceOver { continue }
      if lastRound == 0, extensions < mostExtensions, let later = latestGrace {
        extensions += 1
        self.isGraceOver = false
        end = later
        continue
      }
      if lastRound == 0 { lastRound = core.ready.rounds &+ roundsAfterGrace }
      if !canGoOn || core.ready.rounds >= lastRound { return false }
    }
  }

  /// When the last of the shields in force that have a limit ends, or nil.
  private var latestGrace: Int64? {
    var latest: Int64?
    for position in 0..<self.scopes.positions {
      let timed = self.scopes.record(at: position)
      guard self.scopes.isLive(timed), let end = core.timers.deadline(of: timed.at.grace) else {
        continue
      }
      latest = max(latest ?? end, end)
    }
    return latest
  }

  /// False when nothing more can come, or nothing more is waited for.
  private func turnInShutdown() -> Bool {
    let core = self.core
    core.beginTurn()
    runRounds()
    if !core.ready.isEmpty {
      core.pollWithoutWaiting()
      return true
    }
    if loopScope.liveTasks == 0 { return true }
    if self.isGraceOver { return false }
    Ref<StackPool>(self.at.stacks).trim()
    if self.shutdownTimer.position == 0 || core.timers.count > 1 { return core.pollWaiting() }
    if core.hearsNothing { return false }
    if !core.isVirtual { return core.pollWaiting() }
    // No virtual time passes for the outside: it is given the grace in real time.
    disarmGrace()
    core.patience = self.graceDuration
    let hasHeard = core.pollWaiting()
    core.patience = 0
    return hasHeard
  }

  @inline(never)
  private func disarmGrace() { core.timers.disarmOutOfLine(self.at.shutdownTimer) }

  private func reportStubbornTasks() {
    for position in 0..<self.tasks.positions {
      let task = self.tasks.record(at: position)
      guard self.tasks.isLive(task), task.completion.state == .pending else { continue }
      reportStubborn(task, "a task did not end at shutdown; its memory is abandoned")
    }
  }

  /// Says that a task goes on although it should have ended.
  func reportStubborn(_ task: TaskRef, _ what: StaticString) {
    reportWithStack(EDDY_EGRACE, what, task)
  }
}
