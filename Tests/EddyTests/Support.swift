// What the tests share: a thread of their own for each loop (Swift Testing runs tests inside Swift
// tasks, where runLoop refuses), an error, and a trace.

import CEddy
import Eddy
import Glibc

struct Boom: Error, Equatable { var number = 1 }

private final class ThreadBody {
  let run: () -> Void
  init(_ run: @escaping () -> Void) { self.run = run }
}

/// Runs `body` on a new thread and waits for it.
func onNewThread<Value>(_ body: @escaping () throws -> Value) throws -> Value {
  var result: Result<Value, any Error>?
  try withoutActuallyEscaping({ result = Result { try body() } }) { run in
    var thread = pthread_t()
    let context = Unmanaged.passRetained(ThreadBody(run)).toOpaque()
    let status = pthread_create(
      &thread, nil,
      { context in
        Unmanaged<ThreadBody>.fromOpaque(context!).takeRetainedValue().run()
        return nil
      }, context)
    if status != 0 { throw EddyError(status: -status) }
    pthread_join(thread, nil)
  }
  return try result!.get()
}

/// A loop on a thread of its own, on the virtual clock.
@discardableResult
func onLoop<Value: Sendable>(
  seed: UInt64? = nil, grace: Duration? = nil,
  _ body: @escaping @Sendable () async throws -> Value
) throws -> Value {
  var options = LoopOptions()
  options.hasVirtualClock = true
  options.seed = seed
  options.grace = grace
  let made = options
  return try onNewThread { try runLoop(options: made) { try await body() } }
}

/// What happened, in order.
final class Trace: @unchecked Sendable {
  private(set) var words: [String] = []
  func add(_ word: String) { words.append(word) }
}
