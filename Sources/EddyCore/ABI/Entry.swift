// What every call of the header does first: find the thread's loop, the handle's record, the
// running fiber, and read size-first structs. Each refusal is decided here, once.
//
// Owns nothing. Threads: any.

import CEddy

public typealias ValueOut = UnsafeMutablePointer<UnsafeMutableRawPointer?>

/// The loop and the fiber of a call that may suspend, or nil; see `refuseFiber`.
@inline(__always)
func enterFiber() -> (loop: Loop, task: TaskRef)? {
  guard let loop = Loop.ofThread, let task = loop.fiber else { return nil }
  if loop.runtimeCount != 0, loop.hasForeignJob() { return nil }
  return (loop, task)
}

/// Why a call that may suspend cannot.
@inline(never)
func refuseFiber() -> eddy_status_t {
  if let loop = Loop.ofThread { return loop.fail(EDDY_ENOTTASK) }
  let refusal = Gate.refusal
  return refusal == EDDY_EWRONGTHREAD ? EDDY_ENOTTASK : refusal
}

/// Why a handle is refused on a thread without a usable loop.
@inline(never)
func refuseThread(_ id: UInt64) -> eddy_status_t {
  let refusal = Gate.refusal
  if refusal != EDDY_EWRONGTHREAD { return refusal }
  return Registry.isLive(Handle.loopNumber(id)) ? EDDY_EWRONGTHREAD : EDDY_EBADHANDLE
}

extension Ref where Record == LoopRecord {
  /// Why a handle was not found in this loop.
  @inline(never)
  func refuseHandle(_ id: UInt64) -> eddy_status_t {
    let number = Handle.loopNumber(id)
    let isElsewhere =
      Handle.kind(id) != 0 && number != core.number && Registry.isLive(number)
    return fail(isElsewhere ? EDDY_EWRONGTHREAD : EDDY_EBADHANDLE)
  }

  /// A scope by its handle, a task's root scope included.
  @inline(__always)
  func findScope(_ id: UInt64) -> ScopeRef? {
    if Handle.kind(id) == HandleKind.scope.rawValue {
      return self.scopes.find(id).map { ScopeRef(raw: $0.raw) }
    }
    guard Handle.kind(id) == HandleKind.rootScope.rawValue else { return nil }
    guard let task = self.tasks.find(Handle.with(kind: .task, id)) else { return nil }
    return task.completion.state == .pending ? task.root : nil
  }
}

extension Ref where Record == LoopRecord {
  /// The context that options name to be shared; none for null.
  @inline(__always)
  func findGiven(_ given: eddy_context_t) -> (status: eddy_status_t, context: ContextRef?) {
    if given.id == 0 { return (EDDY_OK, nil) }
    guard let context = contexts.contexts.find(given.id) else {
      return (refuseHandle(given.id), nil)
    }
    return (EDDY_OK, context)
  }
}

/// Copies a size-first struct over its defaults, by the header's law.
func read<Options>(
  _ source: UnsafePointer<Options>?, into target: UnsafeMutablePointer<Options>
) -> eddy_status_t {
  guard let source else { return EDDY_OK }
  let raw = UnsafeRawPointer(source)
  let size = Int(raw.loadUnaligned(as: UInt32.self))
  let known = MemoryLayout<Options>.size
  if size < 4 { return EDDY_EINVAL }
  UnsafeMutableRawPointer(target).copyMemory(from: raw, byteCount: min(size, known))
  return tailIsZero(raw, from: known, to: size) ? EDDY_OK : EDDY_E2BIG
}

/// Whether an output struct has a size that can be filled.
func checkOutput<Output>(_ target: UnsafeMutablePointer<Output>?) -> eddy_status_t {
  guard let target else { return EDDY_EINVAL }
  let raw = UnsafeRawPointer(target)
  let size = Int(raw.loadUnaligned(as: UInt32.self))
  if size < 4 { return EDDY_EINVAL }
  return tailIsZero(raw, from: MemoryLayout<Output>.size, to: size) ? EDDY_OK : EDDY_E2BIG
}

/// Writes as much of an output struct as its user has room for; the size stays the user's.
func write<Output>(
  _ output: UnsafeMutablePointer<Output>, to target: UnsafeMutablePointer<Output>
) {
  let raw = UnsafeMutableRawPointer(target)
  let size = Int(raw.loadUnaligned(as: UInt32.self))
  let count = min(size, MemoryLayout<Output>.size) &- 4
  (raw + 4).copyMemory(from: UnsafeRawPointer(output) + 4, byteCount: count)
}

private func tailIsZero(_ raw: UnsafeRawPointer, from known: Int, to size: Int) -> Bool {
  var offset = known
  while offset < size {
    if raw.load(fromByteOffset: offset, as: UInt8.self) != 0 { return false }
    offset &+= 1
  }
  return true
}
