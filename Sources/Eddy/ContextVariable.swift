// Context variables: values that go along with the work, in both languages.
//
// In Swift a value is bound for the length of a call. The bindings are a list behind one task
// local, so children of Swift inherit them on whatever thread they run. What is spawned gets them
// as a C context, which is made when the first spawn needs it.
//
// Owns the list of bindings, and one reference to the C context of each that has one.
// Invariants:
// 1. A binding never changes; its C context is made once, and nobody sets anything in it: what is
//    spawned gets a copy.
// 2. A variable that is not in the list has the value that it has in the context of the task.
// Threads: binding and reading any; spawning and what C has set the loop's.

import CEddy
import Synchronization

/// A value that goes along with the work: bound for a call, seen by all that it calls and spawns,
/// in Swift and in C.
///
/// Make one for the program, as a static constant. On threads other than the loop's only those
/// values are seen that Swift code around the reader has bound; where there are none, the default.
public final class ContextVariable<Value: Sendable>: Sendable {
  private let form: VariableForm
  private let defaultValue: Value
  /// What C keeps is the value itself, not a box with it.
  private let isPointer: Bool

  /// A variable of Swift's. C passes it on, and sees a pointer that it cannot use.
  /// - Parameters:
  ///   - name: for people; copied and kept for good.
  ///   - defaultValue: where nothing is bound.
  public init(_ name: String, default defaultValue: Value) {
    form = VariableForm(name: name)
    self.defaultValue = defaultValue
    isPointer = false
  }

  fileprivate init(_ form: VariableForm, _ defaultValue: Value) {
    self.form = form
    self.defaultValue = defaultValue
    isPointer = true
  }

  /// The value here.
  public var value: Value {
    var binding = CurrentTask.binding
    while let current = binding {
      if current.variable == form.address, let value = current.value as? Value { return value }
      binding = current.outer
    }
    guard let place = CurrentTask.place, place.state.isOnThread else {
      return read { eddy_var_get(form.address, $0) }
    }
    return read { eddy_task_var_get(place.task, form.address, $0) }
  }

  private func read(
    _ get: (UnsafeMutablePointer<UnsafeMutableRawPointer?>) -> eddy_status_t
  ) -> Value {
    var raw: UnsafeMutableRawPointer?
    guard get(&raw) == EDDY_OK else { return defaultValue }
    if isPointer { return ContextPointer(raw) as? Value ?? defaultValue }
    guard let raw else { return defaultValue }
    let box = Unmanaged<ValueBox>.fromOpaque(raw).takeUnretainedValue()
    return box.value as? Value ?? defaultValue
  }

  /// Runs `operation` with a value bound.
  public func withValue<Result>(
    _ value: Value, isolation: isolated (any Actor)? = #isolation,
    _ operation: () async throws -> Result
  ) async rethrows -> Result {
    try await CurrentTask.$binding.withValue(bind(value), operation: operation)
  }

  /// Runs `operation` with a value bound.
  public func withValue<Result>(
    _ value: Value, _ operation: () throws -> Result
  ) rethrows -> Result {
    try CurrentTask.$binding.withValue(bind(value), operation: operation)
  }

  private func bind(_ value: Value) -> ContextBinding {
    ContextBinding(
      form.address, value, isPointer: isPointer, outer: CurrentTask.binding,
      state: CurrentTask.place?.state ?? LoopState.ofThread)
  }
}

/// A value of a variable that C declares.
public struct ContextPointer: @unchecked Sendable, Equatable {
  public let raw: UnsafeMutableRawPointer?
  public init(_ raw: UnsafeMutableRawPointer?) { self.raw = raw }
}

extension ContextVariable where Value == ContextPointer {
  /// A variable that C code declares, with `EDDY_VAR_INIT`: one value for both languages.
  /// - Parameter variable: of static storage. Its release function is called for what is bound here
  ///   too, if something was spawned meanwhile, so bind only what it may release.
  public convenience init(_ variable: UnsafePointer<eddy_var_t>) {
    self.init(VariableForm(address: variable), ContextPointer(variable.pointee.default_value))
  }
}

/// The C form of a variable; a static object of the program's either way.
private struct VariableForm: @unchecked Sendable {
  let address: UnsafePointer<eddy_var_t>

  init(address: UnsafePointer<eddy_var_t>) { self.address = address }

  init(name: String) {
    var name = name
    let text = name.withUTF8 { bytes in
      let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count + 1)
      for (index, byte) in bytes.enumerated() { copy[index] = CChar(bitPattern: byte) }
      copy[bytes.count] = 0
      return copy
    }
    let form = UnsafeMutablePointer<eddy_var_t>.allocate(capacity: 1)
    form.initialize(
      to: eddy_var_t(
        size: UInt32(MemoryLayout<eddy_var_t>.size), reserved: 0, name: text, default_value: nil,
        release: { raw in
          if let raw { Unmanaged<ValueBox>.fromOpaque(raw).release() }
        }))
    address = UnsafePointer(form)
  }
}

/// A value on its way through C.
private final class ValueBox {
  let value: any Sendable
  init(_ value: any Sendable) { self.value = value }
}

/// One bound variable, and all those around it.
final class ContextBinding: @unchecked Sendable {
  let variable: UnsafePointer<eddy_var_t>
  let value: any Sendable
  let outer: ContextBinding?
  private let isPointer: Bool
  private let state: LoopState?
  private var context = eddy_context_t()

  /// Something has been bound in this process: from then on spawns look for it.
  static let isUsed = Atomic<Bool>(false)

  init(
    _ variable: UnsafePointer<eddy_var_t>, _ value: any Sendable, isPointer: Bool,
    outer: ContextBinding?, state: LoopState?
  ) {
    self.variable = variable
    self.value = value
    self.isPointer = isPointer
    self.outer = outer
    self.state = state
    Self.isUsed.store(true, ordering: .relaxed)
  }

  deinit {
    if context.id == 0 { return }
    if eddy_context_release(context) != EDDY_EWRONGTHREAD { return }
    state?.post(
      UnsafeMutableRawPointer(bitPattern: UInt(context.id))!,
      { eddy_context_release(eddy_context_t(id: UInt64(UInt(bitPattern: $0)))) }, release: nil)
  }

  /// The C context, made now if it is the first time. On the loop's thread; the outermost binding
  /// stands on what is current there.
  func makeContext(_ status: inout eddy_status_t) -> eddy_context_t {
    if context.id != 0 { return context }
    let source = outer?.makeContext(&status) ?? eddy_context_t()
    if status != EDDY_OK { return context }
    let raw =
      isPointer
      ? (value as? ContextPointer)?.raw : Unmanaged.passRetained(ValueBox(value)).toOpaque()
    status = eddy_context_with(source, variable, raw, &context)
    return context
  }
}

/// Whether a context counts for what is spawned here. A refusal needs `spawnEntered` too, since it
/// depends on who asks (TG-04).
@inline(__always)
var mustEnterToSpawn: Bool {
  eddy_context_used() != 0 || ContextBinding.isUsed.load(ordering: .relaxed)
}

/// Calls `spawn` with the context that what it spawns is to have a copy of, and with the task as
/// the current one: jobs of Swift run in whatever context they were enqueued in, and are nobody's
/// code to the core.
@inline(never)
func spawnEntered(_ spawn: (eddy_context_t) -> eddy_status_t) -> eddy_status_t {
  var previous = eddy_task_t()
  let hasEntered = eddy_foreign_enter(CurrentTask.task, &previous) == EDDY_OK
  var status = EDDY_OK
  var copy = eddy_context_t()
  if let binding = CurrentTask.binding {
    let context = binding.makeContext(&status)
    if status == EDDY_OK { status = eddy_context_copy(context, &copy) }
  }
  if status == EDDY_OK { status = spawn(copy) }
  if hasEntered { _ = eddy_foreign_leave(previous) }
  _ = eddy_context_release(copy)
  return status
}
