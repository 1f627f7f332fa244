// The one place that asks the system for memory, and three small owners of it: a growing vector, a
// pool of equal records, and a copied text.
//
// Invariants:
// 1. Every request can fail and says so; nothing here aborts.
// 2. Fresh memory of records is zeroed.
// Threads: the loop's.

import EddySwitch

enum Memory {
  /// Zeroed room for `count` values, or nil when memory is out. The caller frees it.
  static func allocate<Value>(_ type: Value.Type, count: Int) -> UnsafeMutablePointer<Value>? {
    let bytes = MemoryLayout<Value>.stride &* count
    guard let raw = eddy_sw_malloc(bytes) else { return nil }
    raw.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    return raw.assumingMemoryBound(to: Value.self)
  }

  static func free(_ memory: UnsafeMutableRawPointer?) {
    if let memory { eddy_sw_free(memory) }
  }
}

/// A growing array of trivial values. Its owner calls `free()`.
struct Vector<Value> {
  private(set) var count: Int
  private(set) var capacity: Int
  private var items: UnsafeMutablePointer<Value>?

  init() {
    count = 0
    capacity = 0
    items = nil
  }

  @inline(__always)
  subscript(index: Int) -> Value {
    get { items.unsafelyUnwrapped[index] }
    nonmutating set { items.unsafelyUnwrapped[index] = newValue }
  }

  /// Makes room for `total` values; false when memory is out, and then nothing has changed.
  mutating func reserve(_ total: Int) -> Bool {
    if total <= capacity { return true }
    var wanted = capacity < 8 ? 8 : capacity &* 2
    if wanted < total { wanted = total }
    let bytes = wanted &* MemoryLayout<Value>.stride
    guard let raw = eddy_sw_realloc(UnsafeMutableRawPointer(items), bytes) else { return false }
    items = raw.assumingMemoryBound(to: Value.self)
    capacity = wanted
    return true
  }

  @inline(__always)
  mutating func append(_ value: Value) -> Bool {
    if count == capacity, !reserve(count &+ 1) { return false }
    items.unsafelyUnwrapped[count] = value
    count &+= 1
    return true
  }

  @inline(__always)
  mutating func removeLast() {
    count &-= 1
    #if EDDY_HOSTILE
      eddy_sw_poison(items.unsafelyUnwrapped + count, MemoryLayout<Value>.stride)
    #endif
  }

  mutating func removeAll() { count = 0 }

  mutating func free() {
    Memory.free(UnsafeMutableRawPointer(items))
    self = Vector()
  }
}

/// Records of one size that come and go: taken from chunks, which are freed together at the end.
/// A free record's first word links it to the next.
struct Pool<Record> {
  private var head: UnsafeMutableRawPointer?
  private var chunks: UnsafeMutableRawPointer?
  #if EDDY_HOSTILE
    private var tail: UnsafeMutableRawPointer?
    private var freeCount = 0
    private var total = 0
  #endif

  init() {
    head = nil
    chunks = nil
  }

  /// A record has been taken from it, now or before.
  @inline(__always)
  var isUsed: Bool { chunks != nil }

  /// A zeroed record, or nil when memory is out.
  @inline(__always)
  mutating func take() -> Ref<Record>? {
    #if EDDY_HOSTILE
      guard beginTake() else { return nil }
    #else
      if head == nil, !grow() { return nil }
    #endif
    let raw = head.unsafelyUnwrapped
    head = raw.load(as: UnsafeMutableRawPointer?.self)
    raw.initializeMemory(as: UInt8.self, repeating: 0, count: MemoryLayout<Record>.size)
    return Ref(raw: raw)
  }

  @inline(__always)
  mutating func give(_ record: Ref<Record>) {
    #if EDDY_HOSTILE
      putLast(record.raw)
    #else
      record.raw.storeBytes(of: head, as: UnsafeMutableRawPointer?.self)
      head = record.raw
    #endif
  }

  mutating func free() {
    while let chunk = chunks {
      chunks = chunk.load(as: UnsafeMutableRawPointer?.self)
      Memory.free(chunk)
    }
    self = Pool()
  }

  private mutating func grow() -> Bool {
    let stride = MemoryLayout<Record>.stride
    #if EDDY_HOSTILE
      let perChunk = 2
    #else
      let perChunk = 32
    #endif
    guard let chunk = eddy_sw_malloc(16 &+ stride &* perChunk) else { return false }
    chunk.storeBytes(of: chunks, as: UnsafeMutableRawPointer?.self)
    chunks = chunk
    #if EDDY_HOSTILE
      total &+= perChunk
    #endif
    var index = perChunk
    while index > 0 {
      index &-= 1
      let raw = chunk + (16 &+ stride &* index)
      #if EDDY_HOSTILE
        putLast(raw)
      #else
        raw.storeBytes(of: head, as: UnsafeMutableRawPointer?.self)
        head = raw
      #endif
    }
    return true
  }
}

#if EDDY_HOSTILE
  /// Free records wait their turn at the end of the list, filled, and are looked at before they are
  /// used again.
  extension Pool {
    private mutating func putLast(_ raw: UnsafeMutableRawPointer) {
      eddy_sw_poison(raw, MemoryLayout<Record>.stride)
      raw.storeBytes(of: nil, as: UnsafeMutableRawPointer?.self)
      if let tail, head != nil {
        tail.storeBytes(of: raw, as: UnsafeMutableRawPointer?.self)
      } else {
        head = raw
      }
      tail = raw
      freeCount &+= 1
    }

    private mutating func beginTake() -> Bool {
      while freeCount <= quarantine, grow() {}
      guard let raw = head else { return false }
      freeCount &-= 1
      invariant(
        eddy_sw_is_poisoned(raw + 8, MemoryLayout<Record>.stride &- 8) != 0,
        "hostile: a freed record of a pool was written to")
      return true
    }

    /// The list of free records is whole.
    func check() {
      var count = 0
      var cursor = head
      while let raw = cursor, count <= freeCount {
        count &+= 1
        cursor = raw.load(as: UnsafeMutableRawPointer?.self)
      }
      invariant(count == freeCount, "hostile: pool: its free records are not as many as it says")
    }

    /// Nothing was kept for good: said when the pool is about to be freed.
    func checkAllFree() {
      invariant(freeCount == total, "hostile: pool: a record is in use at loop close")
    }

    func plantWrite() -> Bool {
      guard let raw = head else { return false }
      (raw + 8).storeBytes(of: 1, as: UInt8.self)
      return true
    }

    mutating func plantCount() { freeCount &+= 1 }
  }
#endif

/// A copy of C text on the heap, or nil for nil text or when memory is out. Freed with Memory.free.
func copyText(_ text: UnsafePointer<CChar>?) -> UnsafeMutablePointer<CChar>? {
  guard let text else { return nil }
  let length = textLength(text) &+ 1
  guard let raw = eddy_sw_malloc(length) else { return nil }
  raw.copyMemory(from: UnsafeRawPointer(text), byteCount: length)
  return raw.assumingMemoryBound(to: CChar.self)
}

func textLength(_ text: UnsafePointer<CChar>) -> Int {
  var length = 0
  while text[length] != 0 { length &+= 1 }
  return length
}

/// Copies text into a field of fixed size, cut to fit and always terminated.
func fillText(
  _ field: UnsafeMutableRawPointer, _ capacity: Int, from text: UnsafePointer<CChar>?
) {
  let bytes = field.assumingMemoryBound(to: CChar.self)
  var index = 0
  if let text {
    while index &+ 1 < capacity, text[index] != 0 {
      bytes[index] = text[index]
      index &+= 1
    }
  }
  bytes[index] = 0
}
