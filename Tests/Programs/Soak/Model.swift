// The law as the checker knows it: which scopes are cancelled, and what closing one gives.
//
// The model does not schedule. It knows for each scope from when a cancellation is possible and
// from when it is certain; between the two, at one instant of the virtual clock, both answers are
// right. What the core says must never be outside.
//
// Threads: the run's.

import CEddy

typealias Time = Int64
let never = Time.max

func sum(_ one: Time, _ other: Time) -> Time {
  let (sum, overflow) = one.addingReportingOverflow(other)
  return one == never || other == never || overflow ? never : sum
}

/// From when something may be, and from when it must be.
struct Span {
  var possible = never
  /// In half nanoseconds: twice a time is from that time on, one more is after that time.
  var certain = never

  mutating func allow(_ time: Time) { possible = min(possible, time) }

  mutating func set(_ time: Time) {
    allow(time)
    certain = min(certain, time * 2)
  }

  mutating func setAfter(_ time: Time) {
    allow(time)
    certain = min(certain, time * 2 + 1)
  }

  mutating func formUnion(_ other: Span) {
    possible = min(possible, other.possible)
    certain = min(certain, other.certain)
  }

  /// The same, begun at a time at the earliest and so much later.
  func delayed(from time: Time, by grace: Time) -> Span {
    var span = Span()
    if possible != never { span.possible = sum(max(possible, time), grace) }
    if certain != never {
      let end = sum(max(certain / 2, time), grace)
      if end < never / 2 { span.certain = end * 2 + 1 }
    }
    return span
  }

  func isPossible(_ now: Time) -> Bool { possible <= now }
  /// A Swift task learns of it in the same instant, but some rounds later.
  func isCertain(_ now: Time, isSwift: Bool) -> Bool {
    isSwift ? certain < now * 2 : certain <= now * 2
  }
}

final class Scope {
  let name: String
  let parent: Scope?
  let owner: Int
  let opened: Time
  var handle = eddy_scope_t()
  var isGroup = false
  var isShield = false
  var deadline = never
  var grace: Time = 5_000_000_000
  /// Its own, for all reasons but the deadline and joiners.
  var own = Span()
  var closing = never
  var isClosed = false
  var hasBodyRun = false
  var bodyStatus = EDDY_OK
  /// Of a bound call: its value, and what its own cancellation may be.
  var value = -1
  var ownChoices = [false]
  /// Its own cancellation was certain when its body ended.
  var mustHaveBeenOwn = false
  /// Whether the level was once seen inside.
  var hasSeen = false
  var children: [Int] = []
  /// The errors of children, in the order of their ends as far as that is known.
  var failures: [eddy_status_t] = []
  var isOrderKnown = true
  /// When the last child failed, and whether a Swift one did at that time.
  var lastFailure = (time: Time(-1), isSwift: false)
  /// Of a root: who owns the task as a joiner, and since when.
  var joiners: [(scope: Scope, since: Time)] = []
  var cleanups: [Int] = []
  var cleanupShield: Scope?
  /// Is itself what cleanups run in.
  var isForCleanup = false

  init(_ name: String, in parent: Scope?, owner: Int, _ now: Time) {
    self.name = name
    self.parent = parent
    self.owner = owner
    opened = now
  }

  func ownSpan(_ depth: Int = 0) -> Span {
    var span = own
    if deadline != never, deadline <= closing {
      span.allow(deadline)
      if deadline < closing { span.setAfter(deadline) }
    }
    for joiner in joiners {
      if depth > 5 {
        span.allow(0)
        continue
      }
      var passed = joiner.scope.visibleSpan(depth + 1)
      passed.possible = max(passed.possible, joiner.since)
      if passed.certain != never { passed.certain = max(passed.certain, joiner.since * 2) | 1 }
      span.formUnion(passed)
    }
    return span
  }

  func visibleSpan(_ depth: Int = 0) -> Span {
    var span = ownSpan(depth)
    guard let parent else { return span }
    let outer = parent.visibleSpan(depth)
    span.formUnion(isShield ? outer.delayed(from: opened, by: grace) : outer)
    return span
  }
}

extension Scope {
  /// A child has failed. The core ends a Swift task some rounds after its last step, so that its
  /// place among others of the same time is not known.
  func addFailure(_ status: eddy_status_t, isSwift: Bool, _ now: Time) {
    let isTie = lastFailure.time == now
    let anySwift = isSwift || isTie && lastFailure.isSwift
    if isTie, anySwift { isOrderKnown = false }
    lastFailure = (now, anySwift)
    failures.append(status)
  }
}

extension Scope {
  /// Whether the core sees that this scope, or the task of which it is the root, is around a place.
  func isSeen(around place: Scope) -> Bool {
    var place: Scope? = place
    while let here = place, here !== self {
      place = here.parent
    }
    return place != nil
  }
}

struct Closing {
  var status: eddy_status_t
  var isGroup: Bool
  var hasChildErrors: Bool
  var own: Bool
  var outer: Bool
  var byDeadline: Bool
}

/// "Closing a scope", step 5, in the order in which it is written.
func verdict(_ close: Closing, _ fault: Fault) -> eddy_status_t {
  let isCancel = close.status == EDDY_ECANCELED
  let isForeign = isCancel && !close.own && !close.outer
  let hasBodyFailed = close.status != EDDY_OK && (!isCancel || isForeign)
  if close.isGroup, close.hasChildErrors || hasBodyFailed { return EDDY_EGROUP }
  if close.status != EDDY_OK, !isCancel { return close.status }
  if isCancel {
    let left = close.byDeadline ? EDDY_ETIMEDOUT : EDDY_OK
    if fault == .ownBeforeOuter, close.own { return left }
    if close.outer { return EDDY_ECANCELED }
    return close.own ? left : EDDY_EFOREIGNCANCEL
  }
  return close.isGroup && close.outer ? EDDY_ECANCELED : EDDY_OK
}
