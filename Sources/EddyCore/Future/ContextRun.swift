// Running a function in a context: in the middle of a task, of a callback, or outside both.
//
// Invariants:
// 1. The context is the current one of the task, or of what is outside tasks, until the function
//    returns, over all its waits; other tasks keep their own.
// 2. What was current before is put back in the place that it was taken from.
// Threads: the loop's.

import CEddy

extension Ref where Record == LoopRecord {
  func run(
    _ function: eddy_task_fn, _ argument: UnsafeMutableRawPointer?, in context: ContextRef
  ) -> eddy_status_t {
    let task = self.current
    let place = contextPlace
    let outer = place.pointee
    if let task { pin(task.completion) }
    place.pointee = contexts.share(context)
    contexts.openRuns &+= 1
    let status = function(argument)
    // In the child of a fork the loop is not ours any more.
    guard Loop.boundToThread == self else { return status }
    contexts.openRuns &-= 1
    let inner = place.pointee
    place.pointee = outer
    contexts.drop(inner)
    if let task {
      // A foreign task may have ended meanwhile, if the function ran the loop.
      if task.completion.state != .pending { dropContext(of: task) }
      unpin(task.completion)
    }
    return normalized(status, by: task)
  }

  private func normalized(_ status: eddy_status_t, by task: TaskRef?) -> eddy_status_t {
    if status <= 0 { return status }
    if let task { return normalized(status, task) }
    diagnostics.report(EDDY_EINVAL, "a function run in a context gave a positive status", .none)
    return EDDY_EINVAL
  }
}
