// The birth and the end of a loop.
//
// Invariants:
// 1. A loop that could not be made leaves nothing behind.
// 2. A loop is closed only without live tasks: a suspended stack is never freed. A loop with tasks
//    that cannot end is abandoned, whole, and its number is never used again.
// Threads: the loop's.

import CEddy
import EddySwitch

extension Ref where Record == LoopRecord {
  /// Makes a loop and binds it to the thread, which has none.
  static func make(
    _ options: eddy_loop_options_t, _ allocator: eddy_stack_allocator_t,
    host: UnsafeMutableRawPointer?
  ) -> (status: eddy_status_t, loop: Loop?) {
    if eddy_sw_runtime_copies() > 1 {
      let text: StaticString = "eddy: EDDY_EBUSY: this process has two copies of the runtime\n"
      eddy_sw_write_stderr(staticText(text), text.utf8CodeUnitCount)
      return (EDDY_EBUSY, nil)
    }
    let watching = eddy_sw_watch_fork()
    if watching != 0 { return (watching, nil) }
    guard let memory = Memory.allocate(LoopRecord.self, count: 1) else { return (EDDY_ENOMEM, nil) }
    let loop = Loop(memory)
    loop.core.now = 0
    guard let claim = Registry.claim() else {
      Memory.free(memory)
      return (EDDY_ENOMEM, nil)
    }
    loop.configure(claim, options)
    var status = loop.openStepWatch(options)
    if status == EDDY_OK { status = loop.openPoll(host) }
    if status == EDDY_OK, !Ref<StackPool>(loop.at.stacks).open(allocator) {
      loop.closePoll()
      status = EDDY_ENOMEM
    }
    if status != EDDY_OK {
      loop.closeStepWatch()
      Registry.giveBack(
        claim.number, generation: claim.generation, nextGeneration: claim.firstGeneration)
      Memory.free(memory)
      return (status, nil)
    }
    loop.adoptThread()
    loop.bind()
    return (EDDY_OK, loop)
  }

  private func configure(_ claim: Registry.Claim, _ options: eddy_loop_options_t) {
    let first = max(claim.firstGeneration, options.first_generation)
    core.number = claim.number
    core.generation = claim.generation
    core.isVirtual = options.flags & EDDY_LOOP_VIRTUAL_CLOCK != 0
    core.ready = ReadyQueue(
      isSeeded: options.flags & EDDY_LOOP_SEEDED_ORDER != 0, seed: options.seed)
    core.timers = TimerHeap()
    core.now = core.isVirtual ? 0 : eddy_sw_clock_ns()
    self.tasks = SlotTable(loopNumber: claim.number, firstGeneration: first)
    self.futures = SlotTable(loopNumber: claim.number, firstGeneration: first)
    self.scopes = SlotTable(loopNumber: claim.number, firstGeneration: first)
    self.diagnostics.errors = SlotTable(loopNumber: claim.number, firstGeneration: first)
    self.reasons = Pool()
    self.cleanups = Pool()
    self.callbacks = Pool()
    self.entries = Pool()
    self.calls = SlotTable(loopNumber: claim.number, firstGeneration: first)
    self.contexts = ContextCore(loopNumber: claim.number, firstGeneration: first)
    contexts.openOutside()
    core.receive = { core, node in Loop.receive(core, node) }
    core.keepsHost = options.flags & EDDY_LOOP_UNREF == 0
    diagnostics.report = options.report
    diagnostics.reportContext = options.report_context
    self.watchesSignals = options.flags & (EDDY_LOOP_NO_SIGNALS | EDDY_LOOP_UNREF) == 0
    self.taskMain = { raw in Loop.fiberMain(raw) }
    self.graceDuration = options.grace_ns == 0 ? 5_000_000_000 : options.grace_ns
    self.stackBytes = Ref<StackPool>.rounded(
      options.stack_bytes == 0 ? 256 << 10 : Int(options.stack_bytes))
    loopScope.reset(owner: nil, site: nil)
  }

  private func bind() {
    let thread = eddy_sw_this_thread().unsafelyUnwrapped
    thread.pointee.loop = raw
    thread.pointee.bound = raw
    thread.pointee.state = EDDY_SW_THREAD_OPEN
    thread.pointee.depth = 0
  }

  private func unbind() {
    let thread = eddy_sw_this_thread().unsafelyUnwrapped
    thread.pointee.loop = nil
    thread.pointee.bound = nil
    thread.pointee.state = EDDY_SW_THREAD_OPEN
  }

  var publicID: UInt64 { Registry.id(number: core.number, generation: core.generation) }

  /// It runs, tasks are live, or a function runs in a context: it cannot be freed now.
  var isInUse: Bool {
    core.isRunning || loopScope.liveTasks > 0 || contexts.openRuns > 0
  }

  /// Frees a loop that has no live tasks.
  func close() {
    closeStepWatch()
    core.auditBetweenRounds()
    releaseKeptRoot()
    dropEntries(above: nil)
    closeDoor()
    if let free = self.freeDescriptors { free(raw) }
    dropCallbacks()
    diagnostics.replace(self.at.lastError, EDDY_OK, nil)
    contexts.dropOutside()
    reportReferences()
    closePoll()
    Ref<StackPool>(self.at.stacks).close()
    release(loopScope.reason)
    checkAllFree()
    let next = max(
      max(self.tasks.nextGeneration, self.futures.nextGeneration),
      max(
        max(self.scopes.nextGeneration, diagnostics.errors.nextGeneration),
        max(contexts.nextGeneration, self.calls.nextGeneration)))
    self.tasks.freeAll()
    self.futures.freeAll()
    self.scopes.freeAll()
    diagnostics.errors.freeAll()
    self.reasons.free()
    self.cleanups.free()
    self.callbacks.free()
    self.entries.free()
    self.calls.freeAll()
    self.contexts.freeAll()
    core.timers.free()
    core.ready.free()
    if self.watch.trace != 0 {
      eddy_sw_this_thread().unsafelyUnwrapped.pointee.trace = self.watch.trace
    }
    let data = self.data
    let releaseData = self.releaseData
    unbind()
    Registry.giveBack(core.number, generation: core.generation, nextGeneration: next)
    Memory.free(pointer)
    Gate.release(data, with: releaseData)
  }

  /// In the hostile build: closing has left no record in use.
  private func checkAllFree() {
    #if EDDY_HOSTILE
      self.tasks.checkAllFree()
      self.futures.checkAllFree()
      self.scopes.checkAllFree()
      diagnostics.errors.checkAllFree()
      self.reasons.checkAllFree()
      self.cleanups.checkAllFree()
      self.callbacks.checkAllFree()
      self.entries.checkAllFree()
      self.calls.checkAllFree()
    #endif
  }

  func replaceData(_ data: UnsafeMutableRawPointer?, _ release: eddy_release_fn?) {
    let old = self.data
    let releaseOld = self.releaseData
    self.data = data
    self.releaseData = release
    Gate.release(old, with: releaseOld)
  }

  /// Opens libuv under the loop: our own, or the host's, in whose iterations we then run.
  private func openPoll(_ host: UnsafeMutableRawPointer?) -> eddy_status_t {
    let status = core.openPoll(host: host)
    guard status == EDDY_OK, host != nil else { return status }
    let hosted = core.openHost { raw in Loop(raw: raw).runHostedTurn() }
    if hosted != EDDY_OK { core.closePoll(ownsLoop: false) }
    return hosted
  }

  private func closePoll() {
    let ownsLoop = core.host == nil
    core.closeHost()
    core.closePoll(ownsLoop: ownsLoop)
  }

  /// Lets nothing more come from other threads; what has come is made ready, to be dropped.
  private func closeDoor() {
    var list = RemoteQueue.close(core.number, generation: core.generation)
    while let node = list {
      list = node.pointee.next
      Loop.receive(raw, UnsafeMutableRawPointer(node))
    }
  }

  /// Leaves a loop whose tasks cannot end to itself: nothing of it runs again, and nothing of it is
  /// freed but what comes through the door.
  func abandon() {
    closeStepWatch()
    var list = RemoteQueue.close(core.number, generation: core.generation)
    while let node = list {
      list = node.pointee.next
      Loop.drop(UnsafeMutableRawPointer(node))
    }
    unbind()
  }

  /// Takes back the callbacks that will never be called, and empties the ready queue.
  private func dropCallbacks() {
    self.isClosing = true
    for position in 0..<self.futures.positions {
      let future = self.futures.record(at: position)
      if self.futures.isLive(future) { CompletionRef(raw: future.raw).wakeAll() }
    }
    while !core.ready.isEmpty {
      core.stepsLeft = stepsPerTurn
      runRounds()
    }
    _ = dropCalls(endingReferences: false)
  }

  /// Ends what references were left, and says so.
  private func reportReferences() {
    var left = 0
    for position in 0..<self.tasks.positions {
      let task = self.tasks.record(at: position)
      if self.tasks.isLive(task) { left += dropReferences(of: task.completion) }
    }
    for position in 0..<self.futures.positions {
      let future = self.futures.record(at: position)
      if self.futures.isLive(future) { left += dropReferences(of: CompletionRef(raw: future.raw)) }
    }
    left += releaseAllErrors()
    left += contexts.releaseAll()
    left += dropCalls(endingReferences: true)
    if left > 0 {
      diagnostics.report(
        EDDY_EBUSY, "references were left at loop close; what they hold is freed", .none)
    }
  }

  private func dropReferences(of completion: CompletionRef) -> Int {
    let references = completion.slot.word
    if references == 0 { return 0 }
    completion.slot.word = 1
    releaseReference(completion)
    return Int(references)
  }

  private func releaseAllErrors() -> Int {
    let errors = diagnostics.errors
    var left = 0
    for position in 0..<errors.positions {
      let error = errors.record(at: position)
      guard errors.isLive(error), error.slot.word > 0 else { continue }
      left += Int(error.slot.word)
      error.slot.word = 1
      _ = diagnostics.releaseReference(error)
    }
    return left
  }
}
