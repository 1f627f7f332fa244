// What the Swift side keeps of one task of the loop: a Swift closure as a foreign task, with its
// typed result, or a C function's task.
//
// Owns one reference to the task's handle, the closure until it begins, and its result afterwards.
// Invariants:
// 1. A task that was cancelled before its first step never runs its body (the core does not start
//    it).
// 2. `complete` is called once, on the loop's thread, by the worker that ran the body.
// 3. The body's own waits need no handler of Swift's: nobody but the core cancels a worker's Swift
//    task, and the core's cancellation ends them here (see OwnWait).
// Threads: the loop's; the last reference may go on any.

import CEddy

@usableFromInline
class AnyTaskStorage: @unchecked Sendable {
  @usableFromInline final let state: LoopState
  /// The same, for uses that need no reference of their own.
  final let loop: Unmanaged<LoopState>
  @exclusivity(unchecked) @usableFromInline final var task = eddy_task_t()
  /// Runs the body; nil before and afterwards.
  @exclusivity(unchecked) final var worker: Unmanaged<Worker>?
  @exclusivity(unchecked) @usableFromInline final var result = ResultRoom()
  /// The core has let go of the closure; before that the task is pending. Always of a function's.
  @exclusivity(unchecked) final var mayHaveEnded = false
  /// A C function's task.
  @exclusivity(unchecked) final var isFunction = false
  /// The body of a scope: it begins in a cancelled task too.
  @exclusivity(unchecked) final var isScope = false
  /// The body's own wait.
  @exclusivity(unchecked) final var wait = OwnWait()
  /// That wait was given up for a cancellation.
  @exclusivity(unchecked) @usableFromInline final var hasGivenUp = false

  /// Runs the body of the storage that it is given, then waits for the next one; those of the same
  /// type it runs too. Returns the first of another type, or nil when the worker is to end. It is
  /// no method of the subclass: methods of generic classes are never specialised for those that
  /// call them dynamically.
  @usableFromInline typealias Run =
    nonisolated(nonsending) (Unmanaged<AnyTaskStorage>, Worker) async -> Unmanaged<AnyTaskStorage>?
  final let runBody: Run

  @usableFromInline init(_ state: LoopState, _ runBody: @escaping Run) {
    self.state = state
    loop = .passUnretained(state)
    self.runBody = runBody
  }

  deinit {
    result.clear()
    letGo()
  }

  /// Ends the reference to the handle.
  final func letGo() {
    if task.id == 0 { return }
    let task = self.task
    self.task = eddy_task_t()
    // Asked of the core, since inside a release function the loop's thread does not tell itself.
    if eddy_task_release(task) != EDDY_EWRONGTHREAD { return }
    state.post(
      UnsafeMutableRawPointer(bitPattern: UInt(task.id))!,
      { context in
        eddy_task_release(eddy_task_t(id: UInt64(UInt(bitPattern: context))))
      }, release: nil)
  }

  nonisolated(unsafe) static let ops: UnsafePointer<eddy_foreign_ops_t> = {
    let ops = UnsafeMutablePointer<eddy_foreign_ops_t>.allocate(capacity: 1)
    ops.initialize(
      to: eddy_foreign_ops_t(
        size: UInt32(MemoryLayout<eddy_foreign_ops_t>.size), reserved: 0,
        start: { instance, _ in
          borrow(instance, as: AnyTaskStorage.self) { storage in
            storage.loop._withUnsafeGuaranteedRef { $0.workers.run(storage, $0) }
          }
        },
        cancel: { instance, _ in
          borrow(instance, as: AnyTaskStorage.self) {
            $0.worker?._withUnsafeGuaranteedRef { $0.swiftTask?.cancel() }
            $0.cancelWait()
          }
        },
        release: { instance in
          let this = Unmanaged<AnyTaskStorage>.fromOpaque(instance.unsafelyUnwrapped)
          this._withUnsafeGuaranteedRef { $0.mayHaveEnded = true }
          this.release()
        },
        current_job: {
          withUnsafeCurrentTask { $0 != nil } ? UnsafeMutableRawPointer(bitPattern: 1) : nil
        },
        stack: { instance, frames, capacity in
          borrow(instance, as: AnyTaskStorage.self) {
            Int32($0.writeFrames(to: frames, Int(capacity)))
          }
        }))
    return UnsafePointer(ops)
  }()

  /// Hands the closure to the core.
  @usableFromInline final func spawn(
    in parent: eddy_scope_t, _ name: String?, _ file: StaticString, _ line: UInt
  ) throws {
    let site = loop._withUnsafeGuaranteedRef { $0.site(file, line) }
    guard var name else { return try spawn(in: parent, ScopeForm(), name: nil, site: site) }
    try name.withUTF8 { bytes in
      try withUnsafeTemporaryAllocation(of: CChar.self, capacity: bytes.count + 1) { text in
        for index in 0..<bytes.count { text[index] = CChar(bitPattern: bytes[index]) }
        text[bytes.count] = 0
        try spawn(in: parent, ScopeForm(), name: UnsafePointer(text.baseAddress), site: site)
      }
    }
  }

  final func spawn(
    in parent: eddy_scope_t, _ form: ScopeForm = ScopeForm(), name: UnsafePointer<CChar>? = nil,
    site: UnsafePointer<CChar>? = nil
  ) throws {
    var options = eddy_foreign_options_t()
    options.size = UInt32(MemoryLayout<eddy_foreign_options_t>.size)
    options.flags = form.flags
    options.parent = parent
    options.timeout_ns = form.timeout
    options.grace_ns = form.grace
    options.name = name
    var status = EDDY_ECLOSED
    if !mustEnterToSpawn { status = spawn(&options, site) }
    if status == EDDY_ECLOSED {
      status = spawnEntered { context in
        options.context = context
        return spawn(&options, site)
      }
    }
    if status != EDDY_OK { throw spawnError(status) }
  }

  @inline(__always)
  private final func spawn(
    _ options: inout eddy_foreign_options_t, _ site: UnsafePointer<CChar>?
  ) -> eddy_status_t {
    let instance = Unmanaged.passRetained(self).toOpaque()
    return eddy_foreign_spawn_at(site, Self.ops, instance, &options, &task)
  }

  /// The body ended well.
  /// - Parameter value: what C may read of the result.
  @usableFromInline final func complete(forC value: UnsafeMutableRawPointer?) {
    worker?._withUnsafeGuaranteedRef { $0.end(self) }
    _ = eddy_foreign_complete(task, EDDY_OK, value, nil)
  }

  @usableFromInline final func fail(_ error: any Error) {
    worker?._withUnsafeGuaranteedRef { $0.end(self) }
    let status = status(of: error)
    var previous = eddy_task_t()
    let hasEntered = eddy_foreign_enter(task, &previous) == EDDY_OK
    _ = eddy_fail_text(status, messageForC(error))
    let box = Unmanaged.passRetained(ErrorBox(error)).toOpaque()
    _ = eddy_foreign_complete(task, status, box, releaseErrorBox)
    if hasEntered { _ = eddy_foreign_leave(previous) }
  }
}

/// The storage of a task with its closure and its result.
@usableFromInline
final class TaskStorage<Value>: AnyTaskStorage, @unchecked Sendable {
  @usableFromInline typealias Body = nonisolated(nonsending) () async throws -> Value

  @exclusivity(unchecked) @usableFromInline var body: Body?

  /// Of a C function's task if there is no body.
  @inlinable init(_ state: LoopState, _ body: Body?) {
    self.body = body
    // Not `Self`, which the closure would keep, and need room for.
    super.init(state) { await TaskStorage<Value>.run($0, $1) }
  }

  /// Runs this body, and others of its type as long as they come one after the other.
  @inlinable @inline(__always)
  nonisolated(nonsending) static func run(
    _ first: Unmanaged<AnyTaskStorage>, _ worker: Worker
  ) async -> Unmanaged<AnyTaskStorage>? {
    // Borrowed from the core, which lets go of it when it has ended.
    var storage = first
    while true {
      do {
        // Let go of before the wait for another.
        guard let body = storage._withUnsafeGuaranteedRef({ of($0).takeBody() }) else {
          return nil
        }
        let value = try await body()
        storage._withUnsafeGuaranteedRef { of($0).complete(value) }
      } catch {
        storage._withUnsafeGuaranteedRef { $0.fail(error) }
      }
      if !worker.isReusable { return nil }
      // The plain form looks for the executor to be on once more than this one.
      let next = await _unsafeInheritExecutor_withUnsafeContinuation { worker.keep($0) }
      guard let next, next._withUnsafeGuaranteedRef({ type(of: $0) == TaskStorage<Value>.self })
      else {
        return next
      }
      storage = next
    }
  }

  @inlinable @inline(__always)
  static func of(_ storage: AnyTaskStorage) -> TaskStorage<Value> {
    unsafeDowncast(storage, to: TaskStorage<Value>.self)
  }

  @inlinable @inline(__always) func complete(_ value: Value) {
    result.initialize(to: value)
    // A pointer is a value that C can use; any other stays here.
    let isPointer =
      Value.self == UnsafeMutableRawPointer.self || Value.self == UnsafeMutableRawPointer?.self
    complete(forC: isPointer ? value as? UnsafeMutableRawPointer : nil)
  }

  @inlinable func takeBody() -> Body? {
    defer { body = nil }
    return body
  }

  /// The value of a task that the core says has ended well, which left this for C.
  @inlinable func value(_ forC: UnsafeMutableRawPointer?) throws -> Value {
    if result.isSet { return result.value(as: Value.self) }
    return try cast(forC)
  }

  /// Apart, since generic code that casts looks up metadata as it begins.
  @usableFromInline @inline(never) func cast(_ value: UnsafeMutableRawPointer?) throws -> Value {
    guard let result = value as? Value else { throw EddyError(status: EDDY_EINVAL) }
    return result
  }
}
