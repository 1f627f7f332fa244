// Room for one value of any type, in place if it is small.
//
// It has no type parameter: a generic class does not specialise its deinit, and would look up the
// metadata of its property's type whenever it is freed.
//
// Owns the value.
// Invariant: all uses name the type of the value that was put in.
// Threads: one at a time.

@usableFromInline
struct ResultRoom {
  @usableFromInline typealias Room = (UInt, UInt, UInt)
  @usableFromInline var room: Room = (0, 0, 0)
  @usableFromInline var isSet = false
  /// Set with a value that needs it.
  @usableFromInline var destroy: ((UnsafeMutableRawPointer) -> Void)?

  @inlinable init() {}

  @inlinable static func isInPlace<Value>(_ type: Value.Type) -> Bool {
    MemoryLayout<Value>.size <= MemoryLayout<Room>.size
      && MemoryLayout<Value>.alignment <= MemoryLayout<Room>.alignment
  }

  @inlinable mutating func initialize<Value>(to value: Value) {
    isSet = true
    if Self.isInPlace(Value.self) {
      withUnsafeMutableBytes(of: &room) {
        _ = $0.baseAddress.unsafelyUnwrapped.initializeMemory(as: Value.self, to: value)
      }
      if _isPOD(Value.self) { return }
      destroy = { $0.assumingMemoryBound(to: Value.self).deinitialize(count: 1) }
    } else {
      let pointer = UnsafeMutablePointer<Value>.allocate(capacity: 1)
      pointer.initialize(to: value)
      room.0 = UInt(bitPattern: pointer)
      destroy = { room in
        let pointer = room.load(as: UnsafeMutablePointer<Value>.self)
        pointer.deinitialize(count: 1)
        pointer.deallocate()
      }
    }
  }

  @inlinable func value<Value>(as type: Value.Type) -> Value {
    withUnsafeBytes(of: room) {
      if Self.isInPlace(Value.self) {
        return $0.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Value.self).pointee
      }
      return $0.load(as: UnsafePointer<Value>.self).pointee
    }
  }

  mutating func clear() {
    guard let destroy else { return }
    isSet = false
    self.destroy = nil
    withUnsafeMutableBytes(of: &room) { destroy($0.baseAddress.unsafelyUnwrapped) }
  }
}
