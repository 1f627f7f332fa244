// A scope bound to a call: eddy_call and eddy_with_timeout.
//
// Invariants:
// 1. The called function has its own returned value; the task's, or an outer call's, is set aside.
// 2. The value is kept by the scope that was current at the call, and released once after that
//    scope's defers, or at once if the call failed.
// Threads: the loop's, inside a fiber.

import CEddy

extension Ref where Record == LoopRecord {
  func callInScope(
    _ form: ScopeForm, _ task: TaskRef, _ function: eddy_task_fn,
    _ context: UnsafeMutableRawPointer?, site: UnsafePointer<CChar>?,
    _ value: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
  ) -> eddy_status_t {
    let outer = task.scope
    guard let record = self.cleanups.take() else { return fail(EDDY_ENOMEM) }
    guard let scope = makeScopeOutOfLine(form, in: outer, owner: task, site: site) else {
      self.cleanups.give(record)
      return fail(EDDY_ENOMEM)
    }
    scope.isBound = true
    task.scope = scope
    let aside = task.setReturnAside()
    let bodyStatus = normalized(function(context), task)
    let status = close(scope, of: task, bodyStatus, info: nil)
    guard status == EDDY_OK, bodyStatus == EDDY_OK else {
      self.cleanups.give(record)
      dropReturn(of: task)
      task.restoreReturn(aside)
      return status
    }
    let returned = task.setReturnAside()
    task.restoreReturn(aside)
    if let release = returned.release {
      keep(returned.value, release, in: outer, record)
    } else {
      self.cleanups.give(record)
    }
    value?.pointee = returned.value
    return EDDY_OK
  }

  /// A task function's status as the law has it: a positive one is a failure of its own.
  @inline(__always)
  func normalized(_ status: eddy_status_t, _ task: TaskRef) -> eddy_status_t {
    if status <= 0 { return status }
    diagnostics.report(EDDY_EINVAL, "a task function returned a positive status", task.subject)
    return EDDY_EINVAL
  }
}
