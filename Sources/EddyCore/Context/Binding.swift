// The bindings of context variables: shared lists that never change under those who share them.
//
// A context is the head of a list of bindings, one for each variable that is set in it. A copy of a
// context is another reference to the same head. A change makes a new head and copies of the
// bindings that stand above the one it replaces; the rest stays shared. What nobody shares is
// changed in place. Documentation/decisions/context.md says why.
// Invariants:
// 1. A variable is bound at most once in a list, so a list is no longer than there are variables.
// 2. `references` of a binding counts the heads and bindings that point to it.
// 3. A value is released once, when no binding and no token has it; its release function runs only
//    in `sweep`, after all records are in order again.
// Threads: the loop's.

import CEddy

typealias BindingRef = Ref<BindingRecord>
typealias ValueRef = Ref<ValueRecord>
typealias VariableAddress = UnsafePointer<eddy_var_t>

struct BindingRecord {
  var next: BindingRef?
  var variable: VariableAddress?
  var value: ValueRef
  var references: UInt32
}

/// A value that was set, shared by all copies of its binding.
struct ValueRecord {
  var nextUnused: ValueRef?
  var value: UnsafeMutableRawPointer?
  var release: eddy_release_fn?
  var references: UInt32
}

/// The records of all bindings of a loop.
struct BindingStore {
  fileprivate var bindings: Pool<BindingRecord>
  fileprivate var values: Pool<ValueRecord>
  /// Values whose release functions have still to be called, in the order in which they went.
  fileprivate var firstUnused: ValueRef?
  fileprivate var lastUnused: ValueRef?
  fileprivate var isSweeping: Bool

  init() {
    bindings = Pool()
    values = Pool()
    firstUnused = nil
    lastUnused = nil
    isSweeping = false
  }

  mutating func free() {
    bindings.free()
    values.free()
  }
}

extension Ref where Record == BindingStore {
  /// Whether a variable has ever been set on the loop.
  @inline(__always)
  var isUsed: Bool { self.values.isUsed }

  /// A value with one reference, or nil when memory is out.
  func makeValue(_ value: UnsafeMutableRawPointer?, _ release: eddy_release_fn?) -> ValueRef? {
    guard let record = self.values.take() else { return nil }
    record.value = value
    record.release = release
    record.references = 1
    return record
  }

  /// Forgets a value that is still the caller's.
  func forget(_ value: ValueRef) { self.values.give(value) }

  /// Ends a reference to a value. Its release function is called by the next `sweep`.
  func letGo(of value: ValueRef) {
    value.references &-= 1
    if value.references > 0 { return }
    value.nextUnused = nil
    if let last = self.lastUnused { last.nextUnused = value } else { self.firstUnused = value }
    self.lastUnused = value
  }

  /// Ends a reference to a list.
  func letGo(of list: BindingRef?) {
    var cursor = list
    while let binding = cursor {
      binding.references &-= 1
      if binding.references > 0 { return }
      cursor = binding.next
      letGo(of: binding.value)
      self.bindings.give(binding)
    }
  }

  /// Calls the release functions that are due. One of them may end more, which then takes its turn.
  func sweep() {
    if self.isSweeping || self.firstUnused == nil { return }
    self.isSweeping = true
    while let next = self.firstUnused {
      self.firstUnused = next.nextUnused
      if self.firstUnused == nil { self.lastUnused = nil }
      let value = next.value
      let release = next.release
      self.values.give(next)
      Gate.release(value, with: release)
    }
    self.isSweeping = false
  }

  /// Binds a variable in the list at `head`, or takes its binding away for nil. Takes over the
  /// reference to the value. False when memory is out; then nothing has changed.
  func bind(
    _ variable: VariableAddress, to value: ValueRef?, at head: UnsafeMutablePointer<BindingRef?>
  ) -> Bool {
    var isOwn = true
    var above: BindingRef?
    var cursor = head.pointee
    while let binding = cursor, binding.variable != variable {
      isOwn = isOwn && binding.references == 1
      above = binding
      cursor = binding.next
    }
    if let found = cursor {
      if !isOwn || found.references > 1 { return rebind(found, to: value, at: head) }
      let old = found.value
      if let value { found.value = value } else { remove(found, below: above, at: head) }
      letGo(of: old)
      return true
    }
    guard let value else { return true }
    guard let fresh = makeBinding(variable, value, above: head.pointee) else { return false }
    head.pointee = fresh
    return true
  }

  /// Takes out a binding that nobody shares.
  private func remove(
    _ binding: BindingRef, below above: BindingRef?, at head: UnsafeMutablePointer<BindingRef?>
  ) {
    if let above { above.next = binding.next } else { head.pointee = binding.next }
    self.bindings.give(binding)
  }

  /// A new list without `found`, and with its variable bound to `value` unless that is nil.
  private func rebind(
    _ found: BindingRef, to value: ValueRef?, at head: UnsafeMutablePointer<BindingRef?>
  ) -> Bool {
    var fresh = found.next
    if let rest = fresh { rest.references &+= 1 }
    var isWhole = true
    var cursor = head.pointee
    while isWhole, let binding = cursor, binding != found {
      isWhole = push(binding.variable.unsafelyUnwrapped, binding.value, on: &fresh)
      if isWhole { binding.value.references &+= 1 }
      cursor = binding.next
    }
    if isWhole, let value {
      isWhole = push(found.variable.unsafelyUnwrapped, value, on: &fresh)
    }
    if !isWhole {
      letGo(of: fresh)
      return false
    }
    let old = head.pointee
    head.pointee = fresh
    letGo(of: old)
    return true
  }

  private func push(
    _ variable: VariableAddress, _ value: ValueRef, on list: inout BindingRef?
  ) -> Bool {
    guard let fresh = makeBinding(variable, value, above: list) else { return false }
    list = fresh
    return true
  }

  /// A binding with one reference. Takes over those to the value and to the list below.
  private func makeBinding(
    _ variable: VariableAddress, _ value: ValueRef, above rest: BindingRef?
  ) -> BindingRef? {
    guard let binding = self.bindings.take() else { return nil }
    binding.next = rest
    binding.variable = variable
    binding.value = value
    binding.references = 1
    return binding
  }
}

extension Ref where Record == BindingRecord {
  /// The value of a variable in the list that begins here, or nil.
  func valueBound(to variable: VariableAddress) -> ValueRef? {
    var cursor: BindingRef? = self
    while let binding = cursor {
      if binding.variable == variable { return binding.value }
      cursor = binding.next
    }
    return nil
  }
}
