// A callback of the loop: what eddy_call_soon and its kin register, and what a descriptor calls.
//
// Invariants:
// 1. It begins with its slot, whose word counts the user's references.
// 2. A pending one is in the ready queue, or its timer is armed or never comes, or a descriptor has
//    it. One that is not pending may still be in the queue; it is freed when its turn comes.
// 3. `context` and `contextPlace` are its own until it has run or is cancelled, and empty then.
// Threads: the loop's.

import CEddy

typealias CallRef = Ref<CallRecord>

enum CallState: UInt8 {
  case pending = 0
  case done = 1
  case cancelled = 2
}

struct CallRecord {
  var slot: SlotHeader
  var ready: Runnable
  var timer: Timer
  var state: CallState
  /// A descriptor's: it is called again and again.
  var isRepeated: Bool
  /// A descriptor's: its function is on the stack.
  var isRunning: Bool
  var function: eddy_task_fn?
  var context: UnsafeMutableRawPointer?
  var release: eddy_release_fn?
  /// What it will run in.
  var contextPlace: ContextPlace
  /// A descriptor's: what tells its context from others; 0 before the first call.
  var contextNumber: UInt64
  var site: UnsafePointer<CChar>?
  /// On the loop's clock.
  var when: Int64
  /// Counts the loop's callbacks.
  var serial: UInt64
}

/// What is to be called, and how.
struct CallRequest {
  var function: eddy_task_fn
  var context: UnsafeMutableRawPointer?
  var release: eddy_release_fn?
  var sharing: ContextRef?
  var site: UnsafePointer<CChar>?
}
