// The Swift tasks that run the bodies of loop tasks, one body after the other.
//
// Making and ending a Swift task costs several times what handing a body to one that waits does.
// So one that has run its body waits for the next, unless it was cancelled: Swift's flag is never
// cleared.
//
// Owns the workers that wait, at most `idleLimit`.
// Invariants:
// 1. A body leaves nothing behind in its worker: its task locals, children and cancellation
//    handlers end with it, and a cancelled worker ends too.
// 2. A worker is resumed from the loop's queue with no job of Swift below, so its job runs at once,
//    in place of one more turn through the queue.
// Threads: the loop's.

import CEddy

/// Idle workers kept, each with about a kilobyte.
private let idleLimit = 64

final class Workers {
  /// The one that was kept last. A worker lives for as long as its Swift task.
  @exclusivity(unchecked) private var idle: Unmanaged<Worker>?
  @exclusivity(unchecked) private var idleCount = 0
  /// The one that runs, or ran last.
  @exclusivity(unchecked) var last: Unmanaged<Worker>?
  /// Functions of a worker's own around each body, which no report shows. The first worker counts.
  @exclusivity(unchecked) var framesOutside = 0

  /// Runs the body of what the core has just started.
  func run(_ storage: AnyTaskStorage, _ state: LoopState) {
    let isCancelled = storage.isScope && cancelReason(of: storage.task) != nil
    guard let worker = idle, !isCancelled else {
      return Worker.start(storage, state, isCancelled: isCancelled)
    }
    idleCount -= 1
    last = worker
    worker._withUnsafeGuaranteedRef {
      idle = $0.nextIdle
      $0.begin(storage)
      $0.resume(state, with: .passUnretained(storage))
    }
  }

  fileprivate func keep(_ worker: Worker) {
    worker.nextIdle = idle
    idle = .passUnretained(worker)
    idleCount += 1
  }

  fileprivate var isFull: Bool { idleCount >= idleLimit }

  /// Ends those that wait.
  func end(_ state: LoopState) {
    while let worker = idle {
      worker._withUnsafeGuaranteedRef {
        idle = $0.nextIdle
        $0.resume(state, with: nil)
      }
    }
    idleCount = 0
  }
}

/// Owned by the closure of its Swift task.
@usableFromInline
final class Worker: @unchecked Sendable {
  private let workers: Unmanaged<Workers>
  @exclusivity(unchecked) private(set) var swiftTask: Task<Void, Never>?
  /// Of the Swift task, to compare.
  @exclusivity(unchecked) private(set) var address: UnsafeRawPointer?
  /// Whose body runs; the core holds it as long.
  @exclusivity(unchecked) private(set) var running: Unmanaged<AnyTaskStorage>?
  @exclusivity(unchecked) fileprivate var nextIdle: Unmanaged<Worker>?
  @exclusivity(unchecked) private var continuation: Continuation?
  /// Owned by the Swift task's local, and by what copies that.
  @exclusivity(unchecked) private var place: Unmanaged<TaskPlace>?
  /// How many hold the place when no body runs. What the worker's own frames hold of it never
  /// changes: they wait where they bound it for as long as the worker lives.
  @exclusivity(unchecked) private var ownHolders: UInt = 0

  @usableFromInline typealias Continuation = UnsafeContinuation<Unmanaged<AnyTaskStorage>?, Never>

  private init(_ workers: Workers) { self.workers = .passUnretained(workers) }

  fileprivate static func start(
    _ storage: AnyTaskStorage, _ state: LoopState, isCancelled: Bool
  ) {
    let worker = Worker(state.workers)
    let first = Unmanaged.passUnretained(storage)
    state.workers.last = .passUnretained(worker)
    worker.swiftTask = state.runningInline {
      Task(executorPreference: state.taskExecutor) {
        if isCancelled { withUnsafeCurrentTask { $0?.cancel() } }
        let place = TaskPlace(state, RunningTask.now.address)
        worker.address = place.swiftTask
        worker.place = .passUnretained(place)
        await CurrentTask.$place.withValue(place) {
          worker.ownHolders = worker.placeHolders
          first._withUnsafeGuaranteedRef { worker.begin($0) }
          await worker.run(first)
        }
      }
    }
  }

  fileprivate func begin(_ storage: AnyTaskStorage) {
    running = .passUnretained(storage)
    storage.worker = .passUnretained(self)
    place?._withUnsafeGuaranteedRef {
      $0.id = storage.task.id
      $0.owner = running
    }
  }

  fileprivate func resume(_ state: LoopState, with storage: Unmanaged<AnyTaskStorage>?) {
    guard let continuation else { return }
    self.continuation = nil
    state.runningInline { continuation.resume(returning: storage) }
  }

  private nonisolated(nonsending) func run(_ first: Unmanaged<AnyTaskStorage>) async {
    if workers._withUnsafeGuaranteedRef({ $0.framesOutside == 0 }) { await countFramesOutside() }
    var next: Unmanaged<AnyTaskStorage>? = first
    while let storage = next {
      next = await storage._withUnsafeGuaranteedRef { $0.runBody }(storage, self)
    }
    workers._withUnsafeGuaranteedRef {
      if $0.last?.toOpaque() == Unmanaged.passUnretained(self).toOpaque() { $0.last = nil }
    }
  }

  /// The body has ended, and the core may let go of its storage.
  func end(_ storage: AnyTaskStorage) {
    running = nil
    storage.worker = nil
    place?._withUnsafeGuaranteedRef { $0.owner = nil }
  }

  /// Whether it can run another body. Swift tasks that the last one made, and that outlive it, have
  /// the place as theirs.
  @usableFromInline var isReusable: Bool {
    if placeHolders > ownHolders || workers._withUnsafeGuaranteedRef({ $0.isFull }) { return false }
    return !(swiftTask?.isCancelled ?? Task.isCancelled)
  }

  @inline(never)
  private nonisolated(nonsending) func countFramesOutside() async {
    await _unsafeInheritExecutor_withUnsafeContinuation { continuation in
      // Without the one that counts.
      let count = address.map { SuspendedStack($0).count } ?? 0
      workers._withUnsafeGuaranteedRef { $0.framesOutside = max(count - 1, 0) }
      continuation.resume()
    }
  }

  @usableFromInline func keep(_ continuation: Continuation) {
    self.continuation = continuation
    workers._withUnsafeGuaranteedRef { $0.keep(self) }
  }

  private var placeHolders: UInt {
    place?._withUnsafeGuaranteedRef { _getRetainCount($0) } ?? 0
  }
}
