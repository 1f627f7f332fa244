// A search of the test kit: what it looks for, and what it knows of the run that goes on.
//
// Owns the record, on the heap for the length of one search; the thread points to it.
// Invariants:
// 1. The first finding of a run stays; later ones are what came of it.
// 2. Nothing here asks the library for memory while a run goes on, so that the places of failing
//    requests are the program's.
// 3. The cancel is a place in the ready queue, behind the step after which it is due: so it comes
//    between two steps, with no task current, and no wait pays for it.
// Threads: the one that searches.

import CEddy
import EddySwitch

let descriptorWords = 256
/// Values that are out at once; more are not followed.
let takenLimit = 64

struct TakenValue {
  var value: UnsafeMutableRawPointer?
  var release: eddy_release_fn?
  var site: UnsafePointer<CChar>?
}

struct TestRecord {
  var function: eddy_task_fn?
  var context: UnsafeMutableRawPointer?
  var options: eddy_test_options_t
  var loopOptions: eddy_loop_options_t
  var allocator: eddy_stack_allocator_t
  /// The user's hook, behind our own.
  var report: eddy_report_fn?
  var reportContext: UnsafeMutableRawPointer?
  /// What that is when a run begins.
  var givenReport: eddy_report_fn?
  var givenReportContext: UnsafeMutableRawPointer?
  var failsMemory: Bool
  /// Of the run: the cancel has come to the waiting task, or a request for memory has failed.
  var hasReached: Bool
  var place: Int64
  /// Steps of the run so far, and from where max_steps are counted.
  var steps: Int64
  var firstStep: Int64
  var loop: Loop?
  var root: TaskRef?
  /// By deadline: the scope around the function.
  var scope: ScopeRef?
  var injected: Runnable
  var finding: eddy_test_finding_t
  /// Open descriptors before the run, and after it.
  var before: UnsafeMutablePointer<UInt64>?
  var after: UnsafeMutablePointer<UInt64>?
  var taken: UnsafeMutablePointer<TakenValue>?
}

typealias TestRef = Ref<TestRecord>

extension Ref where Record == TestRecord {
  var isCancelledByDeadline: Bool { self.options.flags & EDDY_TEST_DEADLINE != 0 }

  /// Counts the steps of a round that begins, and puts the cancel behind the one it belongs to.
  func count(_ first: UnsafeMutablePointer<Runnable>) {
    var cursor: UnsafeMutablePointer<Runnable>? = first
    while let step = cursor {
      cursor = step.pointee.next
      self.steps &+= 1
      if self.steps != self.place || self.failsMemory { continue }
      self.injected = Runnable(
        next: cursor, run: { raw in TestRef(raw: raw).strike() }, owner: raw, isQueued: true,
        isTask: false)
      step.pointee.next = self.at.injected
    }
  }

  /// Cancels the task under test, which waits.
  private func strike() {
    guard let loop = self.loop, let root = self.root, root.completion.state == .pending else {
      return
    }
    if isCancelledByDeadline {
      guard let scope = self.scope, !scope.isClosing else { return }
      keepWaitKind(of: root)
      loop.expire(scope.timed)
    } else {
      keepWaitKind(of: root)
      root.cancelRequests &+= 1
      loop.cancel(
        root.root, code: EDDY_REASON_REQUEST, message: staticText("cancelled by the test"))
    }
    self.hasReached = true
    self.firstStep = self.steps
  }

  private func keepWaitKind(of root: TaskRef) {
    self.finding.wait_kind = Int32(root.park.kind.rawValue)
  }

  /// Begins a finding, if it is the first of the run. The caller writes the text.
  @inline(never)
  func note(
    _ kind: Int32, count: Int64, _ write: (inout TextSink) -> Void
  ) {
    if self.finding.kind != EDDY_FINDING_NONE { return }
    self.finding.kind = kind
    self.finding.count = count
    let field = UnsafeMutableRawPointer(Ref<eddy_test_finding_t>(self.at.finding).at.text)
    var sink = TextSink(
      field.assumingMemoryBound(to: CChar.self),
      capacity: MemoryLayout.size(ofValue: self.finding.text))
    write(&sink)
    _ = sink.finish()
  }
}

extension TextSink {
  /// " (FILE:LINE)", or nothing.
  @inline(never)
  mutating func put(site: UnsafePointer<CChar>?) {
    guard let site else { return }
    put(" (")
    put(site)
    put(")")
  }

  @inline(never)
  mutating func put(_ task: TaskRef) {
    writeTaskName(to: &self, task.name, serial: task.serial)
    put(site: task.completion.site)
  }
}
