// What a run has left behind or done wrong, and its text: each names the thing and where it was
// made.
//
// Invariant: looking changes nothing but the kept root and the callbacks that have not run, which
// are let go of.
// Threads: the one that searches.

import CEddy
import EddySwitch

extension Ref where Record == TestRecord {
  /// Looks over a loop whose tasks have all ended.
  func inspect(_ loop: Loop) {
    loop.releaseKeptRoot()
    inspectFutures(loop)
    inspectReferences(loop)
    inspectErrors(loop)
    inspectCalls(loop)
    let polled = loop.polledDescriptor
    if polled >= 0 {
      note(EDDY_FINDING_DESCRIPTOR, count: 1) { sink in
        sink.put("a descriptor is still polled: ")
        sink.put(polled)
      }
    }
    if !loop.core.timers.isEmpty {
      note(EDDY_FINDING_TIMER, count: 1) { $0.put("a timer of Eddy's own is still armed") }
    }
    let held = Ref<StackPool>(loop.at.stacks).heldStacks
    if held > 0 {
      note(EDDY_FINDING_STACK, count: Int64(held)) { $0.put("a stack of Eddy's own is still held") }
    }
  }

  private func inspectFutures(_ loop: Loop) {
    for position in 0..<loop.futures.positions {
      let future = loop.futures.record(at: position)
      let left = future.completion.slot.word
      guard loop.futures.isLive(future), left > 0 else { continue }
      note(EDDY_FINDING_FUTURE, count: Int64(left)) { sink in
        sink.put("a future was never released")
        sink.put(site: future.completion.site)
      }
    }
  }

  private func inspectReferences(_ loop: Loop) {
    for position in 0..<loop.tasks.positions {
      let task = loop.tasks.record(at: position)
      let left = task.completion.slot.word
      guard loop.tasks.isLive(task), left > 0 else { continue }
      note(EDDY_FINDING_TASK, count: Int64(left)) { sink in
        sink.put("a reference to a task was never released: ")
        sink.put(task)
      }
    }
  }

  private func inspectErrors(_ loop: Loop) {
    let errors = loop.diagnostics.errors
    for position in 0..<errors.positions {
      let error = errors.record(at: position)
      guard errors.isLive(error), error.slot.word > 0 else { continue }
      note(EDDY_FINDING_ERROR, count: Int64(error.slot.word)) { sink in
        sink.put("a reference to an error was never released: ")
        sink.put(statusName(error.status))
        sink.put(": ")
        sink.put(UnsafePointer(error.message) ?? statusText(error.status))
        sink.put(site: error.site)
      }
    }
  }

  /// Callbacks that have not run outlive the task under test, as tasks may; their references not.
  private func inspectCalls(_ loop: Loop) {
    for position in 0..<loop.calls.positions {
      let call = loop.calls.record(at: position)
      guard loop.calls.isLive(call), !call.isRepeated else { continue }
      let left = call.slot.word
      if left > 0 {
        note(EDDY_FINDING_CALLBACK, count: Int64(left)) { sink in
          sink.put("a reference to a callback was never released")
          sink.put(site: call.site)
        }
      } else if call.state == .pending, self.options.flags & EDDY_TEST_OUTLIVE == 0 {
        note(EDDY_FINDING_CALLBACK, count: 1) { sink in
          sink.put("a callback outlives the task under test")
          sink.put(site: call.site)
        }
      }
      if call.state == .pending { _ = loop.cancelCall(call) }
    }
  }

  /// Looks for tasks that have not ended.
  func inspectTasks(_ loop: Loop) {
    for position in 0..<loop.tasks.positions {
      let task = loop.tasks.record(at: position)
      guard loop.tasks.isLive(task), task.completion.state == .pending else { continue }
      note(EDDY_FINDING_TASK, count: 1) { sink in
        sink.put("a task outlives the one under test: ")
        sink.put(task)
      }
    }
  }

  func inspectDescriptors() {
    guard let before = self.before, let after = self.after,
      eddy_sw_open_descriptors(after, descriptorWords) != 0
    else { return }
    var count: Int64 = 0
    var first: Int32 = -1
    for index in 0..<descriptorWords {
      let new = after[index] & ~before[index]
      if new == 0 { continue }
      if first < 0 { first = Int32(index &* 64 &+ new.trailingZeroBitCount) }
      count &+= Int64(new.nonzeroBitCount)
    }
    if count == 0 { return }
    note(EDDY_FINDING_DESCRIPTOR, count: count) { sink in
      sink.put("a descriptor was left open: ")
      sink.put(Int(first))
      withTextBuffer(256) { buffer, capacity in
        eddy_sw_describe_descriptor(first, buffer, capacity)
        if buffer[0] != 0 { sink.put(", ") }
        sink.put(buffer)
      }
    }
  }

  func noteTwice(_ completion: CompletionRef) {
    note(EDDY_FINDING_TWICE, count: 2) { sink in
      if completion.isTask {
        sink.put("a foreign task was completed twice: ")
        sink.put(TaskRef(raw: completion.raw))
      } else {
        sink.put("a future was completed twice")
        sink.put(site: completion.site)
      }
    }
  }

  func noteHang(_ task: TaskRef) {
    note(EDDY_FINDING_HANG, count: 1) { sink in
      sink.put("nothing can wake ")
      sink.put(task)
      sink.put(": it ")
      writeWait(of: task, to: &sink)
    }
  }

  private func writeWait(of task: TaskRef, to sink: inout TextSink) {
    guard let target = task.park.target else {
      if task.park.kind == .sleep {
        sink.put("sleeps for ever")
      } else {
        sink.put("does not run")
      }
      return
    }
    switch task.park.kind {
    case .join:
      sink.put("joins ")
      sink.put(TaskRef(raw: target))
    case .several:
      sink.put("waits for several futures")
    case .future:
      sink.put("waits for a future")
      sink.put(site: CompletionRef(raw: target).site)
    case .scope:
      sink.put("closes a scope whose tasks do not end")
      sink.put(site: ScopeRef(raw: target).site)
    case .descriptor:
      sink.put("waits for descriptor ")
      sink.put(Int(target.load(as: UInt32.self)))
    case .none, .yield, .sleep:
      sink.put("does not run")
    }
  }

  /// What the loop reports in a run: some of it is a finding, all of it goes on to the user's hook.
  func hear(_ report: UnsafePointer<eddy_report_t>) -> eddy_status_t {
    switch report.pointee.status {
    case EDDY_ESCOPELEAK:
      note(EDDY_FINDING_SCOPE, report)
    case EDDY_ECANCELED where begins(report.pointee.text, "a task ignores"):
      note(EDDY_FINDING_IGNORED, report)
    default:
      break
    }
    return self.report.map { $0(self.reportContext, report) } ?? EDDY_OK
  }

  private func note(_ kind: Int32, _ report: UnsafePointer<eddy_report_t>) {
    note(kind, count: 1) { sink in
      sink.put(report.pointee.text)
      sink.put(site: report.pointee.site)
    }
  }

  private func begins(_ text: UnsafePointer<CChar>, _ opening: StaticString) -> Bool {
    for index in 0..<opening.utf8CodeUnitCount
    where UInt8(bitPattern: text[index]) != opening.utf8Start[index] {
      return false
    }
    return true
  }
}

extension Ref where Record == TestRecord {
  /// Follows a value that the program has moved out: its release function becomes one of ours.
  func follow(_ completion: CompletionRef, _ release: UnsafeMutablePointer<eddy_release_fn?>) {
    guard let own = release.pointee, let taken = self.taken else { return }
    for index in 0..<takenLimit where taken[index].release == nil {
      taken[index] = TakenValue(value: completion.value, release: own, site: completion.site)
      release.pointee = { value in
        guard let test = eddy_sw_this_thread().unsafelyUnwrapped.pointee.test else { return }
        TestRef(raw: test).letGo(of: value)
      }
      return
    }
  }

  private func letGo(of value: UnsafeMutableRawPointer?) {
    guard let taken = self.taken else { return }
    for index in 0..<takenLimit where taken[index].value == value {
      guard let release = taken[index].release else { continue }
      taken[index].release = nil
      release(value)
      return
    }
  }

  func inspectTaken() {
    guard let taken = self.taken else { return }
    for index in 0..<takenLimit where taken[index].release != nil {
      note(EDDY_FINDING_VALUE, count: 1) { sink in
        sink.put("a value was taken from its future and never released")
        sink.put(site: taken[index].site)
      }
      taken[index].release = nil
    }
  }
}
