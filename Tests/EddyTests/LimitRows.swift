// Rows of chapter 3 about waits that leave their task alone, and about joins with a limit.

import CEddy
import Eddy
import Testing

@Suite struct LimitRows {
  @Test("AGG-23, AGG-26: what has ended is given at once: the same value, the same error")
  func sameObject() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let count = Cell(0)
      let held = Held(count)
      let task = try spawn { held }
      let failed = try spawn { () -> Int in throw Boom(number: 3) }
      let first = try await task.value
      trace.add("\(try await task.value === first) \(first === held)")
      trace.add(await outcome { try await failed.value })
      trace.add(await outcome { try await failed.value })
      return trace.words
    }
    #expect(words == ["true true", "Boom3", "Boom3"])
  }

  @Test("AGG-24, AGG-27: a cancelled observer gives up at once; its task goes on, unlinked")
  func observerCancelled() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try member(trace, "a", 50)
      let observer = try spawn {
        trace.add("\(await outcome { try await task.value }) \(now())")
      }
      try after(10) { observer.cancel() }
      try await observer.join()
      trace.add("\(leftBehind(task))")
      trace.add(try await task.join())
      return trace.words
    }
    #expect(words == ["CancellationError 10", "0", "a 50", "a"])
  }

  @Test("AGG-25: a task cancelled itself gives its observer TargetCancelledError with the reason")
  func innerCancelled() throws {
    let reason = try onLoop { () -> String in
      let task = try member(Trace(), "a", 50)
      try after(10) { task.cancel(reason: "inner") }
      return await targetReason { try await task.value }
    }
    #expect(reason == "inner")
  }

  @Test("AGG-28: a failure after the observer left is reported once, unless it is read")
  func failsLater() throws {
    for reads in [false, true] {
      let reports = try onReportingLoop { _ in
        let body = try! spawn {
          let task = try spawn {
            try await sleep(for: .milliseconds(50))
            throw Boom()
          }
          let observer = try spawn { try await task.value }
          try after(10) { observer.cancel() }
          _ = await outcome { try await observer.join() }
          try await sleep(for: .milliseconds(60))
          if reads { _ = await outcome { try await task.value } }
        }
        _ = eddy_task_join(body.task, nil)
      }
      #expect(reports.count == (reads ? 0 : 1))
      #expect(reports.allSatisfy { $0.hasPrefix("EFOREIGN") })
    }
  }

  @Test("AGG-29: an observed gather goes on; cancelled observers in a gather leave their tasks")
  func shieldOfGather() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let tasks = [try member(trace, "a", 50), try member(trace, "b", 50)]
      let gathering = try spawn { try await gather(tasks).joined() }
      let observer = try spawn { try await gathering.value }
      let observers = try tasks.map { task in try spawn { try await task.value } }
      let outer = try spawn { try await gather(observers) }
      try await sleep(for: .milliseconds(10))
      observer.cancel()
      outer.cancel()
      trace.add(await outcome { try await observer.join() })
      trace.add(await outcome { try await outer.join() })
      for one in observers { trace.add("\(hasEnded(one))") }
      trace.add(try await gathering.join())
      return trace.words
    }
    #expect(
      words == [
        "TargetCancelledError", "TargetCancelledError", "true", "true", "a 50", "b 50", "ab",
      ])
  }

  @Test("AGG-30, AGG-37: in time, and in the same tick as the limit, the value is given")
  func inTime() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      trace.add(try await member(trace, "a", 10).join(within: .seconds(9)))
      let task = try member(trace, "b", 10)
      try await sleep(for: .zero)
      trace.add(try await task.join(within: .milliseconds(10)))
      return trace.words
    }
    #expect(words == ["a 10", "a", "b 20", "b"])
  }

  @Test("AGG-31: a limit of zero or less: ended, not begun, running")
  func noTime() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      for limit in [Duration.zero, .seconds(-1)] {
        let running = try member(trace, "running", 500)
        let ended = try member(trace, "ended", 1)
        _ = try await ended.value
        trace.add(try await ended.join(within: limit))
        trace.add(await outcome { try await member(trace, "new", 0).join(within: limit) })
        trace.add(await outcome { try await running.join(within: limit) })
      }
      return trace.words
    }
    let each = { (ms: Int) in
      ["ended \(ms)", "ended", "TimeoutError", "running! \(ms)", "TimeoutError"]
    }
    #expect(words == each(1) + each(2))
  }

  @Test("AGG-32: the end of the time cancels and waits")
  func expires() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try member(trace, "a", 500, cleanup: 20)
      trace.add(await outcome { try await task.join(within: .milliseconds(10)) })
      trace.add("\(now()) \(Task.isCancelled)")
      return trace.words
    }
    #expect(words == ["a! 30", "TimeoutError", "30 false"])
  }

  @Test("AGG-33, AGG-34: a value or an error given all the same is given")
  func swallows() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try member(trace, "a", 500, swallows: true)
      trace.add(try await task.join(within: .milliseconds(10)))
      let failing = try spawn {
        do { try await sleep(for: .seconds(9)) } catch { throw Boom(number: 2) }
      }
      trace.add(await outcome { try await failing.join(within: .milliseconds(10)) })
      return trace.words
    }
    #expect(words == ["a! 10", "a", "Boom2"])
  }

  @Test("AGG-35: a cancelled caller passes it on and waits")
  func callerCancelled() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try member(trace, "a", 500, cleanup: 20)
      let caller = try spawn {
        trace.add(await outcome { try await task.join(within: .milliseconds(100)) })
        trace.add("\(now())")
      }
      try after(10) { caller.cancel(reason: "enough") }
      try await caller.join()
      trace.add(message(info(task.task).reason))
      return trace.words
    }
    #expect(words == ["a! 30", "CancellationError", "30", "enough"])
  }

  @Test("AGG-36: a value that ties with the caller's cancel is given, and the cancel comes next")
  func tie() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try member(trace, "a", 10)
      let caller = try spawn {
        trace.add(try await task.join(within: .milliseconds(100)))
        trace.add(await nap(1))
      }
      let canceller = try spawn {
        _ = try await task.value
        caller.cancel()
      }
      _ = await outcome { try await caller.join() }
      try await canceller.join()
      return trace.words
    }
    #expect(words == ["a 10", "a", "CancellationError at 10"])
  }

  @Test("AGG-38: a task that is only observed goes on when the time is over")
  func observedGoesOn() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try member(trace, "a", 50)
      let shield = try spawn { try await task.value }
      trace.add(await outcome { try await shield.join(within: .milliseconds(10)) })
      trace.add(await outcome { try await withTimeout(.zero) { try await task.value } })
      trace.add(try await task.join())
      return trace.words
    }
    #expect(words == ["TimeoutError", "TimeoutError", "a 50", "a"])
  }
}
