// Rows of chapter 5: one deadline, what the body makes of it, and what else comes at its time.

import CEddy
import Eddy
import Glibc
import Testing

@Suite struct TimeoutRows {
  @Test("TO-02: a timeout is opened in a task of a loop, and its task ends with it")
  func opening() async throws {
    #expect(await outcome { try await withTimeout(.seconds(1)) {} } == "ENOTTASK")
    let words = try onLoop { () -> [String] in
      [
        await outcome { try await withTimeout(.seconds(1)) {} },
        await outcome { try await withTimeout(.seconds(1)) {} },
      ]
    }
    #expect(words == ["ok", "ok"])
  }

  @Test("TO-05: a deadline that is too far to say never fires")
  func never() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      for duration in [Duration.seconds(Int64.max), .nanoseconds(Int64.max)] {
        trace.add(
          try await withTimeout(duration) { await nap(1_000_000_000_000) })
      }
      return trace.words
    }
    #expect(words == ["ok at 1000000000000", "ok at 2000000000000"])
  }

  @Test("TO-06: zero, less or past fires at the first wait", arguments: [0, -1, Int64.min])
  func noTime(seconds: Int64) throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      for milliseconds in [0, 5] as [Int64] {
        trace.add(
          await outcome {
            try await withTimeout(.seconds(seconds)) {
              trace.add("inside")
              try await sleep(for: .milliseconds(milliseconds))
              trace.add("slept")
            }
          })
      }
      trace.add("\(now()) \(Task.isCancelled)")
      return trace.words
    }
    #expect(words == ["inside", "TimeoutError", "inside", "TimeoutError", "0 false"])
  }

  @Test("TO-07: zero, and a body that never waits, completes; so does a busy one that overran")
  func neverWaits() throws {
    let values = try onLoop(hasVirtualClock: false) { () -> [Int] in
      let pending = try await withTimeout(.zero) { 1 }
      let busy = try await withTimeout(.milliseconds(1)) { () -> Int in
        let start = ContinuousClock.now
        while ContinuousClock.now - start < .milliseconds(3) {}
        return 2
      }
      try await sleep(for: .zero)
      return [pending, busy]
    }
    #expect(values == [1, 2])
  }

  @Test("TO-08: the cancellation inside, the timeout outside, and the task is not cancelled")
  func expiry() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawnKnowingItself { itself in
        trace.add(
          await outcome {
            try await withTimeout(.milliseconds(10)) {
              trace.add("inside \(await nap(1000)), \(Task.isCancelled)")
              throw CancellationError()
            }
          })
        trace.add("\(Task.isCancelled), \(requests(itself)), \(await nap(1))")
      }
      try await task.join()
      return trace.words
    }
    #expect(
      words == ["inside CancellationError at 10, true", "TimeoutError", "false, 0, ok at 11"])
  }

  @Test("TO-09: a body that swallows the expiry and ends well: its value, and no error")
  func swallowed() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let value = try await withTimeout(.milliseconds(10)) { () -> Int in
        trace.add(await nap(1000))
        trace.add(await nap(1000))
        return 8
      }
      trace.add("\(value), \(Task.isCancelled), \(await nap(1))")
      return trace.words
    }
    let failed = "CancellationError at 10"
    #expect(words == [failed, failed, "8, false, ok at 11"])
  }

  @Test("TO-10, TO-11: a failure before the expiry, or because of it, is the body's own")
  func failures() throws {
    let words = try onLoop { () -> [String] in
      [
        await outcome {
          try await withTimeout(.milliseconds(10)) {
            try await sleep(for: .milliseconds(5))
            throw Boom(number: 1)
          }
        },
        await nap(20),
        await outcome {
          try await withTimeout(.milliseconds(10)) {
            _ = await nap(1000)
            throw Boom(number: 2)
          }
        },
        await nap(1),
      ]
    }
    #expect(words == ["Boom1", "ok at 25", "Boom2", "ok at 36"])
  }

  @Test("TO-13: cancelled from outside before the expiry: that, and the deadline is disarmed")
  func cancelledBefore() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawn {
        trace.add(
          await outcome {
            try await withTimeout(.milliseconds(20)) { try await sleep(for: .seconds(1)) }
          })
        trace.add("at \(now())")
        // A shield hides the cancellation; a deadline that is still armed would be seen.
        try await withShield { trace.add(await nap(50)) }
        throw CancellationError()
      }
      try after(10) { task.cancel(reason: "outside") }
      trace.add(await targetReason { try await task.join() })
      return trace.words
    }
    #expect(words == ["CancellationError", "at 10", "ok at 60", "outside"])
  }

  @Test("TO-14: expiry and a cancel from outside in one tick", arguments: [false, true])
  func expiryAndCancel(isCancelFirst: Bool) throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let subject = Cell<TaskHandle<Void>?>(nil)
      func canceller() throws { try after(10) { subject.value?.cancel() } }
      if isCancelFirst { try canceller() }
      try await sleep(for: .zero)
      subject.value = try spawn {
        let how = await outcome {
          try await withTimeout(.milliseconds(10)) { try await sleep(for: .seconds(1)) }
        }
        trace.add("\(how) at \(now())")
        trace.add(await nap(5))
        throw CancellationError()
      }
      try await sleep(for: .zero)
      if !isCancelFirst { try canceller() }
      trace.add(await outcome { try await subject.value!.join() })
      trace.add("\(requests(subject.value!))")
      subject.value = nil
      return trace.words
    }
    let failed = "CancellationError at 10"
    #expect(words == [failed, failed, "TargetCancelledError", "1"])
  }

  @Test("TO-22: a value and the deadline in one tick: the value", arguments: [false, true])
  func expiryAndValue(isValueFirst: Bool) throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let target = Cell<CTask?>(nil)
      func makeTarget() throws {
        target.value = try spawnC {
          let time = sleepInC(10 - now())
          return time == EDDY_OK ? eddy_return(pointer(7), nil) : time
        }
      }
      if isValueFirst { try makeTarget() }
      try await sleep(for: .zero)
      let value = try await withTimeout(.milliseconds(10)) { () -> Int in
        if !isValueFirst { try makeTarget() }
        let value = Int(bitPattern: try await target.value!.value)
        trace.add("expired, \(await nap(5))")
        return value
      }
      trace.add("\(value) at \(now()), \(await nap(5))")
      target.value = nil
      return trace.words
    }
    #expect(words == ["expired, CancellationError at 10", "7 at 10, ok at 15"])
  }

  @Test("TO-22: a sleep and the deadline at one time: the sleep has ended, and the next wait fails")
  func expiryAndSleep() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let value = try await withTimeout(.milliseconds(10)) { () -> Int in
        trace.add(await nap(10))
        trace.add(await nap(10))
        return 3
      }
      trace.add("\(value), \(await nap(1))")
      return trace.words
    }
    #expect(words == ["ok at 10", "CancellationError at 10", "3, ok at 11"])
  }

  @Test("TO-23: the deadline counts from the opening")
  func fromTheOpening() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let duration = Duration.milliseconds(10)
      let body = { try await sleep(for: .seconds(1)) }
      try await sleep(for: .milliseconds(100))
      trace.add(
        "\(await outcome { try await withTimeout(duration) { try await body() } }) at \(now())")
      return trace.words
    }
    #expect(words == ["TimeoutError at 110"])
  }

  @Test("TO-25: leaving disarms the timer: no stray cancel comes later")
  func leaving() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      for _ in 0..<3 {
        _ = try await withTimeout(.milliseconds(10)) { await nap(1) }
        _ = await outcome {
          try await withTimeout(.milliseconds(10)) { throw Boom() }
        }
      }
      trace.add("\(await nap(50)), \(Task.isCancelled), \(currentCancelReason == nil)")
      return trace.words
    }
    #expect(words == ["ok at 53, false, true"])
  }

  @Test("TO-26: a cancellation that nobody asked for, in a scope that did not expire")
  func foreign() throws {
    let words = try onLoop { () -> [String] in
      [
        await outcome { try await withTimeout(.seconds(1)) { throw CancellationError() } },
        await nap(1),
      ]
    }
    #expect(words == ["EFOREIGNCANCEL", "ok at 1"])
  }
}
