// A Swift async closure as a foreign task of the loop.
//
// Owns the closure until it begins, the Swift task while it runs, and its typed result afterwards.
// Invariants:
// 1. A task that was cancelled before its first step never runs its body (the core does not start
//    it).
// 2. `end` runs on the loop's thread, in the Swift task's own last job, exactly once.
// 3. The core's cancellation reaches the Swift task through `cancel`, at most once.
// Threads: the loop's.

import CEddy

/// The task of Eddy that Swift code runs in. Children of Swift inherit it.
enum CurrentTask {
  struct Place: Sendable {
    var id: UInt64
    var state: LoopState
  }

  @TaskLocal static var place: Place?

  static var id: UInt64 { place?.id ?? 0 }

  static var task: eddy_task_t { eddy_task_t(id: id) }

  /// The scope that new scopes and tasks hang below; null outside tasks of Eddy.
  static var scope: eddy_scope_t { eddy_task_scope(task) }
}

class AnySwiftTask: @unchecked Sendable {
  let state: LoopState
  var task = eddy_task_t()
  fileprivate var swiftTask: Task<Void, Never>?

  init(_ state: LoopState) { self.state = state }

  func begin() {}

  nonisolated(unsafe) static let ops: UnsafePointer<eddy_foreign_ops_t> = {
    let ops = UnsafeMutablePointer<eddy_foreign_ops_t>.allocate(capacity: 1)
    ops.initialize(
      to: eddy_foreign_ops_t(
        size: UInt32(MemoryLayout<eddy_foreign_ops_t>.size), reserved: 0,
        start: { instance, task in
          let this = Unmanaged<AnySwiftTask>.fromOpaque(instance!).takeUnretainedValue()
          this.task = task
          this.begin()
        },
        cancel: { instance, _ in
          Unmanaged<AnySwiftTask>.fromOpaque(instance!).takeUnretainedValue().swiftTask?.cancel()
        },
        release: { instance in Unmanaged<AnySwiftTask>.fromOpaque(instance!).release() },
        current_job: {
          withUnsafeCurrentTask { $0 != nil } ? UnsafeMutableRawPointer(bitPattern: 1) : nil
        }))
    return UnsafePointer(ops)
  }()

  /// Hands the task to the core. The reference to its handle is the caller's.
  func spawn(
    in parent: eddy_scope_t, flags: UInt32 = 0, timeout: Int64 = 0, grace: Int64 = 0,
    name: String? = nil
  ) throws -> eddy_task_t {
    var options = eddy_foreign_options_t()
    options.size = UInt32(MemoryLayout<eddy_foreign_options_t>.size)
    options.flags = flags
    options.parent = parent
    options.timeout_ns = timeout
    options.grace_ns = grace
    var task = eddy_task_t()
    let instance = Unmanaged.passRetained(self).toOpaque()
    let status: eddy_status_t
    if let name {
      status = name.withCString { text in
        options.name = text
        return eddy_foreign_spawn_at(nil, Self.ops, instance, &options, &task)
      }
    } else {
      status = eddy_foreign_spawn_at(nil, Self.ops, instance, &options, &task)
    }
    try check(status)
    return task
  }
}

final class SwiftTask<Value>: AnySwiftTask, @unchecked Sendable {
  private var body: (() async throws -> Value)?
  // A pointer, and not Result<Value, any Error>: generic code would look up that type's metadata at
  // each touch.
  private var cell: UnsafeMutablePointer<Value>?
  private var error: (any Error)?

  init(_ state: LoopState, _ body: @escaping () async throws -> Value) {
    self.body = body
    super.init(state)
  }

  deinit {
    cell?.deinitialize(count: 1)
    cell?.deallocate()
  }

  override func begin() {
    guard let body else { return }
    self.body = nil
    nonisolated(unsafe) let run = body
    swiftTask = CurrentTask.$place.withValue(CurrentTask.Place(id: task.id, state: state)) {
      Task(executorPreference: state.taskExecutor) { [self] in
        do {
          succeed(try await run())
        } catch {
          fail(error)
        }
      }
    }
  }

  private func succeed(_ value: Value) {
    // A pointer is a value that C can use; any other stays here. Asked first, since a cast is dear.
    let isPointer =
      Value.self == UnsafeMutableRawPointer.self || Value.self == UnsafeMutableRawPointer?.self
    let forC = isPointer ? value as? UnsafeMutableRawPointer : nil
    let cell = UnsafeMutablePointer<Value>.allocate(capacity: 1)
    cell.initialize(to: value)
    self.cell = cell
    swiftTask = nil
    _ = eddy_foreign_complete(task, EDDY_OK, forC, nil)
  }

  private func fail(_ error: any Error) {
    self.error = error
    swiftTask = nil
    let status = status(of: error)
    var previous = eddy_task_t()
    let hasEntered = eddy_foreign_enter(task, &previous) == EDDY_OK
    _ = eddy_fail_text(status, String(describing: error))
    let box = Unmanaged.passRetained(ErrorBox(error)).toOpaque()
    _ = eddy_foreign_complete(task, status, box, releaseErrorBox)
    if hasEntered { _ = eddy_foreign_leave(previous) }
  }

  /// The typed value, if the core agrees that the task ended well.
  func value() throws -> Value {
    if let cell { return cell.pointee }
    throw error ?? EddyError(status: EDDY_EPENDING)
  }
}
