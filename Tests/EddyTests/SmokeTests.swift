// The first things a Swift user does.

import CEddy
import Eddy
import Testing

private let answer: eddy_task_fn = { context in
  let status = eddy_sleep(5_000_000)
  if status != EDDY_OK { return status }
  return eddy_return(context, nil)
}

@Suite struct SmokeTests {
  @Test func runLoopReturnsItsValue() throws {
    #expect(try onLoop { 42 } == 42)
  }

  @Test func runLoopThrowsWhatItsBodyThrows() throws {
    #expect(throws: Boom(number: 7)) { try onLoop { throw Boom(number: 7) } }
  }

  @Test func anHourOfSleepOnTheVirtualClock() throws {
    try onLoop { try await sleep(for: .seconds(3600)) }
  }

  @Test func timeoutExpires() throws {
    #expect(throws: TimeoutError()) {
      try onLoop {
        try await withTimeout(.seconds(1)) { try await sleep(for: .seconds(2)) }
      }
    }
  }

  @Test func timeoutDoesNotExpire() throws {
    let value = try onLoop {
      try await withTimeout(.seconds(3)) { () -> Int in
        try await sleep(for: .seconds(2))
        return 5
      }
    }
    #expect(value == 5)
  }

  @Test func groupOfSwiftAndC() throws {
    let sum = try onLoop { () -> Int in
      try await withGroup { group in
        let one = try group.spawn { () -> Int in
          try await sleep(for: .milliseconds(3))
          return 1
        }
        let two = try group.spawn(answer, context: UnsafeMutableRawPointer(bitPattern: 2))
        return try await one.value + Int(bitPattern: two.value)
      }
    }
    #expect(sum == 3)
  }

  @Test func aFailingChildCancelsTheGroup() throws {
    do {
      try onLoop {
        try await withGroup { group in
          try group.spawn {
            try await sleep(for: .milliseconds(1))
            throw Boom(number: 3)
          }
          try group.spawn(answer, context: nil)
          try await sleep(for: .seconds(100))
        }
      }
      Issue.record("it did not fail")
    } catch let error as GroupError {
      #expect(error.errors.count == 1)
      #expect(error.errors.first as? Boom == Boom(number: 3))
    }
  }

  @Test func shieldKeepsCancellationOut() throws {
    let log = try onLoop { () -> [String] in
      nonisolated(unsafe) var log: [String] = []
      do {
        try await withTimeout(.milliseconds(10)) {
          try await withShield {
            try await sleep(for: .milliseconds(50))
            log.append(Task.isCancelled ? "seen" : "hidden")
          }
          log.append(Task.isCancelled ? "seen" : "hidden")
          try await sleep(for: .milliseconds(1))
        }
      } catch is TimeoutError {
        log.append("timeout")
      }
      return log
    }
    #expect(log == ["hidden", "seen", "timeout"])
  }

  @Test func spawnJoinAndObserve() throws {
    let value = try onLoop { () -> Int in
      let task = try spawn { () -> Int in
        try await sleep(for: .seconds(1))
        return 9
      }
      return try await task.join() + task.value
    }
    #expect(value == 18)
  }

  @Test @MainActor func aMainActorClosureIsRefused() {
    #expect(throws: EddyError.self) { try runLoop { @MainActor in } }
  }
}
