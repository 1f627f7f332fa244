// Rows of chapter 3 about gather: values, failures and cancellations of several tasks at once.

import CEddy
import Eddy
import Testing

/// A task that sleeps and says how it ended; a cancelled one cleans up for a while first.
func member(
  _ trace: Trace, _ name: String, _ milliseconds: Int64, cleanup: Int64 = 0,
  failing: Boom? = nil, swallows: Bool = false
) throws -> TaskHandle<String> {
  try spawn { () -> String in
    do {
      try await sleep(for: .milliseconds(milliseconds))
    } catch {
      if cleanup > 0 { await stay(cleanup) }
      trace.add("\(name)! \(now())")
      if swallows { return name }
      throw error
    }
    trace.add("\(name) \(now())")
    if let failing { throw failing }
    return name
  }
}

/// How many places are registered with a task.
func leftBehind<Value>(_ task: TaskHandle<Value>) -> Int {
  var info = eddy_future_info_t()
  info.size = UInt32(MemoryLayout<eddy_future_info_t>.size)
  _ = eddy_future_info(eddy_task_future(task.task), &info)
  return Int(info.waiters + info.callbacks)
}

@Suite struct GatherRows {
  @Test("AGG-01: values stand in the order of the arguments, C tasks among them")
  func order() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let values = try await gather([
        member(trace, "a", 30), member(trace, "b", 10), member(trace, "c", 20),
      ])
      trace.add(values.joined())
      let number = try spawn { 5 }
      let function = try spawnC {
        _ = sleepInC(5)
        return eddy_return(pointer(7), nil)
      }
      let mixed = try await gather(number, function, member(trace, "d", 1))
      trace.add("\(mixed.0) \(mixed.1 == pointer(7)) \(mixed.2)")
      return trace.words
    }
    #expect(words == ["b 10", "c 20", "a 30", "abc", "d 31", "5 true d"])
  }

  @Test("AGG-01, AGG-05: a C task gathers tasks of both languages; a failure cancels both")
  func gatheredInC() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      for fails in [false, true] {
        let swift = try member(trace, "swift", 20, cleanup: 5)
        let function = try spawnC {
          trace.add("c \(name(sleepInC(30)))")
          return eddy_return(pointer(7), nil)
        }
        let third = try member(trace, "third", 10, failing: fails ? Boom() : nil)
        let futures = [swift.task, function.task, third.task].map { eddy_task_future($0) }
        let gathering = try spawnC {
          var values = [UnsafeMutableRawPointer?](repeating: nil, count: 3)
          let status = eddy_gather(futures, 3, &values)
          trace.add("\(name(status)) \(values[1] == pointer(7))")
          return EDDY_OK
        }
        _ = try await gathering.join()
        _ = (swift, function, third)
      }
      return trace.words
    }
    #expect(
      words == [
        "third 10", "swift 20", "c OK", "OK true", "third 40", "c ECANCELED", "swift! 45",
        "EFOREIGN false",
      ])
  }

  @Test("AGG-02: none at all is done at once")
  func empty() throws {
    let count = try onLoop { () -> Int in
      let none: [TaskHandle<Int>] = []
      return try await gather(none).count + gatherResults(none).count
    }
    #expect(count == 0)
  }

  @Test("AGG-03: one that is there twice runs once and gives its value twice")
  func twice() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let (a, b) = (try member(trace, "a", 2), try member(trace, "b", 1))
      trace.add(try await gather([a, b, a, a, b]).joined())
      return trace.words
    }
    #expect(words == ["b 1", "a 2", "abaab"])
  }

  @Test("AGG-04: a task of another loop is refused, and nothing has begun")
  func otherLoop() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let outer = try member(trace, "outer", 1)
      let refused = try onNewThread {
        try runLoop {
          let inner = try spawn { "inner" }
          let how = await outcome { try await gather([inner, outer]) }
          return "\(how) \(leftBehind(inner)) \(try await inner.join())"
        }
      }
      trace.add(refused)
      trace.add(try await outer.join())
      return trace.words
    }
    #expect(words == ["EWRONGTHREAD 0 inner", "outer 1", "outer"])
  }

  @Test("AGG-05: the first failure cancels the others, waits for them and is thrown")
  func firstFailure() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let tasks = [
        try member(trace, "a", 50, cleanup: 20), try member(trace, "b", 10, failing: Boom()),
        try member(trace, "c", 50),
      ]
      trace.add(await outcome { try await gather(tasks) })
      trace.add("\(now())")
      return trace.words
    }
    #expect(words == ["b 10", "c! 10", "a! 30", "Boom1", "30"])
  }

  @Test("AGG-06: a member cancelled on its own: TargetCancelledError, the caller is not cancelled")
  func memberCancelled() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let tasks = [try member(trace, "a", 50), try member(trace, "b", 50)]
      try after(10) { tasks[0].cancel(reason: "alone") }
      trace.add(await targetReason { try await gather(tasks) })
      trace.add("\(Task.isCancelled)")
      return trace.words
    }
    #expect(words == ["a! 10", "b! 10", "alone", "false"])
  }

  @Test("AGG-07: gatherResults gives values, errors and cancellations")
  func results() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let tasks = [
        try member(trace, "a", 30), try member(trace, "b", 10, failing: Boom(number: 4)),
        try member(trace, "c", 50),
      ]
      try after(20) { tasks[2].cancel() }
      for result in try await gatherResults(tasks) {
        trace.add(await outcome { try result.get() })
      }
      return trace.words
    }
    #expect(words == ["b 10", "c! 20", "a 30", "ok", "Boom4", "TargetCancelledError"])
  }

  @Test("AGG-08: a cancelled caller waits until all have ended", arguments: [false, true])
  func callerCancelled(collects: Bool) throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let tasks = [try member(trace, "a", 50, cleanup: 20), try member(trace, "b", 50)]
      let caller = try spawn {
        trace.add(
          await outcome {
            if collects {
              _ = try await gatherResults(tasks)
            } else {
              _ = try await gather(tasks)
            }
          })
        trace.add("\(now())")
      }
      try after(10) { caller.cancel(reason: "why not") }
      try await caller.join()
      trace.add(message(info(tasks[1].task).reason))
      return trace.words
    }
    #expect(words == ["b! 10", "a! 30", "CancellationError", "30", "why not"])
  }

  @Test("AGG-09, AGG-14: so does one of Swift's own child tasks, and the message goes along")
  func childCancelled() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let tasks = [try member(trace, "a", 50, cleanup: 20), try member(trace, "b", 50)]
      let caller = try spawn {
        async let gathered = outcome { try await gatherResults(tasks) }
        trace.add(await gathered)
        trace.add("\(now())")
      }
      try after(10) { caller.cancel(reason: "outside") }
      try await caller.join()
      trace.add(message(info(tasks[0].task).reason))
      return trace.words
    }
    #expect(words == ["b! 10", "a! 30", "CancellationError", "30", "outside"])
  }

  @Test("AGG-10: values that all gave all the same are delivered, and the cancel comes next")
  func swallowed() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let tasks = [
        try member(trace, "a", 50, swallows: true), try member(trace, "b", 50, swallows: true),
      ]
      let caller = try spawn {
        trace.add(try await gather(tasks).joined())
        trace.add(await nap(1))
      }
      try after(10) { caller.cancel() }
      _ = await outcome { try await caller.join() }
      return trace.words
    }
    #expect(words == ["a! 10", "b! 10", "ab", "CancellationError at 10"])
  }

  @Test("EDEADLK: a task cannot gather itself, nor one that it is inside")
  func itself() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawnKnowingItself { (itself: TaskHandle<Void>) in
        trace.add(await outcome { try await gather([itself]) })
        trace.add(await outcome { try await waitAll([itself]) })
        trace.add(await outcome { try await itself.join(within: .milliseconds(1)) })
        try await withGroup { group in
          _ = try group.spawn { trace.add(await outcome { try await gatherResults([itself]) }) }
        }
      }
      try await task.join()
      return trace.words
    }
    #expect(words == ["EDEADLK", "EDEADLK", "EDEADLK", "EDEADLK"])
  }
}
