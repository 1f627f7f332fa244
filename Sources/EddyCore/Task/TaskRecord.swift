// The record of a task: a fiber with a stack here, or a foreign task whose steps another runtime
// runs.
//
// Invariants:
// 1. It begins with its Completion, and that with the slot.
// 2. `scope` is the innermost open scope; for a foreign task always the root.
// 3. A fiber's stack is held from spawn until its last step; it is never freed while suspended.
//    A fiber's Park stands there, so that a foreign task does not pay for it.
// 4. `context` is released exactly once, when the function can run no more.
// Threads: the loop's.

import CEddy

typealias TaskRef = Ref<TaskRecord>

/// Where a foreign task is in its life; a fiber stays `none`.
enum ForeignPhase: UInt8 {
  case none = 0
  case starting = 1
  case running = 2
  /// Completed by its runtime; its root scope waits for what is inside it.
  case closing = 3
  case ended = 4
}

struct TaskRecord {
  var completion: Completion
  var ready: Runnable
  var stack: Ref<StackRecord>?
  var root: ScopeRef
  var scope: ScopeRef
  var ownRoot: ScopeRecord
  var function: eddy_task_fn?
  var context: UnsafeMutableRawPointer?
  var releaseContext: eddy_release_fn?
  var foreign: Ref<ForeignRuntime>?
  var lastError: ErrorSlot
  var local: UnsafeMutableRawPointer?
  /// The context of its steps, for context variables; `context` above is the function's argument.
  var contextPlace: ContextPlace
  var spawner: UInt64
  var serial: UInt64
  var name: UnsafeMutablePointer<CChar>?
  var cancelRequests: UInt32
  /// Operations it may still do without letting others run.
  var budget: UInt16
  var foreignPhase: ForeignPhase
  /// A foreign task has still to be told that it is cancelled.
  var owesCancel: Bool
  /// A foreign task that stands for a scope of the task around it.
  var isBody: Bool
  /// Such a one that runs beside that task's own code.
  var isBeside: Bool
  /// Of a foreign task whose root is closing: what `own` was when that began.
  var closeOwn: Bool
  var closeByDeadline: Bool
  /// Of one that failed: the loop was shutting down.
  var failedInShutdown: Bool
}

/// Operations between two forced yields.
#if EDDY_HOSTILE
  let operationBudget: UInt16 = 3
#else
  let operationBudget: UInt16 = 128
#endif

/// A runtime that has foreign tasks here: the known part of its eddy_foreign_ops_t.
struct ForeignRuntime {
  var source: UnsafePointer<eddy_foreign_ops_t>?
  var ops: eddy_foreign_ops_t
}

/// Code of a foreign task runs on the loop's thread: what was current before.
struct EntryRecord {
  var next: Ref<EntryRecord>?
  var task: TaskRef?
  var previous: TaskRef?
  var previousFiber: TaskRef?
  var previousID: UInt64
}

extension Ref where Record == TaskRecord {
  @inline(__always)
  var completion: CompletionRef { CompletionRef(raw: raw) }

  /// The task whose `ready` this is: it follows the completion.
  @inline(__always)
  init(holding ready: UnsafeMutablePointer<Runnable>) {
    self.init(raw: UnsafeMutableRawPointer(ready) - MemoryLayout<Completion>.stride)
  }

  @inline(__always)
  var id: UInt64 { self.completion.slot.id }

  /// Of a fiber that has its stack: not before it is made, not in its last step.
  @inline(__always)
  var park: Ref<Park> { Ref<Park>(self.stack.unsafelyUnwrapped.at.park) }

  @inline(__always)
  var parkTimer: UnsafeMutablePointer<Timer> { self.park.at.timer }

  @inline(__always)
  var parkWaiter: UnsafeMutablePointer<Waiter> { self.park.at.waiter }

  @inline(__always)
  var isForeign: Bool { self.foreignPhase != .none }

  var subject: ReportSubject {
    ReportSubject(
      task: eddy_task_t(id: id), name: self.name, serial: self.serial, site: completion.site)
  }
}
