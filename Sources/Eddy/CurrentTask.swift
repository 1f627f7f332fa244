// The task of Eddy that Swift code runs in, as code on any thread sees it.
//
// Owns the two task locals of the module. Children of Swift inherit it, structured or not.
// Invariants:
// 1. A place tells one task for as long as anybody can hold it: its worker writes to it only while
//    no other Swift task has it.
// 2. `owner` is set while the body of that task runs.
// Threads: reading any; writing the loop's.

import CEddy

/// Where Swift code runs in the tree of tasks.
final class TaskPlace: @unchecked Sendable {
  let state: LoopState
  @exclusivity(unchecked) var id: UInt64 = 0
  /// What runs the body. Children of Swift may outlive it: only `CurrentTask.own` looks at it.
  @exclusivity(unchecked) var owner: Unmanaged<AnyTaskStorage>?
  /// The Swift task of the worker.
  let swiftTask: UnsafeRawPointer?

  var task: eddy_task_t { eddy_task_t(id: id) }

  init(_ state: LoopState, _ swiftTask: UnsafeRawPointer?) {
    self.state = state
    self.swiftTask = swiftTask
  }
}

enum CurrentTask {
  @TaskLocal static var place: TaskPlace?
  /// The innermost context variable that Swift code has bound.
  @TaskLocal static var binding: ContextBinding?

  static var id: UInt64 { place?.id ?? 0 }

  static var task: eddy_task_t { eddy_task_t(id: id) }

  /// The scope that new scopes and tasks hang below; null outside tasks of Eddy.
  static var scope: eddy_scope_t { eddy_task_scope(task) }

  /// What the running code is the body of, on the loop's thread; nil in children that Swift made of
  /// it.
  static func own(_ current: RunningTask, on state: LoopState) -> Unmanaged<AnyTaskStorage>? {
    // The worker that was resumed last is nearly always the one.
    if let worker = state.workers.last,
      worker._withUnsafeGuaranteedRef({ $0.address == current.address })
    {
      return worker._withUnsafeGuaranteedRef { $0.running }
    }
    guard let place, current.address != nil, place.swiftTask == current.address else { return nil }
    return place.owner
  }
}

/// The Swift task that runs.
struct RunningTask {
  /// To compare; nil outside Swift tasks.
  let address: UnsafeRawPointer?
  let isCancelled: Bool

  @inline(__always)
  static var now: RunningTask {
    // One word for both: a call of a generic function of another module is dear. So is a copy of
    // what it lends, hence the pointers.
    let word = withUnsafeCurrentTask { lent in
      withUnsafePointer(to: lent) { pointer -> UInt in
        let raw = UnsafeRawPointer(pointer)
        let word = raw.load(as: UInt.self)
        if word == 0 { return 0 }
        return word
          | (raw.assumingMemoryBound(to: UnsafeCurrentTask.self).pointee.isCancelled ? 1 : 0)
      }
    }
    return RunningTask(
      address: UnsafeRawPointer(bitPattern: word & ~1), isCancelled: word & 1 != 0)
  }
}
