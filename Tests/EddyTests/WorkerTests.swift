// The Swift tasks that run bodies are used again: what a body leaves must not reach the next.

import CEddy
import Testing

@testable import Eddy

@Suite struct WorkerTests {
  @Test("TSK-01: a worker that has run a body runs the next one")
  func isUsedAgain() throws {
    let addresses = try onLoop { () -> Set<UInt> in
      var addresses: Set<UInt> = []
      for _ in 0..<10 {
        addresses.insert(try await spawn { UInt(bitPattern: RunningTask.now.address) }.value)
      }
      return addresses
    }
    #expect(addresses.count == 1)
  }

  @Test("M8: a body that was cancelled leaves no cancellation to the next one")
  func isNotUsedAgainOnceCancelled() throws {
    let seen = try onLoop { () -> [Bool] in
      var seen: [Bool] = []
      for _ in 0..<4 {
        let task = try spawn {
          let before = Task.isCancelled
          try? await sleep(for: .seconds(1))
          return before
        }
        try await sleep(for: .milliseconds(1))
        task.cancel()
        seen.append(try await task.value)
        seen.append(
          try await spawn {
            withUnsafeCurrentTask { $0?.cancel() }
            return Task.isCancelled
          }.value)
        seen.append(try await spawn { Task.isCancelled }.value)
      }
      return seen
    }
    #expect(seen == [[Bool]](repeating: [false, true, false], count: 4).flatMap { $0 })
  }

  @Test("a Swift task that outlives its body goes on as that body's, whatever runs next")
  func placeStays() async throws {
    let ids = try await onLoopAside { () -> [UInt64] in
      let outlives = try await spawn { () -> (UInt64, Task<UInt64, Never>) in
        let task = Task {
          try? await sleep(for: .milliseconds(10))
          return CurrentTask.id
        }
        return (CurrentTask.id, task)
      }.value
      let next = try await spawn { CurrentTask.id }.value
      return [outlives.0, await outlives.1.value, next]
    }
    #expect(ids[0] == ids[1])
    #expect(ids[2] != ids[0])
  }

  @Test("a body's value is let go with its handle, not with its worker")
  func valueGoes() throws {
    final class Value: Sendable {}
    let isGone = try onLoop { () -> Bool in
      weak var value: Value?
      do {
        let task = try spawn { Value() }
        value = try await task.value
      }
      try await sleep(for: .milliseconds(1))
      return value == nil
    }
    #expect(isGone)
  }

  @Test("what a body has captured is let go when it ends, though its worker waits for another")
  func capturesGo() throws {
    final class Captured: @unchecked Sendable {}
    try onNewThread {
      try runLoop {
        weak var captured: Captured?
        func make() throws -> TaskHandle<Bool> {
          let object = Captured()
          captured = object
          return try spawn { withExtendedLifetime(object) { true } }
        }
        let handle = try make()
        #expect(captured != nil)
        #expect(try await handle.value)
        #expect(captured == nil)
      }
    }
  }

  @Test("a value of any size and alignment comes through")
  func values() throws {
    struct Big: Equatable {
      var words = (0...9).map { $0 }
      var more = (1, 2, 3, 4, 5)
      static func == (one: Big, other: Big) -> Bool {
        one.words == other.words && one.more == other.more
      }
    }
    let same = try onLoop { () -> [Bool] in
      [
        try await spawn { Big() }.value == Big(),
        try await spawn { SIMD8<Int64>(repeating: 7) }.value == SIMD8<Int64>(repeating: 7),
        try await spawn { "text" }.value == "text",
        try await spawn { () -> Int? in nil }.value == nil,
      ]
    }
    #expect(same == [true, true, true, true])
  }

  @Test("a thousand bodies at once, and then a thousand again")
  func many() throws {
    let sums = try onLoop { () -> [Int] in
      var sums: [Int] = []
      for _ in 0..<2 {
        let tasks = try (0..<1000).map { number in
          try spawn { () -> Int in
            try await sleep(for: .milliseconds(Int64(number % 7)))
            return number
          }
        }
        var sum = 0
        for task in tasks { sum += try await task.join() }
        sums.append(sum)
      }
      return sums
    }
    #expect(sums == [499_500, 499_500])
  }

  @Test("M6: a body that waits in Task.immediate is not its own reader")
  func immediate() async throws {
    let words = try await onLoopAside { () -> [String] in
      let trace = Trace()
      let target = try spawn { try await sleep(for: .milliseconds(10)) }
      let body = try spawn {
        let child = Task.immediate { trace.add(await outcome { try await target.value }) }
        let other = try spawn { try await sleep(for: .milliseconds(5)) }
        trace.add(await outcome { try await other.value })
        await child.value
      }
      try await body.value
      return trace.words
    }
    #expect(words == ["ok", "ok"])
  }
}
