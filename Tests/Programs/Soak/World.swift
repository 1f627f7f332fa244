// One run: its tasks, futures, values and callbacks, what they did so far, and what was wrong.
//
// Owns everything that a run allocates outside the loop. Contexts and values that go through C are
// numbers, so that a stale one cannot do harm.
// Invariant: one world at a time on a thread, in `world`.
// Threads: the run's.

import CEddy
import Eddy
import Glibc

enum Stage { case absent, refused, spawned, running, returned }
/// What a task does in its last suspending call, for judging a deadlock.
enum Waiting {
  case not, timed, children
  case task(Int)
  case future(Int)
}

final class TaskState: @unchecked Sendable {
  let id: Int
  let spec: TaskSpec
  var handle = eddy_task_t()
  var isHeld = false
  var stage = Stage.absent
  var current: Scope!
  var root: Scope!
  /// What it ended with as the model knows: EDDY_ECANCELED is cancelled.
  var outcome: eddy_status_t?
  var value = -1
  var isTaken = false
  var wasRead = false
  /// Its failure is among the errors of a group.
  var wasInGroup = false
  var reports = 0
  var reads = 0
  var contextReleases = 0
  var hasContext = false
  var waiting = Waiting.not
  var cleanupsLeft = 0
  var swiftHandle: TaskHandle<Value>?
  var cHandle: TaskHandle<UnsafeMutableRawPointer?>?

  init(_ id: Int, _ spec: TaskSpec) {
    self.id = id
    self.spec = spec
  }

  var isSwift: Bool { spec.language == .swift }
}

enum FutureStage { case pending, done, failed, cancelled }

struct FutureState {
  var handle = eddy_future_t()
  var stage = FutureStage.pending
  var value = -1
  var isTaken = false
  /// Somebody read it when it had failed, or a callback is to see it.
  var wasRead = false
  static let failure: eddy_status_t = -71
}

struct CallbackState {
  var op: Op
  var runs = 0
  var releases = 0
  var isRegistered = false
  /// A future, a task as its number below 0, or nothing for a posted one.
  var future = -1
}

/// A value of a Swift task; its end is its release.
final class Value: Sendable {
  let number: Int
  init(_ number: Int) { self.number = number }
  deinit { world.released(number) }
}

/// What a Swift task's closure holds: its context.
final class Token: Sendable {
  let task: Int
  init(_ task: Int) { self.task = task }
  deinit { world.contextReleased(task) }
}

nonisolated(unsafe) var world: World! = nil

final class World: @unchecked Sendable {
  let program: Program
  let fault: Fault
  let isVerbose: Bool
  let loopScope: Scope
  var tasks: [TaskState]
  var futures = Array(repeating: FutureState(), count: Program.futures)
  var scopes: [Scope?]
  /// How often each value was released.
  var values: [Int] = []
  var callbacks: [CallbackState] = []
  var calls: [(op: Op, scope: Scope, task: TaskState)] = []
  var cleanups: [(op: Op, scope: Scope, task: TaskState)] = []
  /// How many calls that must not run anybody's code are under way.
  var inCall = 0
  var hash: UInt64 = 1_469_598_103_934_665_603
  var violation: String?
  var executed = Array(repeating: 0, count: Kind.allCases.count)
  var deadlocks = 0
  var futureReports = 0
  private var lastNow: Time = 0

  init(_ program: Program, _ fault: Fault, isVerbose: Bool) {
    self.program = program
    self.fault = fault
    self.isVerbose = isVerbose
    loopScope = Scope("loop", in: nil, owner: -1, 0)
    tasks = program.tasks.enumerated().map { TaskState($0.offset, $0.element) }
    scopes = Array(repeating: nil, count: program.opCount)
  }

  var now: Time {
    var now: Int64 = 0
    if eddy_now(&now) == EDDY_OK { lastNow = now }
    return lastNow
  }

  /// Makes a call during which nobody else's code may run.
  @inline(__always)
  func quietly<Result>(_ call: () -> Result) -> Result {
    inCall += 1
    defer { inCall -= 1 }
    return call()
  }

  func violate(_ text: @autoclosure () -> String) {
    if violation == nil { violation = text() }
    if isVerbose { say("VIOLATION: \(text())") }
  }

  func note(_ task: Int, _ op: Int, _ status: eddy_status_t) {
    mix(UInt64(truncatingIfNeeded: task))
    mix(UInt64(truncatingIfNeeded: op))
    mix(UInt64(truncatingIfNeeded: Int(status)))
    mix(UInt64(truncatingIfNeeded: now))
  }

  private func mix(_ word: UInt64) { hash = (hash ^ word) &* 1_099_511_628_211 }

  func trace(_ task: TaskState?, _ text: @autoclosure () -> String) {
    guard isVerbose else { return }
    let who = task.map { "T\($0.id)\($0.isSwift ? " Swift" : "")" } ?? "callback"
    let time = now
    say("  \(time / 1_000_000)\(time % 1_000_000 == 0 ? "" : ".") ms \(who): \(text())")
  }

  /// Code of the program begins to run.
  func entered(_ what: @autoclosure () -> String) {
    if inCall > 0 { violate("\(what()) ran inside a call that cannot run it") }
  }
}

// MARK: - Values, contexts and reports

extension World {
  func newValue() -> Int {
    values.append(0)
    return values.count - 1
  }

  func released(_ number: Int) {
    values[number] += fault == .doubleRelease && number % 3 == 2 ? 2 : 1
    if values[number] > 1 { violate("value \(number) was released \(values[number]) times") }
  }

  func contextReleased(_ task: Int) {
    let task = tasks[task]
    task.contextReleases += 1
    if task.contextReleases > 1 { violate("the context of T\(task.id) was released again") }
    if task.stage == .running { violate("the context of T\(task.id) was released while it runs") }
  }

  func reported(_ report: eddy_report_t) {
    let text = String(cString: report.text)
    trace(nil, "report \(name(report.status)): \(text)")
    hash = (hash ^ UInt64(truncatingIfNeeded: Int(report.status))) &* 1_099_511_628_211
    if text.hasPrefix("a deferred function failed") || text.hasPrefix("a callback failed") {
      return
    }
    if text.hasPrefix("a failed future was never looked at") {
      futureReports += 1
      return
    }
    if report.status == EDDY_EDEADLK, text.hasPrefix("every task waits") {
      deadlocks += 1
      judgeDeadlock()
      return
    }
    if let task = tasks.first(where: { $0.handle.id == report.task.id && $0.handle.id != 0 }) {
      task.reports += 1
      if task.reports > 1 { violate("T\(task.id) was reported twice: \(text)") }
      if task.wasRead { violate("T\(task.id) was reported though it was read: \(text)") }
      if task.outcome != report.status { violate("T\(task.id) was reported as \(text)") }
    } else {
      violate("report \(name(report.status)): \(text)")
    }
  }

  /// A deadlock is the program's own only if every task waits for something without a time.
  private func judgeDeadlock() {
    for task in tasks where task.stage == .running {
      if !isStuck(task) { violate("a deadlock is said, and T\(task.id) is not stuck") }
    }
    for task in tasks where task.stage == .spawned && !task.root.visibleSpan().isPossible(now) {
      violate("a deadlock is said while T\(task.id) has not begun")
    }
    tasks[0].root.own.allow(0)
    loopScope.own.allow(0)
  }
}

extension World {
  /// Whether a task waits for what is not done, in no scope whose deadline will come.
  private func isStuck(_ task: TaskState) -> Bool {
    switch task.waiting {
    case .not, .timed: return false
    case .future(let future): if futures[future].stage != .pending { return false }
    case .task(let target):
      if tasks[target].stage == .returned, tasks[target].cleanupsLeft == 0 { return false }
    case .children: break
    }
    var place: Scope? = task.current
    while let scope = place, scope.owner == task.id {
      if scope.deadline != never, scope.closing == never, scope.deadline > now { return false }
      place = scope.parent
    }
    return true
  }
}

/// A line that is there even if the next step crashes.
func say(_ line: String) {
  print(line)
  fflush(nil)
}

func name(_ status: eddy_status_t) -> String {
  let name = String(cString: eddy_status_name(status))
  return name.hasPrefix("EDDY_") ? String(name.dropFirst(5)) : name
}

func name(_ statuses: [eddy_status_t]) -> String {
  "[" + statuses.map { name($0) }.joined(separator: " ") + "]"
}
