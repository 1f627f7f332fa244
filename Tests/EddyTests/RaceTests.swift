// MIX-04: cancellation from a foreign thread races with completion, on the real clock.

import CEddy
import Glibc
import Testing

@testable import Eddy

/// A thread that is not the loop's: it takes one closure at a time and runs it.
private final class Stranger: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let wakes = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var job: (() -> Void)?
  private var isOver = false
  private var thread = pthread_t()

  init() throws {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(wakes, nil)
    let status = pthread_create(
      &thread, nil,
      { context in
        Unmanaged<Stranger>.fromOpaque(context!).takeUnretainedValue().work()
        return nil
      }, Unmanaged.passUnretained(self).toOpaque())
    if status != 0 { throw EddyError(status: -status) }
  }

  private func work() {
    while true {
      pthread_mutex_lock(mutex)
      while job == nil, !isOver { pthread_cond_wait(wakes, mutex) }
      let next = job
      job = nil
      pthread_mutex_unlock(mutex)
      guard let next else { return }
      next()
    }
  }

  func run(_ job: @escaping () -> Void) {
    pthread_mutex_lock(mutex)
    self.job = job
    pthread_cond_signal(wakes)
    pthread_mutex_unlock(mutex)
  }

  func end() {
    pthread_mutex_lock(mutex)
    isOver = true
    pthread_cond_signal(wakes)
    pthread_mutex_unlock(mutex)
    pthread_join(thread, nil)
    pthread_cond_destroy(wakes)
    pthread_mutex_destroy(mutex)
    wakes.deallocate()
    mutex.deallocate()
  }
}

private struct Count: Equatable {
  var values = 0
  var cancelled = 0
  var others = 0
  var sum: Int { values + cancelled + others }

  mutating func add<Value>(_ result: Result<Value, any Error>) {
    switch result {
    case .success: values += 1
    case .failure(let error) where error is CancellationError || error is TargetCancelledError:
      cancelled += 1
    case .failure: others += 1
    }
  }
}

private typealias Racer = (end: () async -> Result<Int, any Error>, cancel: () -> Void)

/// Batches of races: `make` gives the tasks of one and what the stranger does to each meanwhile.
private func race(
  _ batches: Int, of size: Int,
  _ make: @escaping @Sendable () throws -> Racer
) async throws -> Count {
  let stranger = try Stranger()
  defer { stranger.end() }
  let result = Cell(Count())
  try await onLoopAside(hasVirtualClock: false) {
    for _ in 0..<batches {
      let racers = try (0..<size).map { _ in try make() }
      var done = eddy_future_t()
      try check(eddy_future_create_at(nil, &done))
      let signal = done
      let cancels = racers.map(\.cancel)
      stranger.run {
        for cancel in cancels { cancel() }
        _ = eddy_future_complete_threadsafe(signal, nil, nil)
      }
      for racer in racers { result.value.add(await racer.end()) }
      // The next batch begins when the stranger has nothing of this one.
      _ = try await spawnC { eddy_future_wait(signal, nil) }.join()
      _ = eddy_future_release(done)
    }
  }
  return result.value
}

/// A C task that ends after a few turns of the queue.
private func soon() throws -> CTask {
  try spawnC {
    for _ in 0..<20 { _ = eddy_yield() }
    return eddy_return(pointer(1), nil)
  }
}

@Suite(.serialized) struct RaceTests {
  @Test("MIX-04: Task.cancel() of an observer against completion in C, 50,000 times")
  func bareTaskObserves() async throws {
    let count = try await race(500, of: 100) {
      let executor = LoopState.ofThread!.taskExecutor
      let target = try soon()
      let task = Task(executorPreference: executor) { Int(bitPattern: try await target.value) }
      return ({ await task.result }, { task.cancel() })
    }
    #expect(count.sum == 50_000)
    #expect(count.others == 0)
  }

  @Test("MIX-04: Task.cancel() of a joiner on Swift's own pool, 10,000 times")
  func bareTaskJoins() async throws {
    let count = try await race(100, of: 100) {
      let target = try soon()
      let task = Task { Int(bitPattern: try await target.join()) }
      return ({ await task.result }, { task.cancel() })
    }
    #expect(count.sum == 10_000)
    #expect(count.others == 0)
  }

  @Test("MIX-04: TaskHandle.cancel() against the ends of C and Swift tasks, 40,000 times")
  func handles() async throws {
    let c = try await race(200, of: 100) {
      let target = try soon()
      return (
        { await Result.of { Int(bitPattern: try await target.join()) } }, { target.cancel() }
      )
    }
    #expect(c.sum == 20_000)
    #expect(c.others == 0)
    let swift = try await race(200, of: 100) {
      let task = try spawn {
        for _ in 0..<5 { try await sleep(for: .zero) }
        return 1
      }
      return ({ await Result.of { try await task.join() } }, { task.cancel() })
    }
    #expect(swift.sum == 20_000)
    #expect(swift.others == 0)
  }
}

extension Result where Failure == any Error {
  fileprivate static func of(_ body: () async throws -> Success) async -> Self {
    do { return .success(try await body()) } catch { return .failure(error) }
  }
}
