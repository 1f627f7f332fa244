// The record of a loop: its core, its tables and pools, and what runs now.
//
// Owns all that lives on the loop.
// Invariants:
// 1. It begins with its LoopCore.
// 2. `current` is the task whose code runs, fiber or foreign; `fiber` is the same if it may
//    suspend,
//    which a foreign task may not.
// 3. The loop's scope is the root of the scope tree; it has no owner.
// Threads: the thread that made the loop; `Loop.ofThread` is nil on every other.

import CEddy
import EddySwitch

typealias Loop = Ref<LoopRecord>

struct LoopRecord {
  var core: LoopCore
  var current: TaskRef?
  var fiber: TaskRef?
  /// Children that failed in an eager step and whose groups have still to be told.
  var postponed: UInt32
  /// The innermost eager first step that runs now: see Fiber.swift.
  var eager: UnsafeMutablePointer<EagerStep>?
  var runtimeCount: UInt32
  var isShutDown: Bool
  /// While a root task runs, SIGINT and SIGTERM cancel it.
  var watchesSignals: Bool
  var isGraceOver: Bool
  /// The round after which callbacks that go on keep a loop without tasks no longer; 0 with tasks.
  var lastRound: UInt64
  /// The loop is being freed: callbacks are dropped, not called.
  var isClosing: Bool
  var isSpreading: Bool
  var threadFiber: eddy_sw_fiber
  var diagnostics: DiagnosticsCore
  var lastError: ErrorSlot
  var scope: ScopeRecord
  var tasks: SlotTable<TaskRecord>
  var futures: SlotTable<FutureRecord>
  var scopes: SlotTable<TimedScope>
  var reasons: Pool<ReasonRecord>
  var cleanups: Pool<CleanupRecord>
  var callbacks: Pool<CallbackRecord>
  var entries: Pool<EntryRecord>
  var calls: SlotTable<CallRecord>
  var contexts: ContextCore
  /// The user's pointer for the whole loop.
  var data: UnsafeMutableRawPointer?
  var releaseData: eddy_release_fn?
  /// The innermost eddy_foreign_enter that has not been left.
  var lastEntry: Ref<EntryRecord>?
  var stacks: StackPool
  /// The table of awaited descriptors, made and read by IO/; nil before the first wait.
  var descriptors: UnsafeMutableRawPointer?
  /// Frees that table before the poll is closed; set together with it.
  var freeDescriptors: (@convention(c) (UnsafeMutableRawPointer) -> Void)?
  /// What a new fiber runs; set by the layer that knows a task's life.
  var taskMain: (@convention(c) (UnsafeMutableRawPointer?) -> FiberAddress?)?
  var firstSpread: ScopeRef?
  var lastSpread: ScopeRef?
  /// Completions that lost their last reference while others were being freed.
  var doomed: CompletionRef?
  var isSweeping: Bool
  /// A root task that has ended, kept for the value that eddy_loop_run gave out.
  var keptRoot: TaskRef?
  /// The release function of the context of the root that runs.
  var releaseRoot: eddy_release_fn?
  var graceDuration: Int64
  /// Of the loop's shutdown.
  var shutdownTimer: Timer
  var stackBytes: Int
  var lastSerial: UInt64
  var lastCall: UInt64
  var watch: LoopWatch
  /// In debug mode; see Group/DebugMode.swift.
  var stepWatch: UnsafeMutablePointer<eddy_sw_watch>?
  var slowStep: Int64
  /// Steps left in this turn, in debug mode.
  var watchedSteps: UInt32
  var runtimes:
    (
      ForeignRuntime, ForeignRuntime, ForeignRuntime, ForeignRuntime,
      ForeignRuntime, ForeignRuntime, ForeignRuntime, ForeignRuntime
    )
}

/// What tests have been asked to see of a loop; all zero on any other.
struct LoopWatch {
  /// The hash of the events so far; 0 if they are not traced.
  var trace: UInt64
  /// The search that this loop is a run of.
  var test: UnsafeMutableRawPointer?
  /// A completion has been given its outcome.
  var settled: (@convention(c) (CompletionAddress, UnsafeMutableRawPointer) -> Void)?
  /// The program has completed again what it had completed.
  var settledAgain: (@convention(c) (CompletionAddress, UnsafeMutableRawPointer) -> Void)?
  /// A value has been moved out; the release function may be replaced.
  var taken:
    (
      @convention(c) (
        CompletionAddress, UnsafeMutableRawPointer, UnsafeMutablePointer<eddy_release_fn?>
      ) -> Void
    )?
}

typealias CompletionAddress = UnsafeMutableRawPointer

/// What a posted record asks for.
enum PostKind: UInt8 {
  case call = 0
  case complete = 1
  case fail = 2
  case cancel = 3
}

/// What has come through the door.
struct PostRecord {
  var node: RemoteNode
  var ready: Runnable
  var kind: PostKind
  var status: eddy_status_t
  var target: UInt64
  var function: eddy_task_fn?
  var context: UnsafeMutableRawPointer?
  var release: eddy_release_fn?
  var message: UnsafeMutablePointer<CChar>?
}

/// A callback on a completion.
struct CallbackRecord {
  var waiter: Waiter
  var ready: Runnable
  var completion: CompletionRef?
  var function: eddy_done_fn?
  var context: UnsafeMutableRawPointer?
  var releaseContext: eddy_release_fn?
  /// What it will run in.
  var contextPlace: ContextPlace
}

extension Ref where Record == LoopRecord {
  /// The loop that this thread's calls may use.
  @inline(__always)
  static var ofThread: Loop? {
    guard let raw = eddy_sw_this_thread().unsafelyUnwrapped.pointee.loop else { return nil }
    return Loop(raw: raw)
  }

  /// The loop bound to this thread, also while the gate is closed.
  @inline(__always)
  static var boundToThread: Loop? {
    guard let raw = eddy_sw_this_thread().unsafelyUnwrapped.pointee.bound else { return nil }
    return Loop(raw: raw)
  }

  /// The loop of a callback that libuv or the queue makes; there is one, or it would not be called.
  @inline(__always)
  static var running: Loop { boundToThread.unsafelyUnwrapped }

  @inline(__always)
  var core: Ref<LoopCore> { Ref<LoopCore>(raw: raw) }

  @inline(__always)
  var diagnostics: Ref<DiagnosticsCore> {
    Ref<DiagnosticsCore>(self.at.diagnostics)
  }

  @inline(__always)
  var loopScope: ScopeRef { ScopeRef(self.at.scope) }

  /// The slot of the current error: the running task's, or the loop's.
  @inline(__always)
  var errorSlot: UnsafeMutablePointer<ErrorSlot> {
    if let task = self.current { return task.at.lastError }
    return self.at.lastError
  }

  /// Makes `status` the current error, and returns it.
  @inline(never)
  func fail(_ status: eddy_status_t, _ error: ErrorRef? = nil) -> eddy_status_t {
    diagnostics.replace(errorSlot, status, error)
    return status
  }
}
