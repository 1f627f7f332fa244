// The record of a scope. Its rules are in Cancel/; this file is its shape and its place in the
// tree.
//
// Invariants:
// 1. `isEffective` = own cancel, or the parent is effective and no shield in force stands here.
//    It is kept up to date by pushing down, so a checkpoint reads one word.
// 2. Children are a list in order of opening: the first child's `previous` is the last child.
// 3. A task's root scope is part of its record (`isRoot`), unless it needs timers; every other
//    scope is the first part of a TimedScope.
// Threads: the loop's.

import CEddy

typealias ScopeRef = Ref<ScopeRecord>

struct ScopeRecord {
  var slot: SlotHeader
  var parent: ScopeRef?
  var firstChild: ScopeRef?
  var next: ScopeRef?
  var previous: ScopeRef?
  /// The task that opened it; nil for the loop's scope.
  var owner: TaskRef?
  var isCancelled: Bool
  var isEffective: Bool
  var isGroup: Bool
  var isRoot: Bool
  var isTimed: Bool
  /// A call or a defer runs in it, and closes it: nothing further out can be closed before.
  var isBound: Bool
  /// A shield that keeps cancellation out; false once its grace has ended.
  var isShielding: Bool
  /// A shield, of the user's or of defers: a place for its grace is reserved in the timer heap.
  var hasReservation: Bool
  /// Closing has begun and its children have ended: nothing can be spawned into it.
  var isSealed: Bool
  var hasExpired: Bool
  /// EDDY_REASON_*, kept apart from `reason` so that it survives want of memory.
  var reasonCode: UInt8
  /// Closing has begun: `own` is judged, the deadline is disarmed.
  var isClosing: Bool
  /// A child of the group has failed, whether or not memory let its error be kept.
  var hasFailed: Bool
  /// Cancel points that failed in it, up to the limit that is reported.
  var failures: UInt16
  /// Tasks whose root scope hangs directly below.
  var liveTasks: UInt32
  var reason: Ref<ReasonRecord>?
  /// Defers and kept values, last first.
  var cleanup: Ref<CleanupRecord>?
  /// Under which its defers run; made with the first of them, so that closing cannot want memory.
  var deferShield: Ref<TimedScope>?
  /// EDDY_EGROUP with the errors of the children so far.
  var groupError: ErrorRef?
  var site: UnsafePointer<CChar>?
  /// Links scopes whose cancellation has still to be pushed down.
  var nextSpread: ScopeRef?
}

/// A scope with a handle: it may have a deadline, a grace, or both.
struct TimedScope {
  var scope: ScopeRecord
  var deadline: Timer
  var grace: Timer
  var expiry: Runnable
  var graceDuration: Int64
  /// The deadline, also once it has passed; Int64.max for none.
  var when: Int64
  /// The deadline was replaced while its expiry was in the ready queue: that turn does nothing.
  var isExpiryVoid: Bool
}

/// Why a scope was cancelled. Shared by those to whom the cancellation is passed on.
struct ReasonRecord {
  var references: UInt32
  var code: Int32
  var askedBy: UInt64
  var when: Int64
  var message: UnsafeMutablePointer<CChar>?
}

/// Something to do when a scope is left: run `function(context)`, or release a kept value.
struct CleanupRecord {
  var next: Ref<CleanupRecord>?
  var function: eddy_task_fn?
  var release: eddy_release_fn?
  var context: UnsafeMutableRawPointer?
}

extension Ref where Record == ScopeRecord {
  /// Hangs a scope below this one, last.
  @inline(__always)
  func adopt(_ child: ScopeRef) {
    child.parent = self
    child.next = nil
    if let first = self.firstChild {
      let last = first.previous.unsafelyUnwrapped
      last.next = child
      child.previous = last
      first.previous = child
    } else {
      self.firstChild = child
      child.previous = child
    }
  }

  /// Takes this scope out of its parent's list.
  @inline(__always)
  func leaveParent() {
    guard let parent = self.parent, let first = parent.firstChild else { return }
    if first == self {
      parent.firstChild = self.next
      if let next = self.next { next.previous = self.previous }
    } else {
      self.previous.unsafelyUnwrapped.next = self.next
      if let next = self.next {
        next.previous = self.previous
      } else {
        first.previous = self.previous
      }
    }
    self.parent = nil
  }

  /// The record with timers that this scope begins.
  @inline(__always)
  var timed: Ref<TimedScope> { Ref<TimedScope>(raw: raw) }
}

extension Ref where Record == TimedScope {
  @inline(__always)
  var scopeRef: ScopeRef { ScopeRef(raw: raw) }
}
