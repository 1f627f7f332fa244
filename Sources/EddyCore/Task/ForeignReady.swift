// A foreign task's place in the ready queue, and whether its runtime has a job on this stack.
//
// Invariants:
// 1. While it is in the queue its record is pinned.
// 2. A fiber suspends only when no registered runtime has a job on the stack.
// Threads: the loop's.

import CEddy

extension Ref where Record == LoopRecord {
  func makeForeignReady(_ task: TaskRef) {
    if task.ready.isQueued { return }
    task.completion.pins &+= 1
    core.makeReady(task.at.ready)
  }

  /// A registered runtime by position.
  func runtime(at index: Int) -> Ref<ForeignRuntime> {
    let first = UnsafeMutableRawPointer(at.runtimes)
    return Ref<ForeignRuntime>(raw: first + index &* MemoryLayout<ForeignRuntime>.stride)
  }

  /// Whether a job of a foreign runtime is on the calling thread's stack.
  func hasForeignJob() -> Bool {
    for index in 0..<Int(self.runtimeCount) {
      if let ask = runtime(at: index).ops.current_job, ask() != nil { return true }
    }
    return false
  }
}
