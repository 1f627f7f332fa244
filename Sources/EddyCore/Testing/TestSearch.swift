// A search: runs with the disturbance at one place after the other, until a finding or the end.
//
// Owns the TestRecord and what it points to, for the length of the search.
// Invariant: the thread has no loop before it and none after it.
// Threads: the one that searches; a search on another thread knows nothing of it.

import CEddy
import EddySwitch

private let usualRuns: Int64 = 10_000
private let usualSteps: Int64 = 100_000
private let usualPatience: Int64 = 1_000_000_000

/// What a search is asked for; its options have been read and found good.
struct TestRequest {
  var function: eddy_task_fn
  var context: UnsafeMutableRawPointer?
  var options: eddy_test_options_t
  var loopOptions: eddy_loop_options_t
  var allocator: eddy_stack_allocator_t
  var failsMemory: Bool
}

/// Makes a search. What it found is in `finding`, whatever it returns.
func search(_ request: TestRequest, _ finding: inout eddy_test_finding_t) -> eddy_status_t {
  // The first loop of a process makes what all share, descriptors among it.
  let first = Loop.make(request.loopOptions, request.allocator, host: nil)
  guard let loop = first.loop else { return first.status }
  loop.close()
  guard let memory = Memory.allocate(TestRecord.self, count: 1) else { return EDDY_ENOMEM }
  let test = TestRef(memory)
  test.before = Memory.allocate(UInt64.self, count: descriptorWords)
  test.after = Memory.allocate(UInt64.self, count: descriptorWords)
  test.taken = Memory.allocate(TakenValue.self, count: takenLimit)
  var status = EDDY_ENOMEM
  if test.before != nil, test.after != nil, test.taken != nil {
    test.take(request)
    let thread = eddy_sw_this_thread().unsafelyUnwrapped
    let outer = thread.pointee.test
    thread.pointee.test = test.raw
    status = test.searchEverywhere()
    thread.pointee.test = outer
    finding = test.finding
  }
  Memory.free(test.before)
  Memory.free(test.after)
  Memory.free(test.taken)
  Memory.free(memory)
  return status
}

extension Ref where Record == TestRecord {
  fileprivate func take(_ request: TestRequest) {
    self.function = request.function
    self.context = request.context
    self.options = request.options
    self.failsMemory = request.failsMemory
    self.allocator = request.allocator
    self.loopOptions = request.loopOptions
    self.givenReport = request.loopOptions.report
    self.givenReportContext = request.loopOptions.report_context
    self.loopOptions.flags |= EDDY_LOOP_VIRTUAL_CLOCK
    self.loopOptions.report = { raw, report in
      TestRef(raw: raw.unsafelyUnwrapped).hear(report)
    }
    self.loopOptions.report_context = raw
    if self.options.max_runs == 0 { self.options.max_runs = usualRuns }
    if self.options.max_steps == 0 { self.options.max_steps = usualSteps }
    if self.options.patience_ns == 0 { self.options.patience_ns = usualPatience }
  }

  fileprivate func searchEverywhere() -> eddy_status_t {
    while self.finding.runs < self.options.max_runs {
      self.place &+= 1
      let status = run()
      if status != EDDY_OK { return status }
      self.finding.runs &+= 1
      self.finding.place = self.place
      if self.finding.kind != EDDY_FINDING_NONE { break }
      if !self.hasReached {
        self.finding.exhausted = 1
        break
      }
    }
    return EDDY_OK
  }
}
