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
    error: ErrorRef? = nil, frames: StackFrames = .none
  ) {
    let current = self.current
    let outer = contexts.outside
    self.current = nil
    contexts.outside.place = task.contextPlace
    var subject = task.subject
    subject.site = site
    subject.frames = frames
    diagnostics.report(status, staticText(what), subject, error: error)
    contexts.outside = outer
    self.current = current
  }

  /// A report about a live task that shows where it stands.
  /// - Parameter innermost: a scope's body that it waits for, if that is where it stands.
  @inline(never)
  func reportWithStack(
    _ status: eddy_status_t, _ what: StaticString, _ task: TaskRef, from innermost: TaskRef? = nil,
    error: ErrorRef? = nil
  ) {
    withUnsafeTemporaryAllocation(of: UInt.self, capacity: frameLimit) { room in
      let frames = room.baseAddress.unsafelyUnwrapped
      var next: TaskRef? = innermost ?? task
      var count = 0
      while count < frameLimit, let shown = next {
        count &+= captureStack(of: shown, frames + count, frameLimit &- count)
        next = shown == task ? nil : shown.root.parent.unsafelyUnwrapped.owner
      }
      report(
        status, what, about: task, site: task.completion.site, error: error,
        frames: StackFrames(addresses: UnsafePointer(frames), count: count))
    }
  }

  /// This thread's loop for a call that is allowed in the report hook, if that is what runs.
  @inline(never)
  static var inReportHook: Loop? {
    guard let loop = Loop.boundToThread, loop.diagnostics.isInHook else { return nil }
    return loop
  }
}
