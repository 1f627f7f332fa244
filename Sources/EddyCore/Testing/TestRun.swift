// One run of a search: a new loop, the task function on it, and the end of both.
//
// Invariants:
// 1. Whatever the function does, the run ends: nothing blocks for longer than the patience, and
//    steps are counted.
// 2. After it the thread has no loop. One whose tasks cannot be ended is abandoned.
// 3. Requests for memory fail only from the function's first step to the end of the loop's tasks.
// Threads: the one that searches.

import CEddy
import EddySwitch

extension Ref where Record == TestRecord {
  /// Makes one run. A failure says that it could not be made.
  func run() -> eddy_status_t {
    self.steps = 0
    self.firstStep = 0
    self.hasReached = false
    self.root = nil
    self.scope = nil
    self.finding.wait_kind = EDDY_WAIT_NONE
    self.report = self.givenReport
    self.reportContext = self.givenReportContext
    if let setup = self.options.setup {
      let status = setup(self.context)
      if status != EDDY_OK { return status }
    }
    let before = self.before.unsafelyUnwrapped
    let seesDescriptors =
      self.options.flags & EDDY_TEST_THREADS == 0
      && eddy_sw_open_descriptors(before, descriptorWords) != 0
    let made = Loop.make(self.loopOptions, self.allocator, host: nil)
    guard let loop = made.loop else { return made.status }
    watch(loop)
    guard let root = makeRoot(on: loop) else {
      loop.close()
      return EDDY_ENOMEM
    }
    drive(loop, root)
    let hasEnded = end(loop)
    stopFailing()
    self.finding.status = root.completion.status
    if hasEnded {
      inspect(loop)
      loop.close()
      if seesDescriptors { inspectDescriptors() }
    } else {
      loop.abandon()
    }
    self.loop = nil
    inspectTaken()
    askAfter()
    return EDDY_OK
  }

  private func watch(_ loop: Loop) {
    self.loop = loop
    loop.core.patience = self.options.patience_ns
    loop.watch.test = raw
    if self.loopOptions.flags & EDDY_LOOP_TRACE != 0 { loop.startTrace() }
    loop.watchRounds()
    loop.watch.settledAgain = { completion, loop in
      guard let test = Loop(raw: loop).watch.test else { return }
      TestRef(raw: test).noteTwice(CompletionRef(raw: completion))
    }
    loop.watch.taken = { completion, loop, release in
      guard let test = Loop(raw: loop).watch.test else { return }
      TestRef(raw: test).follow(CompletionRef(raw: completion), release)
    }
  }

  private func makeRoot(on loop: Loop) -> TaskRef? {
    let byDeadline = isCancelledByDeadline
    let function: eddy_task_fn =
      byDeadline
      ? { raw in TestRef(raw: raw.unsafelyUnwrapped).runInScope() }
      : self.function.unsafelyUnwrapped
    var request = loop.rootRequest(byDeadline ? raw : self.context)
    request.name = staticText("the task under test")
    let root = loop.makeRoot(request, function)
    self.root = root
    return root
  }

  /// What the root task runs when a deadline is to cancel it.
  private func runInScope() -> eddy_status_t {
    guard let loop = self.loop, let root = self.root else { return EDDY_EINVAL }
    let form = ScopeForm(
      isGroup: false, isShield: false, timeout: Int64.max, grace: loop.graceDuration)
    let status = loop.callInScope(
      form, root,
      { raw in
        let test = TestRef(raw: raw.unsafelyUnwrapped)
        test.scope = test.root?.scope
        return test.function.unsafelyUnwrapped(test.context)
      }, raw, site: nil, nil)
    self.scope = nil
    return status
  }

  /// Runs until the task under test has ended, then what is ready still.
  private func drive(_ loop: Loop, _ root: TaskRef) {
    startFailing()
    loop.core.isRunning = true
    var isEndless = self.options.flags & EDDY_TEST_ENDLESS != 0
    while root.completion.state == .pending, !isOver(root) {
      // What the function asks of the run that it believes in is no end of this one.
      loop.core.isStopping = false
      if loop.turn(to: .end(of: root.completion)) { continue }
      if !isEndless {
        noteHang(root)
        return
      }
      isEndless = false
      loop.cancel(root.root, code: EDDY_REASON_REQUEST)
    }
    if root.completion.state == .pending { return }
    self.firstStep = self.steps
    while !loop.core.ready.isEmpty, !isOver(root) {
      loop.core.pollWithoutWaiting()
      loop.core.beginTurn()
      loop.runRounds()
    }
    if self.options.flags & EDDY_TEST_OUTLIVE == 0 { inspectTasks(loop) }
  }

  /// Whether the steps are over; that is a finding.
  @inline(never)
  private func isOver(_ task: TaskRef) -> Bool {
    let steps = self.steps &- self.firstStep
    if steps <= self.options.max_steps { return false }
    let isIgnored = self.hasReached && !self.failsMemory
    note(isIgnored ? EDDY_FINDING_IGNORED : EDDY_FINDING_HANG, count: steps) { sink in
      sink.put(task)
      if isIgnored { sink.put(" was cancelled and") }
      sink.put(" has not ended after ")
      sink.put(Int(steps))
      sink.put(" steps")
    }
    return true
  }

  /// Cancels what is left and runs until it has ended; false if it does not.
  private func end(_ loop: Loop) -> Bool {
    self.firstStep = self.steps
    loop.isShutDown = true
    loop.cancel(loop.loopScope, code: EDDY_REASON_SHUTDOWN)
    var hasEnded = true
    while hasEnded, !loop.isQuiet {
      loop.core.isStopping = false
      hasEnded = !isOver(self.root.unsafelyUnwrapped) && loop.turn(to: .quiet)
    }
    loop.core.isRunning = false
    if !hasEnded { inspectTasks(loop) }
    return hasEnded
  }

  private func startFailing() {
    if !self.failsMemory { return }
    let thread = eddy_sw_this_thread().unsafelyUnwrapped
    thread.pointee.memory_steps = 0
    thread.pointee.failing_step = self.place
  }

  private func stopFailing() {
    if !self.failsMemory { return }
    let thread = eddy_sw_this_thread().unsafelyUnwrapped
    self.hasReached = thread.pointee.memory_steps >= self.place
    thread.pointee.failing_step = 0
  }

  private func askAfter() {
    guard let after = self.options.after else { return }
    let status = after(self.context, self.place, self.finding.status)
    if status == EDDY_OK || self.finding.kind != EDDY_FINDING_NONE { return }
    self.finding.status = status
    note(EDDY_FINDING_CHECK, count: 1) { sink in
      sink.put("the check after the run gave ")
      sink.put(statusName(status))
    }
  }
}
