// Waiting for time and for one's next turn.
//
// Invariants:
// 1. A yield carries no result: cancelled when it runs again, it fails.
// 2. A sleep has completed only if its timer fired before the cancellation.
// Threads: the loop's, inside a fiber.

import CEddy

extension Ref where Record == LoopRecord {
  @inline(__always)
  func yield(_ task: TaskRef) -> eddy_status_t {
    if task.scope.isEffective { return failCancelPoint(task) }
    yieldNow(task)
    return task.scope.isEffective ? failAfterWait(task) : EDDY_OK
  }

  @inline(__always)
  func checkpoint(_ task: TaskRef) -> eddy_status_t {
    if task.scope.isEffective { return failCancelPoint(task) }
    spendBudget(task)
    return EDDY_OK
  }

  @_optimize(speed)
  func sleep(_ task: TaskRef, _ duration: Int64) -> eddy_status_t {
    if task.scope.isEffective { return failCancelPoint(task) }
    let timer = task.parkTimer
    timer.pointee.fire = { raw in Loop.running.wake(TaskRef(raw: raw)) }
    timer.pointee.owner = task.raw
    let deadline = core.deadline(after: duration)
    if deadline == Int64.max {
      core.timers.armEndless(timer)
    } else if !core.timers.arm(timer, at: deadline) {
      return fail(EDDY_ENOMEM)
    }
    let outcome = park(task, .sleep, nil) { raw in
      Loop.running.core.timers.disarmOutOfLine(TaskRef(raw: raw).parkTimer)
      return CancelAnswer.detached.rawValue
    }
    return outcome == .cancelled ? failAfterWait(task) : EDDY_OK
  }
}
