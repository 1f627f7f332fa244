// Deadlines in order: a 4-ary heap of (deadline, order of arming, timer).
//
// Owns the array of entries; a timer is part of the record that it wakes.
// Invariants:
// 1. A timer's `position` is its index in the heap plus one, 0 while it is not armed.
// 2. Equal deadlines fire in the order in which they were armed.
// 3. `reserved` places are kept free for timers that must not fail to be armed (graces).
// 4. A sleep without end has a timer that never fires: it is counted, not kept, and its position is
//    `endlessMark`.
// Threads: the loop's.

struct Timer {
  var position: UInt32
  var fire: (@convention(c) (UnsafeMutableRawPointer) -> Void)?
  var owner: UnsafeMutableRawPointer?
}

private struct TimerEntry {
  var deadline: Int64
  var order: UInt64
  var timer: UnsafeMutablePointer<Timer>

  @inline(__always)
  func isBefore(_ other: TimerEntry) -> Bool {
    deadline < other.deadline || (deadline == other.deadline && order < other.order)
  }
}

private let endlessMark = UInt32.max

struct TimerHeap {
  private var entries: Vector<TimerEntry>
  /// Sleeps without end.
  private(set) var endless: Int
  private var reserved: Int
  private var nextOrder: UInt64

  init() {
    entries = Vector()
    endless = 0
    reserved = 0
    nextOrder = 0
  }

  @inline(__always)
  var isEmpty: Bool { entries.count == 0 }

  var count: Int { entries.count }

  /// The earliest deadline; the heap is not empty.
  @inline(__always)
  var earliest: Int64 { entries[0].deadline }

  /// When it fires; nil if it is not armed, or without end.
  func deadline(of timer: UnsafeMutablePointer<Timer>) -> Int64? {
    let position = timer.pointee.position
    return position == 0 || position == endlessMark ? nil : entries[Int(position) &- 1].deadline
  }

  /// Keeps a place for `armReserved`; false when memory is out.
  mutating func reserve() -> Bool {
    guard entries.reserve(entries.count &+ reserved &+ 1) else { return false }
    reserved &+= 1
    return true
  }

  mutating func endReservation() { reserved &-= 1 }

  /// Arms a timer that is not armed; false when memory is out.
  @inline(__always)
  mutating func arm(_ timer: UnsafeMutablePointer<Timer>, at deadline: Int64) -> Bool {
    if entries.count &+ reserved >= entries.capacity {
      guard entries.reserve(entries.count &+ reserved &+ 1) else { return false }
    }
    insert(timer, at: deadline)
    return true
  }

  /// The same in one copy, where it is not on the way of every task.
  @inline(never)
  mutating func armOutOfLine(_ timer: UnsafeMutablePointer<Timer>, at deadline: Int64) -> Bool {
    guard entries.reserve(entries.count &+ reserved &+ 1) else { return false }
    armReserved(timer, at: deadline)
    return true
  }

  /// Arms a timer for which a place is reserved.
  @inline(never)
  mutating func armReserved(_ timer: UnsafeMutablePointer<Timer>, at deadline: Int64) {
    insert(timer, at: deadline)
  }

  /// Arms a timer that never fires.
  mutating func armEndless(_ timer: UnsafeMutablePointer<Timer>) {
    timer.pointee.position = endlessMark
    endless &+= 1
  }

  @inline(__always)
  mutating func disarm(_ timer: UnsafeMutablePointer<Timer>) {
    let position = Int(timer.pointee.position)
    if position != 0 { remove(at: position &- 1) }
  }

  /// The same in one copy, and for a sleep, which may be without end.
  @inline(never)
  mutating func disarmOutOfLine(_ timer: UnsafeMutablePointer<Timer>) {
    guard timer.pointee.position == endlessMark else { return disarm(timer) }
    timer.pointee.position = 0
    endless &-= 1
  }

  /// Takes out the earliest timer if its deadline is at or before `now`.
  @_optimize(speed)
  mutating func takeDue(_ now: Int64) -> UnsafeMutablePointer<Timer>? {
    guard entries.count > 0, entries[0].deadline <= now else { return nil }
    let timer = entries[0].timer
    remove(at: 0)
    return timer
  }

  mutating func free() { entries.free() }

  @inline(__always)
  private mutating func insert(_ timer: UnsafeMutablePointer<Timer>, at deadline: Int64) {
    nextOrder &+= 1
    let entry = TimerEntry(deadline: deadline, order: nextOrder, timer: timer)
    _ = entries.append(entry)
    siftUp(entry, from: entries.count &- 1)
  }

  @inline(__always)
  private mutating func remove(at index: Int) {
    entries[index].timer.pointee.position = 0
    let moved = entries[entries.count &- 1]
    entries.removeLast()
    if index == entries.count { return }
    if index > 0, moved.isBefore(entries[(index &- 1) >> 2]) {
      siftUp(moved, from: index)
    } else {
      siftDown(moved, from: index)
    }
  }

  @inline(__always)
  private func place(_ entry: TimerEntry, at index: Int) {
    entries[index] = entry
    entry.timer.pointee.position = UInt32(truncatingIfNeeded: index &+ 1)
  }

  @inline(__always)
  private func siftUp(_ entry: TimerEntry, from start: Int) {
    var index = start
    while index > 0 {
      let parent = (index &- 1) >> 2
      guard entry.isBefore(entries[parent]) else { break }
      place(entries[parent], at: index)
      index = parent
    }
    place(entry, at: index)
  }

  @_optimize(speed)
  private func siftDown(_ entry: TimerEntry, from start: Int) {
    var index = start
    let count = entries.count
    while true {
      let firstChild = (index << 2) &+ 1
      if firstChild >= count { break }
      var best = firstChild
      var child = firstChild &+ 1
      while child < count, child <= firstChild &+ 3 {
        if entries[child].isBefore(entries[best]) { best = child }
        child &+= 1
      }
      guard entries[best].isBefore(entry) else { break }
      place(entries[best], at: index)
      index = best
    }
    place(entry, at: index)
  }
}

#if EDDY_HOSTILE
  extension TimerHeap {
    /// The order and the back indices; `reservations` is what the records say.
    func check(reservations: Int) {
      for index in 0..<entries.count {
        let entry = entries[index]
        let timer = entry.timer.pointee
        invariant(
          Int(timer.position) == index &+ 1,
          "hostile: timer heap: a timer's position is not its place")
        invariant(
          timer.fire != nil && timer.owner != nil, "hostile: timer heap: a timer fires for nobody")
        invariant(
          index == 0 || !entry.isBefore(entries[(index &- 1) >> 2]),
          "hostile: timer heap: an entry is before its parent")
      }
      invariant(
        reserved == reservations, "hostile: timer heap: reserved places are not as many as shields")
    }

    /// A timer that says it is armed is in the heap.
    func check(_ timer: UnsafeMutablePointer<Timer>) {
      if timer.pointee.position == endlessMark { return }
      let index = Int(timer.pointee.position) &- 1
      invariant(
        index < 0 || (index < entries.count && entries[index].timer == timer),
        "hostile: timer heap: an armed timer is not in it")
    }

    func plantPosition() -> Bool {
      guard entries.count > 0 else { return false }
      entries[entries.count &- 1].timer.pointee.position = 77
      return true
    }

    func plantOrder() -> Bool {
      guard entries.count > 1 else { return false }
      var entry = entries[0]
      entry.deadline = entries[1].deadline &+ 1
      entries[0] = entry
      return true
    }

    mutating func plantReservation() { reserved &+= 1 }
  }
#endif
