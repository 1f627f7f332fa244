// Rows of chapter 2 about a task that is cancelled: what it sees, and what it ends as.

import CEddy
import Eddy
import Testing

@Suite struct CancelRows {
  @Test("TSK-11: cancelled while it waits: it resumes later, and what it waited for goes on")
  func whileWaiting() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let target = try spawn {
        try await sleep(for: .milliseconds(100))
        trace.add("target at \(now())")
      }
      let task = try spawn {
        trace.add("\(await outcome { try await target.value }) at \(now())")
        throw CancellationError()
      }
      try await sleep(for: .milliseconds(10))
      task.cancel()
      trace.add("asked, ended \(hasEnded(task))")
      trace.add("\(await outcome { try await task.value }), ended \(hasEnded(task))")
      try await target.join()
      return trace.words
    }
    #expect(
      words == [
        "asked, ended false", "CancellationError at 10", "TargetCancelledError, ended true",
        "target at 100",
      ])
  }

  @Test("TSK-13: the value that was ready is delivered, then the cancellation")
  func readyBeforeTheCancel() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let target = try spawnC {
        _ = sleepInC(10)
        return eddy_return(pointer(7), nil)
      }
      let task = try spawn {
        let value = Int(bitPattern: try await target.value)
        trace.add("\(value), then \(await nap(50))")
      }
      try after(10) {
        trace.add("done \(hasEnded(target))")
        task.cancel()
      }
      try await task.join()
      return trace.words
    }
    #expect(words == ["done true", "7, then CancellationError at 10"])
  }

  @Test("TSK-14: it cancels itself, reads what is done, and its next wait fails")
  func selfCancelThenRead() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let done = try spawn { 7 }
      _ = try await done.join()
      let task = try spawnKnowingItself { itself in
        itself.cancel()
        trace.add("\(try await done.value) \(try await done.join())")
        trace.add(await nap(50))
        trace.add("\(try await done.value)")
      }
      try await task.join()
      return trace.words
    }
    #expect(words == ["7 7", "CancellationError at 0", "7"])
  }

  @Test("TSK-15: it cancels itself: an operation fails on entry, without a side effect")
  func selfCancelThenOperate() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let pending = try spawnC { sleepInC(100) }
      let task = try spawnKnowingItself { itself in
        itself.cancel()
        trace.add(await nap(50))
        trace.add(await nap(0))
        trace.add("\(await outcome { try await pending.value }) at \(now())")
        try await withGroup { group in
          trace.add(await outcome { try group.spawn { trace.add("ran") } })
        }
      }
      trace.add(await outcome { try await task.join() })
      trace.add("pending \(await outcome { try await pending.value }) at \(now())")
      return trace.words
    }
    #expect(
      words == [
        "CancellationError at 0", "CancellationError at 0", "CancellationError at 0",
        "CancellationError", "TargetCancelledError", "pending ok at 100",
      ])
  }

  @Test("TSK-15: so does a spawn into a group from inside it")
  func selfCancelInGroup() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawnKnowingItself { itself in
        try await withGroup { group in
          itself.cancel()
          trace.add(await outcome { try group.spawn { trace.add("ran") } })
          trace.add(await outcome { try group.spawnC { EDDY_OK } })
        }
      }
      trace.add(await outcome { try await task.join() })
      return trace.words
    }
    #expect(words == ["CancellationError", "CancellationError", "TargetCancelledError"])
  }

  @Test("TSK-16: it cancels itself, then joins: the inner is cancelled and awaited, no further")
  func selfCancelThenJoin() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let far = try spawnC { sleepInC(100) }
      let inner = try spawn {
        trace.add("inner \(await outcome { try await far.value }) at \(now())")
        await stay(5)
        trace.add("inner ends at \(now())")
        throw CancellationError()
      }
      try await sleep(for: .milliseconds(10))
      let task = try spawnKnowingItself { itself in
        itself.cancel()
        trace.add("\(await outcome { try await inner.join() }) at \(now())")
      }
      try await task.join()
      trace.add("far \(requests(far)) \(await outcome { try await far.join() }) at \(now())")
      return trace.words
    }
    #expect(
      words == [
        "inner CancellationError at 10", "inner ends at 15", "CancellationError at 15",
        "far 0 ok at 100",
      ])
  }

  @Test("TSK-17, TSK-18: it cancels itself, then returns or fails: that is what it ends as")
  func selfCancelThenEnd() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let value = try spawnKnowingItself { (itself: TaskHandle<Int>) in
        itself.cancel()
        return 3
      }
      let failure = try spawnKnowingItself { (itself: TaskHandle<Int>) in
        itself.cancel()
        throw Boom(number: 2)
      }
      trace.add("\(try await value.join()) \(requests(value))")
      trace.add("\(await outcome { try await failure.join() }) \(requests(failure))")
      return trace.words
    }
    #expect(words == ["3 1", "Boom2 1"])
  }

  @Test("TSK-19: cancelled twice before it runs: one cancellation, with the first reason")
  func twice() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawn {
        await withTaskCancellationHandler {
          trace.add(await nap(1000))
        } onCancel: {
          trace.add("told")
        }
        trace.add(currentCancelReason?.message ?? "none")
        throw CancellationError()
      }
      try await sleep(for: .milliseconds(10))
      task.cancel(reason: "first")
      task.cancel(reason: "second")
      trace.add(await targetReason { try await task.join() })
      trace.add("\(requests(task)) requests")
      return trace.words
    }
    #expect(
      words == ["told", "CancellationError at 10", "first", "first", "2 requests"])
  }

  @Test("TSK-20: cancelled again in its cleanup: a shield keeps that out, other code fails")
  func inCleanup() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawn {
        trace.add(await nap(1000))
        try await withShield { trace.add("shielded \(await nap(20))") }
        trace.add("bare \(await nap(20))")
      }
      try await sleep(for: .milliseconds(10))
      task.cancel()
      try await sleep(for: .milliseconds(10))
      task.cancel()
      try await task.join()
      return trace.words
    }
    #expect(
      words == [
        "CancellationError at 10", "shielded ok at 30", "bare CancellationError at 30",
      ])
  }

  @Test("TSK-21: it swallows the cancellation and goes on: each later wait fails again")
  func swallows() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let pending = try spawnC { sleepInC(100) }
      let task = try spawn {
        for _ in 0..<3 { trace.add(await nap(50)) }
        trace.add("\(await outcome { try await pending.value }) at \(now())")
        trace.add("\(await outcome { try await withTimeout(.seconds(1)) { await nap(5) } })")
        trace.add("\(await outcome { try await withGroup { _ in await nap(5) } })")
        return 4
      }
      try await sleep(for: .milliseconds(10))
      task.cancel()
      trace.add("\(try await task.join()) \(requests(task))")
      return trace.words
    }
    let failed = "CancellationError at 10"
    #expect(
      words == [failed, failed, failed, failed, "ok", "CancellationError", "4 1"])
  }

  @Test("TSK-22: it catches the cancellation and returns a value: that is what joiners get")
  func returnsAValue() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawn { () -> Int in
        do { try await sleep(for: .seconds(1)) } catch {}
        return 8
      }
      try await sleep(for: .milliseconds(10))
      task.cancel()
      trace.add("\(try await task.join()) \(try await task.value) at \(now())")
      return trace.words
    }
    #expect(words == ["8 8 at 10"])
  }

  @Test("TSK-23: it turns the cancellation into another failure, which C sees with its cause")
  func converts() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawn {
        do { try await sleep(for: .seconds(1)) } catch { throw Boom(number: 9) }
      }
      try await sleep(for: .milliseconds(10))
      task.cancel(reason: "enough")
      trace.add(await outcome { try await task.join() })
      let fiber = try spawnC {
        trace.add(name(eddy_task_join(task.task, nil)))
        var error = eddy_error_t()
        var cause = eddy_error_t()
        _ = eddy_error_current(&error)
        let count = eddy_error_cause_count(error)
        if eddy_error_cause(error, count - 1, &cause) == EDDY_OK {
          let text = eddy_error_message(cause).map { String(cString: $0) } ?? ""
          trace.add("\(count) \(name(eddy_error_status(cause))) \(text)")
        }
        _ = eddy_error_release(error)
        return EDDY_OK
      }
      _ = try await fiber.join()
      return trace.words
    }
    #expect(words == ["Boom9", "EFOREIGN", "1 ECANCELED enough"])
  }

  @Test("TSK-33: the message of a cancel is seen by all who join or wait, then and later")
  func messages() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawn { try await sleep(for: .seconds(1)) }
      let fiber = try spawnC { sleepInC(1000) }
      let waiter = try spawn {
        trace.add(await targetReason { try await task.value })
        trace.add(await targetReason { try await fiber.join() })
      }
      try await sleep(for: .milliseconds(10))
      task.cancel(reason: "why Swift")
      fiber.cancel(reason: "why C")
      try await waiter.join()
      trace.add(await targetReason { try await task.join() })
      return trace.words
    }
    #expect(words == ["why Swift", "why C", "why Swift"])
  }
}
