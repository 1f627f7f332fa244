// What can run now: an intrusive queue, run in rounds.
//
// A round is a snapshot of the queue: what becomes ready during a round runs in the next one.
// Owns no memory but a scratch array for the seeded order.
// Invariants:
// 1. A Runnable is in the queue at most once; `isQueued` says whether.
// 2. Without a seed the order is first in, first out. With one, a round runs what is no task first,
//    in its order, and then the tasks in an order drawn from the seed.
// Threads: the loop's.

/// A place in the queue. `run` is nil for a task's fiber, which is resumed by a switch.
struct Runnable {
  var next: UnsafeMutablePointer<Runnable>?
  var run: (@convention(c) (UnsafeMutableRawPointer) -> Void)?
  var owner: UnsafeMutableRawPointer?
  var isQueued: Bool
  /// A task's own place, as against a callback or a deadline: the seeded order moves only these.
  var isTask: Bool
  /// What it is, for those who watch the order of events.
  var kind = RunnableKind.other
}

enum RunnableKind: UInt8 {
  case other = 0
  case callback = 1
  case post = 2
  case deadline = 3
  case call = 4
}

/// Told of each round before it runs: the watcher, and the round's first place. It may put places
/// of its own behind others.
typealias RoundWatch =
  @convention(c) (UnsafeMutableRawPointer, UnsafeMutableRawPointer) -> Void

struct ReadyQueue {
  private var round: UnsafeMutablePointer<Runnable>?
  private var first: UnsafeMutablePointer<Runnable>?
  private var last: UnsafeMutablePointer<Runnable>?
  private var isSeeded: Bool
  private var random: RandomSequence
  private var scratch: Vector<UnsafeMutablePointer<Runnable>>
  /// Rounds begun since the loop was made.
  private(set) var rounds: UInt64
  /// Seeded or watched: a round is prepared before it runs.
  private var isPrepared: Bool
  private var watch: RoundWatch?
  private var watcher: UnsafeMutableRawPointer?

  init(isSeeded: Bool, seed: UInt64) {
    round = nil
    first = nil
    last = nil
    self.isSeeded = isSeeded
    random = RandomSequence(seed: seed)
    scratch = Vector()
    rounds = 0
    isPrepared = isSeeded
    watch = nil
    watcher = nil
  }

  /// Has a function see each round from now on.
  mutating func setWatch(_ watcher: UnsafeMutableRawPointer, _ watch: RoundWatch) {
    self.watcher = watcher
    self.watch = watch
    isPrepared = true
  }

  @inline(__always)
  var isEmpty: Bool { round == nil && first == nil }

  /// Adds a place at the end; true if it is the first of the next round.
  @inline(__always)
  mutating func push(_ runnable: UnsafeMutablePointer<Runnable>) -> Bool {
    runnable.pointee.next = nil
    runnable.pointee.isQueued = true
    let isFirst = last == nil
    if let last {
      last.pointee.next = runnable
    } else {
      first = runnable
    }
    last = runnable
    return isFirst
  }

  /// What runs next, still in the queue; begins a round if the last one is over.
  @inline(__always)
  mutating func peek() -> UnsafeMutablePointer<Runnable>? {
    if let round { return round }
    guard first != nil else { return nil }
    beginRound()
    return round
  }

  /// What comes after it in this round; nothing is begun.
  @inline(__always)
  var upcoming: UnsafeMutablePointer<Runnable>? { round }

  /// How many places are left in the round that runs, and with `next` those of the next one too.
  func count(next: Bool) -> UInt32 {
    var count: UInt32 = 0
    var cursor = round
    var isNext = false
    while true {
      while let place = cursor {
        count &+= 1
        cursor = place.pointee.next
      }
      if isNext || !next { return count }
      isNext = true
      cursor = first
    }
  }

  /// Takes out what `peek` gave.
  @inline(__always)
  mutating func removeFirst(_ runnable: UnsafeMutablePointer<Runnable>) {
    round = runnable.pointee.next
    runnable.pointee.isQueued = false
  }

  mutating func free() { scratch.free() }

  @inline(__always)
  private mutating func beginRound() {
    round = first
    first = nil
    last = nil
    rounds &+= 1
    if isPrepared { prepareRound() }
  }

  @inline(never)
  private mutating func prepareRound() {
    if isSeeded { shuffleRound() }
    if let watch, let watcher, let round { watch(watcher, UnsafeMutableRawPointer(round)) }
  }

  private mutating func shuffleRound() {
    var others: UnsafeMutablePointer<Runnable>?
    var othersLast: UnsafeMutablePointer<Runnable>?
    scratch.removeAll()
    var cursor = round
    while let runnable = cursor {
      cursor = runnable.pointee.next
      if runnable.pointee.isTask, scratch.append(runnable) { continue }
      runnable.pointee.next = nil
      if let last = othersLast { last.pointee.next = runnable } else { others = runnable }
      othersLast = runnable
    }
    var tail: UnsafeMutablePointer<Runnable>?
    while scratch.count > 0 {
      let drawn = random.next(below: scratch.count)
      let runnable = scratch[drawn]
      scratch[drawn] = scratch[scratch.count &- 1]
      scratch.removeLast()
      runnable.pointee.next = tail
      tail = runnable
    }
    if let last = othersLast { last.pointee.next = tail } else { others = tail }
    round = others
  }
}

#if EDDY_HOSTILE
  extension ReadyQueue {
    /// Calls `body` with each place, in order; the lists are whole.
    func checkEach(_ body: (UnsafeMutablePointer<Runnable>) -> Void) {
      _ = walk(from: round, body)
      let end = walk(from: first, body)
      invariant(end == last, "hostile: ready queue: its last place is not the last")
    }

    private func walk(
      from start: UnsafeMutablePointer<Runnable>?, _ body: (UnsafeMutablePointer<Runnable>) -> Void
    ) -> UnsafeMutablePointer<Runnable>? {
      var cursor = start
      var slow = start
      var end: UnsafeMutablePointer<Runnable>?
      var isOdd = false
      while let place = cursor {
        invariant(
          place.pointee.isQueued, "hostile: ready queue: a place in it does not know that it is")
        invariant(place.pointee.owner != nil, "hostile: ready queue: a place has no owner")
        body(place)
        end = place
        cursor = place.pointee.next
        if isOdd { slow = slow.unsafelyUnwrapped.pointee.next }
        isOdd = !isOdd
        invariant(cursor == nil || cursor != slow, "hostile: ready queue: it runs in a circle")
      }
      return end
    }

    func plantFlag() -> Bool {
      guard let first else { return false }
      first.pointee.isQueued = false
      return true
    }

    mutating func plantEnd() -> Bool {
      guard last != nil else { return false }
      last = UnsafeMutablePointer(bitPattern: 16)
      return true
    }
  }
#endif
