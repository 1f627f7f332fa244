// Reports about a task: the hook sees the variables of the task's context.
//
// Invariant: no task is current meanwhile, and what was current is put back. The hook runs with the
// gate closed, so it only reads.
// Threads: the loop's.

import CEddy

extension Ref where Record == LoopRecord {
  @inline(never)
  func report(
    _ status: eddy_status_t, _ what: StaticString, about task: TaskRef, site: UnsafePointer<CChar>?,
    error: ErrorRef? = nil
  ) {
    let current = self.current
    let outer = contexts.outside
    self.current = nil
    contexts.outside.place = task.contextPlace
    var subject = task.subject
    subject.site = site
    diagnostics.report(status, staticText(what), subject, error: error)
    contexts.outside = outer
    self.current = current
  }

  /// This thread's loop for a call that is allowed in the report hook, if that is what runs.
  @inline(never)
  static var inReportHook: Loop? {
    guard let loop = Loop.boundToThread, loop.diagnostics.isInHook else { return nil }
    return loop
  }
}
