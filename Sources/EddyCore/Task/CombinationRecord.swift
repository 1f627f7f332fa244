// The record of several completions that are waited for together: its shape; its rules are in
// Combine/.
//
// A combined future is a FutureRecord with a combination: one piece of memory that holds the record
// and its members, each a waiter in the list of what it waits for, with a pin on it.
// Invariants:
// 1. A member's `owner` of its waiter is the member while that is linked, else nil; the second
//    member for one completion is never linked.
// 2. What a waiter does when its completion is settled is O(1): it counts, and may make the
//    combination's own place ready.
// 3. The memory is freed with the future, or in the next round if the place is in the queue then.
// Threads: the loop's.

import CEddy

typealias CombinationRef = Ref<CombinationRecord>

enum CombinationMode: UInt8 {
  /// No combination.
  case none = 0
  // Owning: a cancellation is passed on, and it ends when all members have.
  case gather
  case gatherAll
  /// One member with a limit.
  case limit
  /// The first one, the others cancelled.
  case race
  // Detachable.
  case all
  case firstDone
  case error
  case select
  /// The members in the order in which they are done: it stays pending.
  case completions
  /// The next one of those; its member is the completions record.
  case next

  @inline(__always)
  var isOwning: Bool { rawValue > Self.none.rawValue && rawValue < Self.all.rawValue }

  /// It may have no members at all.
  var takesNone: Bool { self == .gather || self == .gatherAll || self == .completions }

  /// It cannot be done while one member is pending.
  @inline(__always)
  var needsAll: Bool { isOwning || self == .all }
}

struct CombinationMember {
  var waiter: Waiter
  var completion: CompletionRef?
  var combination: CombinationRef?
}

struct CombinationRecord {
  var ready: Runnable
  var future: CompletionRef?
  var mode: CombinationMode
  /// What it waits for has come, or its time is over: it decides in its next step.
  var isDue: Bool
  /// Members are being linked: what is due is decided at the end of that.
  var isEnlisting: Bool
  /// A member ended without a value.
  var hasMissed: Bool
  var isCancelRequested: Bool
  /// The members have been asked to end.
  var hasPassed: Bool
  var hasExpired: Bool
  /// Nobody has the future any more; a pin keeps it until its members have ended.
  var isAbandoned: Bool
  /// The future is freed; the memory waits for its place in the queue.
  var isGone: Bool
  var reasonCode: UInt8
  var reason: Ref<ReasonRecord>?
  var count: Int
  /// Different members that have not ended.
  var left: Int
  /// The member that decided, or -1.
  var first: Int
  /// Of completions: members that have ended and were not given out, in that order, linked by their
  /// waiters.
  var firstEnded: UnsafeMutablePointer<Waiter>?
  var lastEnded: UnsafeMutablePointer<Waiter>?
  var ended: Int
  /// Waiters that were woken for one of them and have not taken it yet.
  var promised: Int
  /// Asks it to end, with a reason's code and record; set by the layer that knows the rules.
  var pass:
    (
      @convention(c) (UnsafeMutableRawPointer, Int32, UnsafeMutableRawPointer?) -> eddy_status_t
    )?
  /// Lets go of the members and of the memory.
  var dissolve: (@convention(c) (UnsafeMutableRawPointer) -> Void)?
}

extension Ref where Record == CombinationRecord {
  @inline(__always)
  func member(_ index: Int) -> Ref<CombinationMember> {
    let first = raw + MemoryLayout<CombinationRecord>.stride
    return Ref<CombinationMember>(raw: first + index &* MemoryLayout<CombinationMember>.stride)
  }

  @inline(__always)
  func index(of member: Ref<CombinationMember>) -> Int {
    (member.raw - self.member(0).raw) / MemoryLayout<CombinationMember>.stride
  }
}
