// What a wait does that fails for a cancellation, and where a task stands that waits.
//
// Invariants:
// 1. A wait that fails lets others run all the same, so that whoever tries again does not block.
// 2. A body whose own waits fail again and again is reported and slowed down (M2): the core counts,
//    and says how long to hold it. Waits of children that Swift made of it do not count: a thousand
//    children that each fail once are no task that ignores its cancellation.
// 3. What is complete meanwhile is read, and then the wait has not failed (M3).
// Threads: the loop's.

import CEddy

extension LoopState {
  /// Called by every wait that fails for a cancellation, before the failure is given on.
  /// - Parameters:
  ///   - future: what was waited for; null if there is nothing to read.
  ///   - hasWaited: others have run since the wait began.
  @inline(never)
  nonisolated(nonsending) func fail(_ future: eddy_future_t, afterWait hasWaited: Bool) async {
    if !hasWaited { await Task.yield() }
    if future.id != 0, eddy_future_result(future, nil) != EDDY_EPENDING { return }
    guard let own = CurrentTask.own(RunningTask.now, on: self) else { return }
    var pause: Int64 = 0
    // The stack of a Swift task can be seen where the task has a continuation.
    await _unsafeInheritExecutor_withUnsafeContinuation { continuation in
      pause = own._withUnsafeGuaranteedRef { $0.countFailure(continuation) }
      continuation.resume()
    }
    var timer = eddy_future_t()
    guard pause > 0, eddy_sleep_start(pause, &timer) == EDDY_OK else { return }
    await wait(for: timer, .pause)
    _ = eddy_future_release(timer)
  }
}

extension AnyTaskStorage {
  /// The same for a reader of this task's outcome.
  @usableFromInline @inline(never)
  nonisolated(nonsending) final func failToRead(afterWait hasWaited: Bool) async {
    await state.fail(eddy_future_t(id: task.id), afterWait: hasWaited)
  }

  /// Tells the core that a wait of the body has failed.
  /// - Returns: for how long the body has to be held, in nanoseconds.
  fileprivate final func countFailure(_ continuation: UnsafeContinuation<Void, Never>) -> Int64 {
    var pause: Int64 = 0
    wait.continuation = continuation
    _ = eddy_foreign_fail_checkpoint(task, &pause)
    wait.continuation = nil
    return pause
  }

  /// Where the body stands, innermost first, if it waits.
  /// - Returns: how many.
  final func writeFrames(to frames: UnsafeMutablePointer<UInt>, _ capacity: Int) -> Int {
    guard wait.continuation != nil,
      let address = worker?._withUnsafeGuaranteedRef({ $0.address })
    else { return 0 }
    let outside = loop._withUnsafeGuaranteedRef { $0.workers.framesOutside }
    let stack = SuspendedStack(address)
    let inside = stack.prefix(min(capacity, max(stack.count - outside, 0)))
    var written = 0
    for function in inside {
      // As an address that a call returns to, which is never the first of a function.
      frames[written] = function + 1
      written += 1
    }
    return written
  }
}

/// The functions of a Swift task that has a continuation, innermost first. Swift keeps no stack for
/// them, but a chain of contexts: each names its caller's, and the function that goes on there.
struct SuspendedStack: Sequence, IteratorProtocol {
  private var context: UnsafeRawPointer?

  /// Where a Swift task that has a continuation keeps the function that goes on, and then its
  /// context. The compiler knows that too: it belongs to Swift's binary interface (`swift.task` in
  /// IRGen). Nil for compilers of which nobody has looked.
  #if compiler(<6.4) && _pointerBitWidth(_64)
    private static let resumption: Int? = 56
  #else
    private static let resumption: Int? = nil
  #endif

  /// Empty if the task does not look like that.
  init(_ swiftTask: UnsafeRawPointer) {
    guard let resumption = Self.resumption else { return }
    let place = swiftTask + resumption
    let innermost = place.load(fromByteOffset: 8, as: UnsafeRawPointer?.self)
    guard let innermost, UInt(bitPattern: innermost) % 8 == 0,
      Self.function(of: innermost) == place.load(as: UInt.self)
    else { return }
    context = innermost
  }

  mutating func next() -> UInt? {
    guard let callee = context else { return nil }
    context = callee.load(as: UnsafeRawPointer?.self)
    return Self.function(of: callee)
  }

  private static func function(of context: UnsafeRawPointer) -> UInt {
    context.load(fromByteOffset: 8, as: UInt.self)
  }

  var count: Int { reduce(0) { count, _ in count + 1 } }
}
