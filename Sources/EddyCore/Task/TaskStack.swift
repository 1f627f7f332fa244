// The stack of a task, for reports.
//
// Invariants:
// 1. A stack that runs is looked at from itself; one that is suspended by running on it for a
//    moment, below its newest frame, with room enough.
// 2. A foreign task has no stack here: while its code runs it is the thread's own.
// Threads: the loop's.

import EddySwitch

extension Ref where Record == LoopRecord {
  /// The frames of a live task, innermost first; how many. 0 if there are none to see.
  func captureStack(of task: TaskRef, _ frames: UnsafeMutablePointer<UInt>, _ capacity: Int) -> Int
  {
    if self.current == task {
      if task.stack != nil {
        return Int(eddy_sw_own_backtrace(task.fiberAddress, frames, Int32(capacity)))
      }
      eddy_sw_backtrace_prepare()
      return Int(eddy_sw_backtrace(frames, Int32(capacity)))
    }
    guard task.stack != nil else { return 0 }
    return Int(eddy_sw_fiber_backtrace(task.fiberAddress, frames, Int32(capacity)))
  }
}
