// Text put together piece by piece without String: into a buffer of fixed size, counting what the
// whole would need.
//
// Owns nothing: the buffer is its user's. Invariant: with capacity above 0 the buffer is terminated
// after `finish`. Threads: any one.

struct TextSink {
  private let buffer: UnsafeMutablePointer<CChar>?
  private let capacity: Int
  /// Bytes of the whole text so far, written or not.
  private(set) var length: Int

  init(_ buffer: UnsafeMutablePointer<CChar>?, capacity: Int) {
    self.buffer = buffer
    self.capacity = buffer == nil ? 0 : capacity
    length = 0
  }

  @inline(never)
  mutating func put(_ text: StaticString) {
    let start = UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
    for index in 0..<text.utf8CodeUnitCount { put(byte: start[index]) }
  }

  @inline(never)
  mutating func put(_ text: UnsafePointer<CChar>) {
    var index = 0
    while text[index] != 0 {
      put(byte: text[index])
      index &+= 1
    }
  }

  @inline(never)
  mutating func put(_ number: Int) {
    if number < 0 { put("-") }
    put(number.magnitude)
  }

  @inline(never)
  mutating func put(_ number: UInt) {
    if number >= 10 { put(number / 10) }
    put(byte: CChar(truncatingIfNeeded: 48 &+ number % 10))
  }

  mutating func put(byte: CChar) {
    if let buffer, length &+ 1 < capacity { buffer[length] = byte }
    length &+= 1
  }

  /// Terminates the text and returns how many bytes the whole needs, the end included.
  mutating func finish() -> Int {
    if let buffer, capacity > 0 { buffer[length < capacity ? length : capacity &- 1] = 0 }
    return length &+ 1
  }
}
