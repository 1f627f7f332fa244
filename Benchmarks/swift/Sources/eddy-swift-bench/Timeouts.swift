// A timeout of five seconds around work that ends at once: Eddy's, and the form that Swift programs
// build from a throwing task group and Task.sleep.
//
// Threads: the main one; Task.sleep and the default executor use those of Swift's pool.

import Eddy

private let operations = 1000

@inline(never) private func work() async throws -> Int { 1 }

func loopTimeout(_ watch: Stopwatch) throws {
  try runLoop {
    try await watch.measure(operations) {
      _ = try await withTimeout(.seconds(5)) { try await work() }
    }
  }
}

private struct Expired: Error {}

private func withGroupTimeout<Value: Sendable>(
  _ duration: Duration, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
  try await withThrowingTaskGroup(of: Value.self) { group in
    group.addTask { try await body() }
    group.addTask {
      try await Task.sleep(for: duration)
      throw Expired()
    }
    defer { group.cancelAll() }
    return try await group.next()!
  }
}

/// The group's tasks run on the loop, as Eddy's own do.
func groupTimeoutOnLoop(_ watch: Stopwatch) throws {
  try runLoop {
    try await watch.measure(operations) {
      _ = try await withGroupTimeout(.seconds(5)) { try await work() }
    }
  }
}

func groupTimeoutOnDefault(_ watch: Stopwatch) {
  onDefaultExecutor {
    do {
      try await watch.measure(operations) {
        _ = try await withGroupTimeout(.seconds(5)) { try await work() }
      }
    } catch {
      fatalError("\(error)")
    }
  }
}
