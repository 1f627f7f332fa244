// One run of one program in one order: makes a loop, runs the root, shuts down, and looks at what
// is left.
//
// Run number n is program n / 4 in order n % 4. Every eighth run is made twice, and the two must
// have the same events.
//
// Threads: the calling one becomes the loop's; it is free again at the end.

import CEddy
import Eddy

struct Outcome {
  var violation: String?
  var hash: UInt64
  var deadlocks: Int
  var executed: [Int]
  var hasSwift: Bool
}

struct Run {
  static let orders: UInt64 = 4

  let number: UInt64
  var fault = Fault.none
  var cuts = Cuts()
  var isVerbose = false

  var program: Program { cuts.applied(to: Generator.program(number / Self.orders)) }

  /// The run, and its repetition where that is due.
  func checked(_ program: Program, repeats: Bool) -> Outcome {
    var outcome = once(program, isRepeat: false)
    if repeats, outcome.violation == nil {
      let again = once(program, isRepeat: true)
      outcome.violation = again.violation
      if again.violation == nil, again.hash != outcome.hash {
        outcome.violation = "two runs with the same seed had different events"
      }
    }
    return outcome
  }

  private func once(_ program: Program, isRepeat: Bool) -> Outcome {
    let made = World(program, fault, isVerbose: isVerbose && !isRepeat)
    world = made
    defer { world = nil }
    made.run(order: number &* 2 &+ (isRepeat && fault == .otherOrder ? 1 : 0))
    return Outcome(
      violation: made.violation, hash: made.hash, deadlocks: made.deadlocks,
      executed: made.executed, hasSwift: program.hasSwift)
  }
}

private let report: eddy_report_fn = { _, report in
  world.reported(report.pointee)
  return EDDY_OK
}

extension World {
  func run(order: UInt64) {
    var options = eddy_loop_options_t()
    options.size = UInt32(MemoryLayout<eddy_loop_options_t>.size)
    options.flags = EDDY_LOOP_VIRTUAL_CLOCK | EDDY_LOOP_SEEDED_ORDER
    options.seed = order
    options.report = report
    let version =
      EDDY_VERSION_MAJOR * 1_000_000 + EDDY_VERSION_MINOR * 1000 + EDDY_VERSION_PATCH
    var loop = eddy_loop_t()
    let made = eddy_loop_create_versioned(version, &options, &loop)
    if made != EDDY_OK { return violate("no loop: \(name(made))") }
    makeFutures()
    runRoot(loop)
    loopScope.own.allow(now)
    let shut = eddy_loop_shutdown(loop)
    if shut != EDDY_OK { violate("shutting down gave \(name(shut))") }
    checkEnds()
    releaseAll()
    let closed = eddy_loop_close(loop)
    if closed != EDDY_OK { violate("closing the loop gave \(name(closed))") }
    checkReleases()
  }

  private func makeFutures() {
    for index in futures.indices {
      let status = eddy_future_create_at(nil, &futures[index].handle)
      if status != EDDY_OK { violate("no future: \(name(status))") }
    }
  }

  private func runRoot(_ loop: eddy_loop_t) {
    let root = tasks[0]
    root.root = Scope("T0", in: loopScope, owner: 0, 0)
    root.current = root.root
    root.stage = .spawned
    var value: UnsafeMutableRawPointer?
    let status = eddy_loop_run(loop, fiberMain, pointer(0), &value)
    trace(nil, "the root gave \(name(status))")
    if status == EDDY_EDEADLK, deadlocks > 0 { return }
    if status != root.outcome {
      violate("the root ended with \(name(root.outcome ?? 1)), and gave \(name(status))")
    }
    guard status == EDDY_OK else { return }
    if index(of: value) != root.value { violate("the root gave value \(index(of: value))") }
    if values[root.value] > 0 { violate("the root's value was released") }
  }

  /// All tasks have ended, and their ends are what the model says.
  private func checkEnds() {
    for task in tasks where task.stage == .spawned || task.stage == .running {
      if task.stage == .running { violate("T\(task.id) did not end: \(task.waiting)") }
      endedUnbegun(task)
    }
    for task in tasks where task.isHeld && task.id % 3 != 0 {
      var value: UnsafeMutableRawPointer?
      let status = eddy_future_result(eddy_task_future(task.handle), &value)
      if status == EDDY_EPENDING { violate("T\(task.id) did not end") }
      let op = Op(id: -1, kind: .wait, target: task.id)
      checkRead(
        op, by: nil, status, value: task.isSwift ? nil : index(of: value), isCancelled: false)
    }
  }

  private func releaseAll() {
    for task in tasks where task.isHeld {
      if fault != .leakedReference || task.outcome != EDDY_OK || task.isSwift { release(task) }
    }
    for future in futures {
      let status = eddy_future_release(future.handle)
      if status != EDDY_OK { violate("releasing a future gave \(name(status))") }
    }
  }

  private func checkReleases() {
    for (number, count) in values.enumerated() where count != 1 {
      violate("value \(number) was released \(count) times")
    }
    for task in tasks where task.hasContext && task.contextReleases != 1 {
      violate("the context of T\(task.id) was released \(task.contextReleases) times")
    }
    let unread = futures.count { $0.stage == .failed && !$0.wasRead }
    if futureReports != unread {
      violate("\(unread) failed futures were not read, and \(futureReports) reported")
    }
    for task in tasks where task.stage == .returned && task.id > 0 {
      let isFailure = task.outcome != EDDY_OK && task.outcome != EDDY_ECANCELED
      let expected = isFailure && !task.wasRead && !task.wasInGroup ? 1 : 0
      if task.reports != expected {
        violate("T\(task.id), which gave \(name(task.outcome!)), had \(task.reports) reports")
      }
    }
    for (number, callback) in callbacks.enumerated() {
      if callback.releases != 1 {
        violate("callback \(number)'s context was released \(callback.releases) times")
      }
      let isDue = callback.future < 0 || futures[callback.future].stage != .pending
      if callback.runs != (isDue ? 1 : 0) {
        violate("callback \(number) ran \(callback.runs) times")
      }
    }
    // Each knows the other.
    for cleanup in cleanups { cleanup.scope.cleanupShield = nil }
    if !tasks.allSatisfy({ $0.cleanupsLeft == 0 }) { violate("a cleanup did not run") }
  }
}
