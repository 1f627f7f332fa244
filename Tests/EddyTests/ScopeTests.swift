// Timeouts and shields of Swift alone: fact 11, and what the functions promise at their edges.

import CEddy
import Testing

@testable import Eddy

private final class Unsendable { var number = 0 }

private actor Counter {
  var number = 0
  func count() async throws {
    try await withTimeout(.seconds(1)) {
      number += 1
      try await sleep(for: .milliseconds(1))
      number += 1
    }
    try await withGroup { _ in number += 1 }
    try await withShield { number += 1 }
  }
}

@Suite struct ScopeTests {
  @Test("Fact 11: nested equal deadlines: only the outer reports", arguments: [0, 1, 2, 3, 4, 5])
  func equalDeadlines(seed: UInt64) throws {
    let words = try onLoop(seed: seed) { () -> [String] in
      let trace = Trace()
      let how = await outcome {
        try await withTimeout(.milliseconds(10)) {
          let how = await outcome {
            try await withTimeout(.milliseconds(10)) { try await sleep(for: .seconds(1)) }
          }
          trace.add("inner \(how)")
        }
      }
      trace.add("outer \(how)")
      return trace.words
    }
    // The body swallowed what was the outer's, so that ended with a value.
    #expect(words == ["inner CancellationError", "outer ok"])
  }

  @Test("Fact 11: three equal deadlines, and nothing swallowed")
  func threeDeadlines() throws {
    let how = try onLoop {
      await outcome {
        try await withTimeout(.milliseconds(10)) {
          try await withTimeout(.milliseconds(10)) {
            try await withTimeout(.milliseconds(10)) { try await sleep(for: .seconds(1)) }
          }
        }
      }
    }
    #expect(how == "TimeoutError")
  }

  @Test("Fact 11: the inner deadline first: the inner alone, and the parent is not cancelled")
  func innerFirst() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      try await withTimeout(.milliseconds(20)) {
        let how = await outcome {
          try await withTimeout(.milliseconds(10)) { try await sleep(for: .seconds(1)) }
        }
        trace.add("\(how) at \(now()), \(Task.isCancelled)")
        try await sleep(for: .milliseconds(5))
      }
      return trace.words
    }
    #expect(words == ["TimeoutError at 10, false"])
  }

  @Test("Fact 11: cancelled from outside with a timeout armed")
  func outerCancel() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawn {
        trace.add(
          await outcome {
            try await withTimeout(.seconds(1)) { try await sleep(for: .seconds(2)) }
          })
      }
      try await sleep(for: .milliseconds(10))
      task.cancel()
      try await task.join()
      trace.add("\(now())")
      return trace.words
    }
    #expect(words == ["CancellationError", "10"])
  }

  @Test("Fact 11: a pending cancellation and a timeout of nothing: the cancellation is kept")
  func pendingCancel() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawn {
        _ = await outcome { try await sleep(for: .seconds(1)) }
        let how = await outcome {
          try await withTimeout(.zero) {
            trace.add("body \(Task.isCancelled)")
            try await sleep(for: .seconds(1))
          }
        }
        trace.add(how)
      }
      try await sleep(for: .milliseconds(10))
      task.cancel()
      try await task.join()
      return trace.words
    }
    #expect(words == ["body true", "CancellationError"])
  }

  @Test("Fact 11: a swallowed expiry ends with the value")
  func swallowed() throws {
    let value = try onLoop {
      try await withTimeout(.milliseconds(10)) { () -> Int in
        try? await sleep(for: .seconds(1))
        return 8
      }
    }
    #expect(value == 8)
  }

  @Test("a timeout of zero or less has passed at the first wait", arguments: [0, -5, Int64.min])
  func noTime(seconds: Int64) throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let how = await outcome {
        try await withTimeout(.seconds(seconds)) {
          trace.add("ran")
          try await sleep(for: .milliseconds(1))
          trace.add("slept")
        }
      }
      trace.add("\(how) at \(now())")
      let value = try await withTimeout(.seconds(seconds)) { 3 }
      trace.add("value \(value)")
      return trace.words
    }
    #expect(words == ["ran", "TimeoutError at 0", "value 3"])
  }

  @Test("a timeout that is too long to say never comes")
  func endless() throws {
    let value = try onLoop {
      try await withTimeout(.seconds(Int64.max)) { () -> Int in
        try await sleep(for: .seconds(3_000_000))
        return 1
      }
    }
    #expect(value == 1)
  }

  @Test("sleeping for zero or less gives way, and sees a cancellation")
  func noSleep() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawn {
        try await sleep(for: .zero)
        trace.add("one")
        try await sleep(for: .seconds(-1))
        trace.add("two")
        _ = await outcome { try await sleep(for: .seconds(1)) }
        trace.add(await outcome { try await sleep(for: .zero) })
      }
      trace.add("first")
      try await sleep(for: .milliseconds(1))
      task.cancel()
      try await task.join()
      return trace.words
    }
    #expect(words == ["first", "one", "two", "CancellationError"])
  }

  @Test("the body's own error passes through each scope as itself")
  func ownError() throws {
    let words = try onLoop { () -> [String] in
      [
        await outcome { try await withTimeout(.seconds(1)) { throw Boom(number: 2) } },
        await outcome { try await withShield { throw Boom(number: 3) } },
        await outcome { try await withGroup { _ in throw Boom(number: 4) } },
      ]
    }
    #expect(words == ["Boom2", "Boom3", "Group[Boom4]"])
  }

  @Test("an error after the expiry is the body's, not the timeout's")
  func errorAfterExpiry() throws {
    let how = try onLoop {
      await outcome {
        try await withTimeout(.milliseconds(1)) {
          try? await sleep(for: .seconds(1))
          throw Boom(number: 5)
        }
      }
    }
    #expect(how == "Boom5")
  }

  @Test("a body keeps its actor's isolation")
  func isolation() throws {
    let number = try onLoop { () -> Int in
      let counter = Counter()
      try await counter.count()
      return await counter.number
    }
    #expect(number == 4)
  }

  @Test("a body may use what is not Sendable")
  func unsendable() throws {
    let number = try onLoop { () -> Int in
      let object = Unsendable()
      try await withTimeout(.seconds(1)) { object.number += 1 }
      try await withShield { object.number += 1 }
      object.number += 1
      return object.number
    }
    #expect(number == 3)
  }

  @Test("a group opened in a cancelled task runs its body and refuses children")
  func groupWhenCancelled() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawn {
        _ = await outcome { try await sleep(for: .seconds(1)) }
        let how = await outcome {
          try await withGroup { group in
            trace.add("body \(Task.isCancelled)")
            trace.add(await outcome { try group.spawn { trace.add("ran") } })
            trace.add(await outcome { try group.spawnC { EDDY_OK } })
          }
        }
        trace.add(how)
      }
      try await sleep(for: .milliseconds(10))
      task.cancel()
      try await task.join()
      return trace.words
    }
    #expect(
      words == ["body true", "CancellationError", "CancellationError", "CancellationError"])
  }

  @Test("a scope opened when the core has cancelled the task, and Swift was not told yet")
  func scopesInTheGap() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let later = Cell<TaskHandle<Void>?>(nil)
      // Its end is on its way to the observer when the core cancels that.
      let other = try spawn { try await sleep(for: .milliseconds(1)) }
      _ = eddy_future_on_done(
        eddy_task_future(other.task),
        { context, _ in
          Unmanaged<Cell<TaskHandle<Void>?>>.fromOpaque(context!).takeUnretainedValue()
            .value?.cancel()
          return EDDY_OK
        }, Unmanaged.passUnretained(later).toOpaque(), nil)
      let task = try spawn {
        try await other.value
        trace.add("cancelled \(Task.isCancelled)")
        trace.add(await outcome { try await withGroup { _ in trace.add("\(Task.isCancelled)") } })
        trace.add(await outcome { try await withShield { trace.add("\(Task.isCancelled)") } })
        trace.add(
          await outcome { try await withTimeout(.seconds(1)) { trace.add("\(Task.isCancelled)") } })
      }
      later.value = task
      _ = await outcome { try await task.join() }
      later.value = nil
      return trace.words
    }
    #expect(
      words == ["cancelled false", "true", "CancellationError", "false", "ok", "true", "ok"])
  }

  @Test("scopes and sleep need a loop")
  func noLoop() async {
    #expect(await outcome { try await withTimeout(.seconds(1)) {} } == "ENOTTASK")
    #expect(await outcome { try await withShield {} } == "ENOTTASK")
    #expect(await outcome { try await withGroup { _ in } } == "ENOTTASK")
    #expect(await outcome { try await sleep(for: .zero) } == "ENOTTASK")
    #expect(await outcome { try spawn {} } == "ENOTTASK")
    #expect(await outcome { try spawnC { EDDY_OK } } == "ENOTTASK")
    #expect(currentCancelReason == nil)
    #expect(loopExecutor == nil)
  }
}
