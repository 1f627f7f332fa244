// What the tests share: a thread of their own for each loop (Swift Testing runs tests inside Swift
// tasks, where runLoop refuses), an error, a trace, and C functions made of closures.

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
  let work = { result = Result { try body() } }
  try withoutActuallyEscaping(work) { run in
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
  seed: UInt64? = nil, grace: Duration? = nil, hasVirtualClock: Bool = true,
  _ body: @escaping @Sendable () async throws -> Value
) throws -> Value {
  var options = LoopOptions()
  options.hasVirtualClock = hasVirtualClock
  options.seed = seed
  options.grace = grace
  let made = options
  return try onNewThread { try runLoop(options: made) { try await body() } }
}

/// `onLoop` for code that needs Swift's own pool: the test gives its thread of that back meanwhile.
@discardableResult
func onLoopAside<Value: Sendable>(
  hasVirtualClock: Bool = true, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
  var options = LoopOptions()
  options.hasVirtualClock = hasVirtualClock
  let made = options
  return try await withCheckedThrowingContinuation { continuation in
    let work = ThreadBody {
      continuation.resume(with: Result { try runLoop(options: made) { try await body() } })
    }
    var thread = pthread_t()
    let status = pthread_create(
      &thread, nil,
      { context in
        Unmanaged<ThreadBody>.fromOpaque(context!).takeRetainedValue().run()
        return nil
      }, Unmanaged.passRetained(work).toOpaque())
    if status == 0 {
      pthread_detach(thread)
    } else {
      continuation.resume(throwing: EddyError(status: -status))
    }
  }
}

/// What happened, in order.
final class Trace: @unchecked Sendable {
  private(set) var words: [String] = []
  func add(_ word: String) { words.append(word) }
}

/// A variable that closures share. Accesses are short: none lasts over a switch between fibers.
final class Cell<Value>: @unchecked Sendable {
  var value: Value
  init(_ value: Value) { self.value = value }
}

/// The loop's clock in milliseconds.
func now() -> Int64 {
  var now: Int64 = 0
  _ = eddy_now(&now)
  return now / 1_000_000
}

/// The name of a C status, shortened: "OK", "ECANCELED".
func name(_ status: eddy_status_t) -> String {
  let name = String(cString: eddy_status_name(status))
  return name.hasPrefix("EDDY_") ? String(name.dropFirst(5)) : name
}

/// What a C sleep of so many milliseconds gives.
func sleepInC(_ milliseconds: Int64) -> eddy_status_t { eddy_sleep(milliseconds * 1_000_000) }

func pointer(_ number: Int) -> UnsafeMutableRawPointer {
  UnsafeMutableRawPointer(bitPattern: number)!
}

typealias CTask = TaskHandle<UnsafeMutableRawPointer?>

/// A C task function that calls a closure. It has a stack of its own, may suspend, and may not
/// await.
struct CFunction {
  private final class Body {
    let run: () -> eddy_status_t
    init(_ run: @escaping () -> eddy_status_t) { self.run = run }
  }
  let context: UnsafeMutableRawPointer

  init(_ body: @escaping () -> eddy_status_t) {
    // Kept for good: a task that is cancelled before its first step never asks for it.
    context = Unmanaged.passRetained(Body(body)).toOpaque()
  }

  static let function: eddy_task_fn = { context in
    Unmanaged<Body>.fromOpaque(context!).takeUnretainedValue().run()
  }
}

@discardableResult
func spawnC(_ body: @escaping () -> eddy_status_t) throws -> CTask {
  try spawn(CFunction.function, context: CFunction(body).context)
}

extension Group {
  @discardableResult
  func spawnC(_ body: @escaping () -> eddy_status_t) throws -> CTask {
    try spawn(CFunction.function, context: CFunction(body).context)
  }
}

/// The name of an error's type, and what it carries.
func name(_ error: any Error) -> String {
  switch error {
  case is CancellationError: "CancellationError"
  case is TimeoutError: "TimeoutError"
  case is TargetCancelledError: "TargetCancelledError"
  case let error as EddyError: name(error.status)
  case let error as GroupError: "Group[\(error.errors.map { name($0) }.joined(separator: " "))]"
  case let error as Boom: "Boom\(error.number)"
  default: String(describing: error)
  }
}

/// "ok", or the name of what was thrown.
func outcome<Value>(
  isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Value
) async -> String {
  do {
    _ = try await body()
    return "ok"
  } catch {
    return name(error)
  }
}

/// A description of a task.
func info(_ task: eddy_task_t) -> eddy_task_info_t {
  var info = eddy_task_info_t()
  info.size = UInt32(MemoryLayout<eddy_task_info_t>.size)
  _ = eddy_task_info(task, &info)
  return info
}

func message(_ reason: eddy_reason_t) -> String {
  withUnsafeBytes(of: reason.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
}

/// Waits so many milliseconds, cancelled or not: cleanup that will not be hurried.
func stay(_ milliseconds: Int64) async {
  await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
    let timer = try? spawnC {
      _ = sleepInC(milliseconds)
      continuation.resume()
      return EDDY_OK
    }
    if timer == nil { continuation.resume() }
  }
}
