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

  private static var chunkRecords: Int { 128 }

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
    let chunk = index >> 7
    guard chunk < chunks.count else { return nil }
    let record = chunks[chunk] + (index & 127)
    guard Self.header(record).id == id else { return nil }
    return Ref(record)
  }

  /// A live record with no references, its other fields as the last user left them (zero at first),
  /// or nil when memory or indices are out.
  @inline(__always)
  mutating func take(_ kind: HandleKind) -> Ref<Record>? {
    if free == 0, !grow() { return nil }
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
    header.word = free
    free = UInt(bitPattern: record.pointer)
  }

  /// The record at a position, live or not, for walks over all; see `isLive`.
  func record(at position: Int) -> Ref<Record> {
    Ref(chunks[position >> 7] + (position & 127))
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
      header.word = free
      free = UInt(bitPattern: chunk + offset)
    }
    return true
  }
}
