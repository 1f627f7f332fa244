// Trouble that no code was there to receive: given to the loop's report hook, or to stderr.
//
// Invariant: the hook runs with the gate closed, so it cannot re-enter the runtime.
// Threads: the loop's.

import CEddy
import EddySwitch

private let newline: CChar = 10

/// Whom a report concerns.
struct ReportSubject {
  var task: eddy_task_t
  var name: UnsafeMutablePointer<CChar>?
  var serial: UInt64
  var site: UnsafePointer<CChar>?
  /// Where it stands, if that is to be shown.
  var frames = StackFrames.none

  static var none: ReportSubject {
    ReportSubject(task: eddy_task_t(id: 0), name: nil, serial: 0, site: nil)
  }
}

extension Ref where Record == DiagnosticsCore {
  /// Reports one line: what happened, to whom, and the error if there is one.
  func report(
    _ status: eddy_status_t, _ what: StaticString, _ subject: ReportSubject,
    error: ErrorRef? = nil
  ) {
    report(status, staticText(what), subject, error: error)
  }

  func report(
    _ status: eddy_status_t, _ what: UnsafePointer<CChar>, _ subject: ReportSubject,
    error: ErrorRef?
  ) {
    var measure = TextSink(nil, capacity: 0)
    write(to: &measure, what, subject, error)
    let needed = measure.finish()
    withTextBuffer(needed) { buffer, capacity in
      var sink = TextSink(buffer, capacity: capacity)
      write(to: &sink, what, subject, error)
      _ = sink.finish()
      deliver(status, buffer, subject)
    }
  }

  @inline(never)
  private func write(
    to sink: inout TextSink, _ what: UnsafePointer<CChar>, _ subject: ReportSubject,
    _ error: ErrorRef?
  ) {
    sink.put(what)
    if subject.serial != 0 {
      sink.put(": ")
      writeTaskName(to: &sink, subject.name, serial: subject.serial)
    }
    if let error {
      sink.put("\n")
      error.write(to: &sink)
    }
    if let frames = subject.frames.addresses {
      if error == nil { sink.put("\n") }
      writeFrames(frames, subject.frames.count, to: &sink)
    }
  }

  private func deliver(
    _ status: eddy_status_t, _ text: UnsafeMutablePointer<CChar>, _ subject: ReportSubject
  ) {
    guard let hook = self.report else {
      printReport(status, text, subject, hook: EDDY_OK)
      return
    }
    var report = eddy_report(
      size: UInt32(MemoryLayout<eddy_report_t>.size), status: status,
      text: UnsafePointer(text), task: subject.task, site: subject.site)
    Gate.close()
    let outer = self.hookDepth
    self.hookDepth = Gate.depth
    let failure = hook(self.reportContext, &report)
    self.hookDepth = outer
    Gate.open()
    if failure != EDDY_OK { printReport(status, text, subject, hook: failure) }
  }

  /// The report hook's own code runs, and no release function inside it.
  var isInHook: Bool { self.hookDepth != 0 && self.hookDepth == Gate.depth }

  private func printReport(
    _ status: eddy_status_t, _ text: UnsafeMutablePointer<CChar>, _ subject: ReportSubject,
    hook failure: eddy_status_t
  ) {
    var measure = TextSink(nil, capacity: 0)
    compose(&measure, status, text, subject, hook: failure)
    let needed = measure.finish()
    withTextBuffer(needed) { buffer, capacity in
      var sink = TextSink(buffer, capacity: capacity)
      compose(&sink, status, text, subject, hook: failure)
      _ = sink.finish()
      eddy_sw_write_stderr(buffer, min(needed &- 1, capacity &- 1))
    }
  }

  /// The report as it stands on stderr, inside that of the hook's own failure if it had one.
  @inline(never)
  private func compose(
    _ sink: inout TextSink, _ status: eddy_status_t, _ text: UnsafeMutablePointer<CChar>,
    _ subject: ReportSubject, hook failure: eddy_status_t
  ) {
    sink.put("eddy: ")
    if failure != EDDY_OK {
      sink.put(statusName(failure))
      sink.put(": unhandled error in the report hook\n  report: ")
    }
    sink.put(statusName(status))
    sink.put(": ")
    var rest = UnsafePointer(text)
    while rest.pointee != 0, rest.pointee != newline {
      sink.put(byte: rest.pointee)
      rest += 1
    }
    if let site = subject.site {
      sink.put(" (")
      sink.put(site)
      sink.put(")")
    }
    sink.put(rest)
    if rest.pointee == 0 { sink.put("\n") }
  }
}
