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

/// The chunks of a table, whatever its records are: one code for all tables.
private struct SlotChunks {
  var list: Vector<UnsafeMutableRawPointer>
  var stride: Int
  /// A chunk's records: 1 << shift.
  var shift: Int

  func header(at position: Int) -> Ref<SlotHeader> {
    Ref(raw: list[position >> shift] + (position & (1 << shift &- 1)) &* stride)
  }

  /// Adds a chunk of zeroed records, each with its id and linked to the next; the address of the
  /// first, or 0 when memory or indices are out.
  @inline(never)
  mutating func grow(_ base: UInt64, _ firstGeneration: UInt64) -> UInt {
    let records = 1 << shift
    let first = list.count << shift
    guard first &+ records <= Handle.maximumIndex, list.reserve(list.count &+ 1),
      let chunk = Memory.allocate(UInt8.self, count: stride &* records)
    else { return 0 }
    _ = list.append(UnsafeMutableRawPointer(chunk))
    var position = first &+ records
    var next: UInt = 0
    while position > first {
      position &-= 1
      let header = header(at: position)
      header.id = base | (UInt64(position) << Handle.indexShift) | firstGeneration
      header.word = next
      next = UInt(bitPattern: header.raw)
    }
    return next
  }

  /// One above every generation that was given out.
  @inline(never)
  func nextGeneration(atLeast firstGeneration: UInt64) -> UInt32 {
    var highest = firstGeneration
    for position in 0..<list.count << shift {
      let id = header(at: position).id
      let generation = (id & Handle.generationMask) &+ (id & Handle.kindMask != 0 ? 1 : 0)
      if generation > highest { highest = generation }
    }
    return UInt32(highest)
  }

  @inline(never)
  mutating func freeAll() {
    for index in 0..<list.count { Memory.free(list[index]) }
    list.free()
  }
}

struct SlotTable<Record> {
  private var chunks: SlotChunks
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
    chunks = SlotChunks(
      list: Vector(), stride: MemoryLayout<Record>.stride, shift: Self.chunkShift)
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
    guard chunk < chunks.list.count else { return nil }
    let record = Self.record(in: chunks.list[chunk], index)
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
    Ref(Self.record(in: chunks.list[position >> Self.chunkShift], position))
  }

  @inline(__always)
  private static func record(
    in chunk: UnsafeMutableRawPointer, _ position: Int
  ) -> UnsafeMutablePointer<Record> {
    chunk.assumingMemoryBound(to: Record.self) + (position & (chunkRecords &- 1))
  }

  var positions: Int { chunks.list.count &* Self.chunkRecords }

  func isLive(_ record: Ref<Record>) -> Bool {
    Self.header(record.pointer).id & Handle.kindMask != 0
  }

  /// One above every generation that was given out: where a successor table begins.
  var nextGeneration: UInt32 { chunks.nextGeneration(atLeast: firstGeneration) }

  mutating func freeAll() {
    chunks.freeAll()
    free = 0
  }

  private mutating func grow() -> Bool {
    let list = chunks.grow(base, firstGeneration)
    if list == 0 { return false }
    #if EDDY_HOSTILE
      putLast(list)
    #else
      free = list
    #endif
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

    /// All of a list of new slots.
    private mutating func putLast(_ list: UInt) {
      var cursor = UnsafeMutablePointer<Record>(bitPattern: list)
      while let record = cursor {
        cursor = UnsafeMutablePointer(bitPattern: Self.header(record).word)
        putLast(record)
      }
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
