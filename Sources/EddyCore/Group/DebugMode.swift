// Debug mode: each step is timed and, if it was slow, reported; one that blocks the loop is
// reported while it does, by the watchdog (EddySwitch/watchdog.c).
//
// Owns the eddy_sw_watch of the loop.
// Invariants:
// 1. A step begins and ends on the loop's own stack: with no steps left in the core's count no task
//    is switched to from another one. The turn's count is `watchedSteps` meanwhile.
// 2. Who a step is of is written down before it: a task may be gone when it ends.
// 3. On the watchdog's thread nothing of the loop is touched but what the watchdog gives out.
// Threads: the loop's, but `reportBlocked`, which is the watchdog's.

import CEddy
import EddySwitch

typealias StepAddress = UnsafeMutablePointer<eddy_sw_step>

extension Ref where Record == LoopRecord {
  /// Makes the watch if the options ask for debug mode. EDDY_OK or EDDY_ENOMEM.
  func openStepWatch(_ options: eddy_loop_options_t) -> eddy_status_t {
    if options.flags & EDDY_LOOP_DEBUG == 0 { return EDDY_OK }
    self.stepWatch = eddy_sw_watch_make()
    guard let watch = self.stepWatch else { return EDDY_ENOMEM }
    self.slowStep = options.slow_ns == 0 ? 100_000_000 : options.slow_ns
    if options.blocked_ns == EDDY_NONE { return EDDY_OK }
    let limit = options.blocked_ns == 0 ? 1_000_000_000 : options.blocked_ns
    let status = eddy_sw_watchdog_start(watch, limit) { watch, lasted in
      reportBlocked(watch, lasted)
    }
    return status == EDDY_OK ? EDDY_OK : EDDY_ENOMEM
  }

  func closeStepWatch() {
    guard let watch = self.stepWatch else { return }
    self.stepWatch = nil
    eddy_sw_watch_free(watch)
  }

  func limitSteps(to count: UInt32) {
    if self.stepWatch == nil { core.stepsLeft = count } else { self.watchedSteps = count }
  }

  /// `runRounds`, step by step.
  @inline(never)
  func runWatchedRounds() {
    let core = self.core
    core.auditBetweenRounds()
    self.watchedSteps = core.stepsLeft
    core.stepsLeft = 0
    while self.watchedSteps > 0, let next = core.ready.peek() {
      core.ready.removeFirst(next)
      self.watchedSteps &-= 1
      runWatched(next)
      core.auditBetweenRounds()
    }
  }

  private func runWatched(_ next: UnsafeMutablePointer<Runnable>) {
    let watch = self.stepWatch.unsafelyUnwrapped
    let step = Ref<eddy_sw_watch>(watch).at.step
    let owner = next.pointee.owner.unsafelyUnwrapped
    let run = next.pointee.run
    describe(next, owner, step)
    step.pointee.began = eddy_sw_clock_ns()
    eddy_sw_watch_set(watch, step.pointee.began)
    if let run { run(owner) } else { resume(TaskRef(raw: owner)) }
    eddy_sw_watch_set(watch, 0)
    let lasted = eddy_sw_clock_ns() &- step.pointee.began
    let isSeen = watch.pointee.seen.began == step.pointee.began
    if lasted >= self.slowStep || isSeen { reportSlow(watch, lasted, isSeen) }
  }

  private func describe(
    _ next: UnsafeMutablePointer<Runnable>, _ owner: UnsafeMutableRawPointer, _ step: StepAddress
  ) {
    if next.pointee.run == nil || next.pointee.isTask { return name(step, TaskRef(raw: owner)) }
    step.pointee.task = 0
    step.pointee.serial = 0
    step.pointee.site = nil
    eddy_sw_step_name(step)[0] = 0
    switch next.pointee.kind {
    case .call: step.pointee.site = CallRef(raw: owner).site
    case .callback: step.pointee.site = Ref<CallbackRecord>(raw: owner).completion?.site
    default: break
    }
  }

  private func name(_ step: StepAddress, _ task: TaskRef) {
    step.pointee.task = task.id
    step.pointee.serial = task.serial
    step.pointee.site = task.completion.site
    fillText(
      eddy_sw_step_name(step), Int(EDDY_SW_NAME), from: task.name.map { UnsafePointer($0) })
  }

  /// Code of a foreign task has begun in a callback: the step is the task's.
  @inline(never)
  func nameStep(after task: TaskRef) {
    let step = Ref<eddy_sw_watch>(self.stepWatch.unsafelyUnwrapped).at.step
    if step.pointee.task == 0 { name(step, task) }
  }

  /// The hook runs in the task's context if the task has not ended.
  @inline(never)
  private func reportSlow(
    _ watch: UnsafeMutablePointer<eddy_sw_watch>, _ lasted: Int64, _ isSeen: Bool
  ) {
    let step = Ref<eddy_sw_watch>(watch).at.step
    var subject = subjectOf(step)
    if isSeen { subject.frames = framesSeen(watch) }
    let outer = contexts.outside
    if let task = self.tasks.find(step.pointee.task), task.completion.state == .pending {
      contexts.outside.place = task.contextPlace
    }
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { room in
      let text = room.baseAddress.unsafelyUnwrapped
      var sink = TextSink(text, capacity: 64)
      put(step, " took ", lasted, to: &sink)
      _ = sink.finish()
      diagnostics.report(EDDY_EBUSY, text, subject, error: nil)
    }
    contexts.outside = outer
  }
}

private func subjectOf(_ step: StepAddress) -> ReportSubject {
  let name = eddy_sw_step_name(step)
  return ReportSubject(
    task: eddy_task_t(id: step.pointee.task), name: name[0] == 0 ? nil : name,
    serial: step.pointee.serial, site: step.pointee.site)
}

private func framesSeen(_ watch: UnsafeMutablePointer<eddy_sw_watch>) -> StackFrames {
  StackFrames(addresses: eddy_sw_watch_frames(watch), count: Int(watch.pointee.count))
}

/// "a step took 2.013 s"; without a step, of one that is not known.
@inline(never)
private func put(
  _ step: StepAddress?, _ verb: StaticString, _ lasted: Int64, to sink: inout TextSink
) {
  if let step, step.pointee.serial == 0 { sink.put("a callback") } else { sink.put("a step") }
  sink.put(verb)
  let milliseconds = UInt(lasted / 1_000_000)
  sink.put(milliseconds / 1000)
  sink.put(".")
  var unit: UInt = 100
  while unit > 0 {
    sink.put(milliseconds / unit % 10)
    unit /= 10
  }
  sink.put(" s")
}

/// The step that runs blocks the loop. Without a watch its stack could not be read.
private func reportBlocked(_ watch: UnsafeMutablePointer<eddy_sw_watch>?, _ lasted: Int64) {
  let capacity = 16384
  guard let buffer = Memory.allocate(CChar.self, count: capacity) else { return }
  var sink = TextSink(buffer, capacity: capacity)
  sink.put("eddy: EDDY_EBUSY: the loop is blocked: ")
  let seen = watch.map { Ref<eddy_sw_watch>($0).at.seen }
  put(seen, " has taken ", lasted, to: &sink)
  if let watch, let seen {
    writeSeen(watch, seen, to: &sink)
  } else {
    sink.put("; its thread does not take SIGURG, so more is not known\n")
  }
  eddy_sw_write_stderr(buffer, min(sink.length, capacity &- 1))
  Memory.free(buffer)
}

private func writeSeen(
  _ watch: UnsafeMutablePointer<eddy_sw_watch>, _ step: StepAddress, to sink: inout TextSink
) {
  let subject = subjectOf(step)
  if subject.serial != 0 {
    sink.put(": ")
    writeTaskName(to: &sink, subject.name, serial: subject.serial)
  }
  if let site = subject.site {
    sink.put(" (")
    sink.put(site)
    sink.put(")")
  }
  sink.put("\n")
  writeFrames(eddy_sw_watch_frames(watch), Int(watch.pointee.count), to: &sink)
}
