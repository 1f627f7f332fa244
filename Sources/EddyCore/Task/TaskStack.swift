// The stack of a task, for reports.
//
// Invariants:
// 1. A stack that runs is looked at from itself; one that is suspended by running on it for a
//    moment, below its newest frame, with room enough.
// 2. A foreign task has no stack here: its runtime says what it stands in. If that does not know,
//    it is the thread's own stack while its code runs.
// Threads: the loop's.

import CEddy
import EddySwitch

extension Ref where Record == LoopRecord {
  /// The frames of a live task, innermost first; how many. 0 if there are none to see.
  @inline(never)
  func captureStack(of task: TaskRef, _ frames: UnsafeMutablePointer<UInt>, _ capacity: Int) -> Int
  {
    let shown = askRuntime(of: task, frames, capacity)
    if shown > 0 { return shown }
    if self.current == task {
      // What the code runs on, which is a fiber's also for a foreign task that it has called.
      if let fiber = self.fiber {
        return Int(eddy_sw_own_backtrace(fiber.fiberAddress, frames, Int32(capacity)))
      }
      eddy_sw_backtrace_prepare()
      return Int(eddy_sw_backtrace(frames, Int32(capacity)))
    }
    guard task.stack != nil else { return 0 }
    return Int(eddy_sw_fiber_backtrace(task.fiberAddress, frames, Int32(capacity)))
  }

  private func askRuntime(
    of task: TaskRef, _ frames: UnsafeMutablePointer<UInt>, _ capacity: Int
  ) -> Int {
    guard task.foreignPhase == .running,
      let look = task.foreign.unsafelyUnwrapped.ops.stack
    else { return 0 }
    Gate.close()
    let count = look(task.context, frames, Int32(capacity))
    Gate.open()
    return min(Int(count), capacity)
  }
}
