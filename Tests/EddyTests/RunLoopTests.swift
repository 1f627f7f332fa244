// runLoop: what it gives back, what it refuses, and that it leaves nothing behind.

import CEddy
import Testing

@testable import Eddy

private struct Big: Sendable, Equatable {
  var text = "some text that is no small string at all"
  var numbers = (0..<100).map { $0 }
}

@Suite struct RunLoopTests {
  @Test("values of every kind come back")
  func values() throws {
    #expect(try onLoop { Big() } == Big())
    #expect(try onLoop { nil as Int? } == nil)
    #expect(try onLoop { pointer(5).hashValue } == pointer(5).hashValue)
    try onLoop {}
  }

  @Test("a thread can run one loop after the other")
  func inTurn() throws {
    let sum = try onNewThread { () -> Int in
      try (1...20).reduce(0) { sum, number in
        try sum + runLoop { number }
      }
    }
    #expect(sum == 210)
  }

  @Test("errors come back as themselves")
  func errors() throws {
    #expect(throws: Boom(number: 4)) { try onLoop { throw Boom(number: 4) } }
    #expect(throws: EddyError(status: -22, message: "no")) {
      try onLoop { _ = try await spawnC { eddy_fail_text(-22, "no") }.join() }
    }
  }

  @Test("a closure of the main actor is refused, with a message, on any other thread")
  func mainActor() throws {
    let error = #expect(throws: EddyError.self) {
      try onNewThread { try runLoop { @MainActor in } }
    }
    #expect(error?.status == EDDY_EDEADLK)
    #expect(error?.message.contains("main actor") == true)
  }

  @Test("a call from inside a Swift task is refused")
  func insideTask() async throws {
    let error = #expect(throws: EddyError.self) { try runLoop {} }
    #expect(error?.status == EDDY_EDEADLK)
    let how = try onLoop { await outcome { try runLoop {} } }
    #expect(how == "EDEADLK")
  }

  @Test("a call from a C task is refused: the thread has a loop")
  func insideFiber() throws {
    let status = try onLoop { () -> Int32 in
      let status = Cell<Int32>(0)
      _ = try await spawnC {
        do { try runLoop {} } catch { status.value = (error as? EddyError)?.status ?? 0 }
        return EDDY_OK
      }.join()
      return status.value
    }
    #expect(status == EDDY_EBUSY)
  }

  @Test("M1: what still runs when the root ends is cancelled and awaited")
  func leftovers() throws {
    let trace = Trace()
    try onLoop {
      try spawn {
        trace.add(await outcome { try await sleep(for: .seconds(9)) })
      }
      try spawnC {
        trace.add("C \(name(sleepInC(9000)))")
        return EDDY_OK
      }
      try await sleep(for: .milliseconds(1))
    }
    #expect(Set(trace.words.prefix(2)) == ["CancellationError", "C ECANCELED"])
  }

  @Test("a root that cancels itself and swallows nothing ends cancelled")
  func rootCancelled() throws {
    let how = try onNewThread { () -> String in
      do {
        try runLoop {
          _ = eddy_task_cancel(CurrentTask.task, "enough")
          try await sleep(for: .seconds(1))
        }
        return "ok"
      } catch { return name(error) }
    }
    #expect(how == "TargetCancelledError" || how == "CancellationError")
  }
}
