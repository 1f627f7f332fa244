// The door for other threads: one word for each loop number, and a list that hangs from it.
//
// Owns the words (static memory, so that a late poster never touches a freed loop) and the nodes in
// the list. This is the only file with words that several threads write, but the Registry's and the
// watch for signals (EddySwitch/signals.c), which counts itself among the wakers here.
// A word, from the top: 16 bits of the loop's generation (the tag), 48 bits: CLOSED (1), EMPTY (0),
// or the address of the newest node.
// States and transitions:
//   closed  -open->   empty     the loop's thread; a new tag
//   empty   -push->   list      any thread; this one wakes the loop
//   list    -push->   list      any thread
//   list    -drain->  empty     the loop's thread; takes all
//   any     -close->  closed    the loop's thread; takes all
// Invariants:
// 1. A push succeeds only on the generation that its handle names: the tag is part of what is
//    compared.
// 2. Who pushes onto an empty list is counted among the `wakers` from before the push until the
//    loop has been woken. A close waits for the count to be 0 before the wake handle goes.
// 3. Nodes are drained in the order in which their pushes succeeded.
// Threads: push any; open, drain and close the loop's.

import Clibuv
import EddySwitch
import Synchronization

/// What came through the door; the first field of whatever is posted.
struct RemoteNode {
  var next: UnsafeMutablePointer<RemoteNode>?
}

typealias RemoteList = UnsafeMutablePointer<RemoteNode>

enum RemoteWord {
  static let closed: UInt64 = 1
  static let addressMask: UInt64 = (1 << 48) &- 1

  static func tag(_ generation: UInt64) -> UInt64 { generation << 48 }

  static func list(in word: UInt64) -> RemoteList? {
    RemoteList(bitPattern: UInt(word & addressMask))
  }

  /// What a push would make of a word; nil if the loop of this tag is closed.
  static func pushed(_ node: UInt64, onto word: UInt64, tag: UInt64) -> UInt64? {
    guard word & ~addressMask == tag, word & addressMask != closed else { return nil }
    return tag | node
  }

  static func isEmpty(_ word: UInt64) -> Bool { word & addressMask == 0 }
}

enum RemoteQueue {
  private static func word(_ number: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
    eddy_sw_remote_word(number, 0).assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  private static func wakers(_ number: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
    eddy_sw_remote_word(number, Int(EDDY_SW_DOOR_WAKERS)).assumingMemoryBound(
      to: Atomic<UInt64>.self)
  }

  /// The address of the uv_async_t that wakes the loop.
  private static func bell(_ number: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
    eddy_sw_remote_word(number, Int(EDDY_SW_DOOR_BELL)).assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  static func open(_ number: Int, generation: UInt64, bell handle: UnsafeMutablePointer<uv_async_t>)
  {
    bell(number).pointee.store(UInt64(UInt(bitPattern: handle)), ordering: .releasing)
    word(number).pointee.store(RemoteWord.tag(generation), ordering: .releasing)
  }

  /// Adds a node and wakes the loop if it was the first. False if that loop is closed; the node is
  /// then still the caller's.
  static func push(_ node: RemoteList, number: Int, generation: UInt64) -> Bool {
    let tag = RemoteWord.tag(generation)
    let address = UInt64(UInt(bitPattern: node))
    var seen = word(number).pointee.load(ordering: .acquiring)
    while let wanted = RemoteWord.pushed(address, onto: seen, tag: tag) {
      let isFirst = RemoteWord.isEmpty(seen)
      node.pointee.next = RemoteWord.list(in: seen)
      if isFirst { wakers(number).pointee.add(1, ordering: .sequentiallyConsistent) }
      let exchange = word(number).pointee.compareExchange(
        expected: seen, desired: wanted, ordering: .sequentiallyConsistent)
      if isFirst {
        if exchange.exchanged { ring(number) }
        wakers(number).pointee.subtract(1, ordering: .sequentiallyConsistent)
      }
      if exchange.exchanged { return true }
      seen = exchange.original
    }
    return false
  }

  private static func ring(_ number: Int) {
    let address = UInt(bell(number).pointee.load(ordering: .acquiring))
    if let handle = UnsafeMutablePointer<uv_async_t>(bitPattern: address) { uv_async_send(handle) }
  }

  /// Whether there is something to drain. For the loop's thread, while the door is open.
  static func hasNews(_ number: Int) -> Bool {
    !RemoteWord.isEmpty(word(number).pointee.load(ordering: .relaxed))
  }

  /// Takes all nodes, oldest first.
  static func drain(_ number: Int, generation: UInt64) -> RemoteList? {
    take(number, leaving: RemoteWord.tag(generation))
  }

  /// Takes all nodes, oldest first, and lets no more come. Returns when nobody uses the bell.
  static func close(_ number: Int, generation: UInt64) -> RemoteList? {
    let rest = take(number, leaving: RemoteWord.tag(generation) | RemoteWord.closed)
    while wakers(number).pointee.load(ordering: .sequentiallyConsistent) != 0 { eddy_sw_pause() }
    return rest
  }

  private static func take(_ number: Int, leaving value: UInt64) -> RemoteList? {
    let word = word(number).pointee.exchange(value, ordering: .sequentiallyConsistent)
    if word & RemoteWord.addressMask == RemoteWord.closed { return nil }
    var newest = RemoteWord.list(in: word)
    var oldest: RemoteList?
    while let node = newest {
      newest = node.pointee.next
      node.pointee.next = oldest
      oldest = node
    }
    return oldest
  }
}
