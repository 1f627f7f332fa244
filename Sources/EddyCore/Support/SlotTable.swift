// Records with handles: a table of one loop and one record type. A record never moves, and its
// memory stays until the table is freed, so a stale handle meets a record whose id has moved on.
//
// Owns the chunks of records.
// Invariants:
// 1. A record begins with its SlotHeader.
// 2. `id` is the full handle while the record is live; while it is free, the kind is 0 and the
//    generation is the next one.
// 3. A slot whose last generation has been used is retired: it is never given out again.
// Threads: the loop's.

import EddySwitch

struct SlotHeader {
  var id: UInt64
  /// Live: the count of references. Free: the address of the next free record.
  var word: UInt
}

struct SlotTable<Record> {
  private var chunks: Vector<UnsafeMutablePointer<Record>>
  private var free: UInt
  private var base: UInt64
  private var firstGeneration: UInt64

  #if EDDY_HOSTILE
    private var lastFree: UInt = 0
    private var freeCount = 0
    private static var chunkShift: Int { 2 }
  #else
    private static var chunkShift: Int { 7 }
  #endif
  private static var chunkRecords: Int { 1 << chunkShift }

  init(loopNumber: Int, firstGeneration: UInt32) {
    chunks = Vector()
    free = 0
    base = UInt64(loopNumber) << Handle.loopShift
    self.firstGeneration = UInt64(firstGeneration)
  }

  @inline(__always)
  private static func header(_ record: UnsafeMutablePointer<Record>) -> Ref<SlotHeader> {
    Ref(raw: UnsafeMutableRawPointer(record))
  }

  /// The live record with this id, or nil.
  @inline(__always)
  func find(_ id: UInt64) -> Ref<Record>? {
    guard Handle.kind(id) != 0 else { return nil }
    let index = Handle.index(id)
    let chunk = index >> Self.chunkShift
    guard chunk < chunks.count else { return nil }
    let record = chunks[chunk] + (index & (Self.chunkRecords &- 1))
    guard Self.header(record).id == id else { return nil }
    return Ref(record)
  }

  /// A live record with no references, its other fields as the last user left them (zero at first),
  /// or nil when memory or indices are out.
  @inline(__always)
  mutating func take(_ kind: HandleKind) -> Ref<Record>? {
    #if EDDY_HOSTILE
      guard beginTake() else { return nil }
    #else
      if free == 0, !grow() { return nil }
    #endif
    let record = UnsafeMutablePointer<Record>(bitPattern: free).unsafelyUnwrapped
    let header = Self.header(record)
    free = header.word
    header.word = 0
    header.id |= kind.rawValue << Handle.kindShift
    return Ref(record)
  }

  /// Ends the handle; the memory is not used again before `recycle`.
  @inline(__always)
  mutating func invalidate(_ record: Ref<Record>) {
    let header = Self.header(record.pointer)
    let id = header.id & ~Handle.kindMask
    let spent = id & Handle.generationMask == Handle.generationMask
    header.id = spent ? Handle.generationMask : id &+ 1
  }

  /// Puts an invalidated record back; retires it if its generations are spent.
  @inline(__always)
  mutating func recycle(_ record: Ref<Record>) {
    let header = Self.header(record.pointer)
    if header.id == Handle.generationMask { return }
    #if EDDY_HOSTILE
      putLast(record.pointer)
    #else
      header.word = free
      free = UInt(bitPattern: record.pointer)
    #endif
  }

  /// The record at a position, live or not, for walks over all; see `isLive`.
  func record(at position: Int) -> Ref<Record> {
    Ref(chunks[position >> Self.chunkShift] + (position & (Self.chunkRecords &- 1)))
  }

  var positions: Int { chunks.count &* Self.chunkRecords }

  func isLive(_ record: Ref<Record>) -> Bool {
    Self.header(record.pointer).id & Handle.kindMask != 0
  }

  /// One above every generation that was given out: where a successor table begins.
  var nextGeneration: UInt32 {
    var highest: UInt64 = firstGeneration
    for position in 0..<positions {
      let id = Self.header(record(at: position).pointer).id
      let generation = (id & Handle.generationMask) &+ (id & Handle.kindMask != 0 ? 1 : 0)
      if generation > highest { highest = generation }
    }
    return UInt32(highest)
  }

  mutating func freeAll() {
    for index in 0..<chunks.count { Memory.free(UnsafeMutableRawPointer(chunks[index])) }
    chunks.free()
    free = 0
  }

  private mutating func grow() -> Bool {
    let first = chunks.count &* Self.chunkRecords
    guard first &+ Self.chunkRecords <= Handle.maximumIndex else { return false }
    guard chunks.reserve(chunks.count &+ 1) else { return false }
    guard let chunk = Memory.allocate(Record.self, count: Self.chunkRecords) else { return false }
    _ = chunks.append(chunk)
    var offset = Self.chunkRecords
    while offset > 0 {
      offset &-= 1
      let header = Self.header(chunk + offset)
      header.id = base | (UInt64(first &+ offset) << Handle.indexShift) | firstGeneration
      #if EDDY_HOSTILE
        putLast(chunk + offset)
      #else
        header.word = free
        free = UInt(bitPattern: chunk + offset)
      #endif
    }
    return true
  }
}

#if EDDY_HOSTILE
  /// Free slots wait their turn at the end of the list, filled but for their headers, and are
  /// looked at before they are used again.
  extension SlotTable {
    private static var fillBytes: Int { MemoryLayout<Record>.stride &- headerBytes }
    private static var headerBytes: Int { MemoryLayout<SlotHeader>.stride }

    private mutating func putLast(_ record: UnsafeMutablePointer<Record>) {
      eddy_sw_poison(UnsafeMutableRawPointer(record) + Self.headerBytes, Self.fillBytes)
      Self.header(record).word = 0
      if free == 0 {
        free = UInt(bitPattern: record)
      } else if let last = UnsafeMutablePointer<Record>(bitPattern: lastFree) {
        Self.header(last).word = UInt(bitPattern: record)
      }
      lastFree = UInt(bitPattern: record)
      freeCount &+= 1
    }

    private mutating func beginTake() -> Bool {
      while freeCount <= quarantine, grow() {}
      guard let record = UnsafeMutablePointer<Record>(bitPattern: free) else { return false }
      freeCount &-= 1
      let fill = UnsafeMutableRawPointer(record) + Self.headerBytes
      invariant(
        eddy_sw_is_poisoned(fill, Self.fillBytes) != 0,
        "hostile: a freed slot was written to")
      return true
    }

    /// The list of free slots is whole, and no slot is lost: each is live, free, retired, or one of
    /// `waiting`, which are invalid and not recycled yet.
    func check(waiting: Int) {
      var count = 0
      var cursor = UnsafeMutablePointer<Record>(bitPattern: free)
      while let record = cursor, count <= freeCount {
        invariant(
          Self.header(record).id & Handle.kindMask == 0, "hostile: slot table: a free slot is live")
        count &+= 1
        cursor = UnsafeMutablePointer<Record>(bitPattern: Self.header(record).word)
      }
      invariant(
        count == freeCount, "hostile: slot table: its free slots are not as many as it says")
      var others = 0
      for position in 0..<positions {
        let id = Self.header(record(at: position).pointer).id
        if id & Handle.kindMask != 0 || id == Handle.generationMask { others &+= 1 }
      }
      invariant(
        others &+ count &+ waiting == positions, "hostile: slot table: a slot is lost")
    }

    /// Nothing is live: said when the table is about to be freed.
    func checkAllFree() {
      check(waiting: 0)
      for position in 0..<positions {
        invariant(
          !isLive(record(at: position)), "hostile: slot table: a record is live at loop close")
      }
    }

    func plantWrite() -> Bool {
      guard let record = UnsafeMutablePointer<Record>(bitPattern: free) else { return false }
      (UnsafeMutableRawPointer(record) + Self.headerBytes).storeBytes(of: 1, as: UInt8.self)
      return true
    }

    func plantKind() -> Bool {
      guard let record = UnsafeMutablePointer<Record>(bitPattern: free) else { return false }
      Self.header(record).id |= HandleKind.error.rawValue << Handle.kindShift
      return true
    }

    mutating func plantLoss() -> Bool {
      guard freeCount > 1, let record = UnsafeMutablePointer<Record>(bitPattern: free) else {
        return false
      }
      free = Self.header(record).word
      freeCount &-= 1
      return true
    }
  }
#endif
