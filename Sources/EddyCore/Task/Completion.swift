// What a future and a task have in common: an outcome that comes once, and those who wait for it.
//
// Owns the value until it is taken or the record is freed, and the error.
// Invariants:
// 1. It is the first stored property of FutureRecord and TaskRecord, and begins with the slot, so a
//    CompletionRef, its record and its SlotHeader have one address.
// 2. The state changes once, from pending to one of the others.
// 3. The record is freed when it is not pending, has no references (`slot.word`) and no pins. A
//    pin is a waiter that has not yet read, or a place in the ready queue.
// 4. A linked waiter is in exactly one list; waking unlinks it.
// Threads: the loop's.

import CEddy

typealias CompletionRef = Ref<Completion>

enum CompletionState: UInt8 {
  case pending = 0
  case done = 1
  case failed = 2
  case cancelled = 3
}

struct Completion {
  var slot: SlotHeader
  var state: CompletionState
  var isTask: Bool
  /// `value` is set. For a pending task: stored by eddy_return.
  var hasValue: Bool
  var isTaken: Bool
  /// Somebody has read a failure, or will.
  var isRead: Bool
  var status: eddy_status_t
  var pins: UInt32
  var value: UnsafeMutableRawPointer?
  var releaseValue: eddy_release_fn?
  var error: ErrorRef?
  var firstWaiter: UnsafeMutablePointer<Waiter>?
  var lastWaiter: UnsafeMutablePointer<Waiter>?
  var site: UnsafePointer<CChar>?
}

/// A place in the list of those who wait for a completion, in the order in which they came.
struct Waiter {
  var next: UnsafeMutablePointer<Waiter>?
  var previous: UnsafeMutablePointer<Waiter>?
  /// Makes the owner ready; called once, after the waiter is unlinked.
  var wake: (@convention(c) (UnsafeMutableRawPointer) -> Void)?
  var owner: UnsafeMutableRawPointer?
  /// The owner is a CallbackRecord, not a task.
  var isCallback: Bool
  /// The owner is a CombinationMember, not a task.
  var isMember = false
}

struct FutureRecord {
  var completion: Completion
  /// Of eddy_sleep_start and of limits; disarmed when the future is settled or goes.
  var timer: Timer
  /// Of a combined future, until it is freed; see CombinationRecord.swift.
  var combination: CombinationRef?
  var mode: CombinationMode
}

extension Ref where Record == Completion {
  func link(_ waiter: UnsafeMutablePointer<Waiter>) {
    waiter.pointee.next = nil
    waiter.pointee.previous = self.lastWaiter
    if let last = self.lastWaiter {
      last.pointee.next = waiter
    } else {
      self.firstWaiter = waiter
    }
    self.lastWaiter = waiter
  }

  func unlink(_ waiter: UnsafeMutablePointer<Waiter>) {
    let next = waiter.pointee.next
    let previous = waiter.pointee.previous
    if let previous { previous.pointee.next = next } else { self.firstWaiter = next }
    if let next { next.pointee.previous = previous } else { self.lastWaiter = previous }
    waiter.pointee.next = nil
    waiter.pointee.previous = nil
  }

  /// Wakes all who wait, in their order.
  @inline(__always)
  func wakeAll() {
    while let waiter = self.firstWaiter {
      unlink(waiter)
      if let wake = waiter.pointee.wake, let owner = waiter.pointee.owner { wake(owner) }
    }
  }
}
