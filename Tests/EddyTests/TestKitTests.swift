// The test kit's Swift face: sound tasks pass, broken ones are found and named; a seed gives a
// hash.

import CEddy
import Testing

@testable import Eddy

private func search(
  _ options: TestKit.Options = TestKit.Options(),
  _ body: @escaping @Sendable () async throws -> Void
) throws -> String {
  try onNewThread {
    do {
      return try TestKit.cancelEverywhere(options, body) > 1 ? "sound" : "never cancelled"
    } catch let finding as TestKit.Finding {
      return "\(finding.kind) \(finding.text)"
    }
  }
}

@Suite struct TestKitTests {
  @Test("tasks that clean up have no finding, by request and by deadline, in three orders")
  func soundTasks() throws {
    let bodies: [@Sendable () async throws -> Void] = [
      { try await sleep(for: .seconds(1)) },
      {
        try await withGroup { group in
          try group.spawn { try await sleep(for: .seconds(1)) }
          try group.spawnC { sleepInC(500) }
          try await sleep(for: .milliseconds(1))
        }
      },
      { try await withTimeout(.milliseconds(5)) { try await sleep(for: .milliseconds(4)) } },
      { try? await withTimeout(.milliseconds(5)) { try await sleep(for: .milliseconds(6)) } },
      {
        defer { _ = Task.isCancelled }
        try? await sleep(for: .milliseconds(2))
        try await withShield { try await sleep(for: .milliseconds(3)) }
      },
      {
        let task = try spawn { try await sleep(for: .milliseconds(3)) }
        try await task.join()
      },
      {
        let task = try spawnC { sleepInC(3) }
        do { _ = try await task.value } catch { _ = try? await task.join() }
        _ = try await withShield { try await task.join() }
      },
      {
        async let one: Void = sleep(for: .milliseconds(2))
        async let two: Void = sleep(for: .milliseconds(3))
        _ = try await (one, two)
      },
    ]
    for (number, body) in bodies.enumerated() {
      for usesDeadline in [false, true] {
        for seed in [nil, 1, 2] as [UInt64?] {
          var options = TestKit.Options()
          options.usesDeadline = usesDeadline
          options.seed = seed
          let found = try search(options, body)
          #expect(found == "sound", "body \(number)")
        }
      }
    }
  }

  @Test("a task that outlives the one under test is found")
  func outlives() throws {
    let found = try search {
      try spawn { try await withShield { try await sleep(for: .seconds(1)) } }
      try await sleep(for: .milliseconds(1))
    }
    #expect(found.hasPrefix("\(EDDY_FINDING_TASK) "))
  }

  @Test("a task that ignores its cancellation is found")
  func ignores() throws {
    var options = TestKit.Options()
    options.isEndless = true
    let found = try search(options) {
      while true { try? await sleep(for: .milliseconds(1)) }
    }
    #expect(found.hasPrefix("\(EDDY_FINDING_IGNORED) "))
  }

  @Test("LOOP: the same seed gives the same hash, another seed another")
  func hashes() throws {
    func hash(_ seed: UInt64) throws -> UInt64? {
      var options = LoopOptions()
      options.hasVirtualClock = true
      options.isTraced = true
      options.seed = seed
      let made = options
      return try onNewThread {
        try runLoop(options: made) {
          try await withGroup { group in
            for number in 0..<8 {
              try group.spawn {
                for _ in 0..<3 { try await sleep(for: .milliseconds(Int64(number % 3))) }
              }
            }
          }
        }
        return TestKit.traceHash
      }
    }
    let first = try hash(1)
    #expect(first != nil)
    #expect(try hash(1) == first)
    #expect(try hash(2) != first)
  }
}
