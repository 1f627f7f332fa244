// A reference to a record: a plain pointer that reads like an object (`task.state`).
//
// Owns nothing: records belong to slot tables and pools, which free them by name.
// Invariants:
// 1. Only stored properties are read through a Ref; a computed one has no address.
// 2. Every record is trivial, and all zero bytes are a valid state of it.
// Threads: those of the record, which is the loop's thread unless said.

@dynamicMemberLookup
struct Ref<Record>: Equatable {
  let pointer: UnsafeMutablePointer<Record>

  @inline(__always)
  init(_ pointer: UnsafeMutablePointer<Record>) {
    self.pointer = pointer
  }

  /// The record that a C callback got back as `void *`.
  @inline(__always)
  init(raw: UnsafeMutableRawPointer) {
    self.pointer = raw.assumingMemoryBound(to: Record.self)
  }

  @inline(__always)
  var raw: UnsafeMutableRawPointer { UnsafeMutableRawPointer(pointer) }

  subscript<Value>(dynamicMember field: WritableKeyPath<Record, Value>) -> Value {
    @_transparent unsafeAddress { UnsafePointer(pointer.pointer(to: field)!) }
    @_transparent nonmutating unsafeMutableAddress { pointer.pointer(to: field)! }
  }

  /// The addresses of fields, for C functions and intrusive lists: `task.at.ready`.
  @_transparent
  var at: FieldAddresses<Record> { FieldAddresses(pointer) }

  @inline(__always)
  static func == (left: Self, right: Self) -> Bool { left.pointer == right.pointer }
}

/// Reads like a record and gives where its fields are.
@dynamicMemberLookup
struct FieldAddresses<Record> {
  let pointer: UnsafeMutablePointer<Record>

  @_transparent
  init(_ pointer: UnsafeMutablePointer<Record>) {
    self.pointer = pointer
  }

  subscript<Value>(
    dynamicMember field: WritableKeyPath<Record, Value>
  ) -> UnsafeMutablePointer<Value> {
    @_transparent get { pointer.pointer(to: field)! }
  }
}
