// MIX-01, 02, 03 and 05: one language waits for a task of the other, and is cancelled.

import CEddy
import Glibc
import Testing

@testable import Eddy

@Suite struct WaitRows {
  @Test("MIX-01: a cancelled observer gives up at once and leaves the C task alone")
  func observerGivesUp() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let thread = pthread_self()
      let task = try spawnC {
        trace.add("C \(name(sleepInC(100))) at \(now())")
        return eddy_return(pointer(7), nil)
      }
      let observer = try spawn {
        let how = await outcome { try await task.value }
        trace.add("\(how) at \(now()) \(pthread_self() == thread ? "here" : "elsewhere")")
      }
      try await sleep(for: .milliseconds(10))
      observer.cancel()
      try await observer.join()
      trace.add("value \(Int(bitPattern: try await task.join()))")
      return trace.words
    }
    #expect(words == ["CancellationError at 10 here", "C OK at 100", "value 7"])
  }

  @Test("MIX-01: the observer runs in the round after the cancellation")
  func observerRunsSoon() throws {
    let rounds = try onLoop { () -> Int in
      let task = try spawnC { sleepInC(100) }
      let rounds = Cell(0)
      let isOver = Cell(false)
      let observer = try spawn {
        _ = await outcome { try await task.value }
        isOver.value = true
      }
      try await sleep(for: .milliseconds(10))
      try spawnC {
        observer.cancel()
        while !isOver.value {
          rounds.value += 1
          _ = eddy_yield()
        }
        return EDDY_OK
      }
      try await observer.join()
      return rounds.value
    }
    #expect(rounds == 1)
  }

  @Test("MIX-01: cancellation and completion at one time give one outcome, in every order")
  func observerTies() throws {
    for seed in 0..<100 as Range<UInt64> {
      let count = try onLoop(seed: seed) { () -> Int in
        let count = Cell(0)
        let task = try spawnC { sleepInC(10) }
        let observer = try spawn {
          let how = await outcome { try await task.value }
          #expect(how == "ok" || how == "CancellationError")
          count.value += 1
        }
        try spawnC {
          _ = sleepInC(10)
          observer.cancel()
          return EDDY_OK
        }
        try await sleep(for: .milliseconds(20))
        return count.value
      }
      #expect(count == 1)
    }
  }

  @Test("MIX-02: a cancelled joiner cancels the C task and waits; a value is delivered")
  func joinerTakesTheValue() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawnC {
        trace.add("C \(name(sleepInC(100))) at \(now())")
        var shield = eddy_scope_t()
        _ = eddy_shield_open_at(nil, &shield, nil)
        let status = sleepInC(20)
        _ = eddy_scope_close(shield, status)
        return eddy_return(pointer(7), nil)
      }
      let joiner = try spawn {
        let value = try await task.join()
        trace.add("value \(Int(bitPattern: value)) at \(now()), \(Task.isCancelled)")
      }
      try await sleep(for: .milliseconds(10))
      joiner.cancel()
      try await joiner.join()
      trace.add("\(info(task.task).cancel_requests) request")
      return trace.words
    }
    #expect(words == ["C ECANCELED at 10", "value 7 at 30, true", "1 request"])
  }

  @Test("MIX-02: the C task ends cancelled, so its cancelled joiner is")
  func joinerIsCancelled() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawnC { sleepInC(100) }
      let joiner = try spawn {
        trace.add("\(await outcome { try await task.join() }) at \(now())")
      }
      try await sleep(for: .milliseconds(10))
      joiner.cancel()
      try await joiner.join()
      trace.add(await outcome { try await task.join() })
      return trace.words
    }
    #expect(words == ["CancellationError at 10", "TargetCancelledError"])
  }

  @Test("MIX-02: a joiner that is cancelled already passes one request on, at once")
  func cancelledJoinerAsksOnce() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawnC {
        let status = sleepInC(100)
        trace.add("C \(name(status)) at \(now())")
        return status
      }
      let joiner = try spawn {
        _ = await outcome { try await sleep(for: .seconds(1)) }
        trace.add(await outcome { try await task.join() })
        trace.add("\(info(task.task).cancel_requests) request")
      }
      try await sleep(for: .milliseconds(10))
      joiner.cancel()
      try await joiner.join()
      return trace.words
    }
    #expect(words == ["C ECANCELED at 10", "CancellationError", "1 request"])
  }

  @Test("MIX-03: a cancelled observer reads what is done, and does not wait for what is not")
  func cancelledObserver() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let done = try spawnC { eddy_return(pointer(7), nil) }
      let pending = try spawnC { sleepInC(100) }
      let observer = try spawn {
        _ = await outcome { try await sleep(for: .seconds(1)) }
        trace.add("value \(Int(bitPattern: try await done.value))")
        // It lets others run once, and this one looks who waits meanwhile.
        try spawnC {
          var seen = eddy_future_info_t()
          seen.size = UInt32(MemoryLayout<eddy_future_info_t>.size)
          _ = eddy_future_info(eddy_task_future(pending.task), &seen)
          trace.add("\(seen.waiters + seen.callbacks) waiters")
          return EDDY_OK
        }
        trace.add("\(await outcome { try await pending.value }) at \(now())")
      }
      try await sleep(for: .milliseconds(10))
      observer.cancel()
      try await observer.join()
      trace.add("C \(await outcome { try await pending.join() }) at \(now())")
      return trace.words
    }
    #expect(words == ["value 7", "0 waiters", "CancellationError at 10", "C ok at 100"])
  }

  @Test("MIX-05: a cancelled fiber that observes gives up and leaves the Swift task alone")
  func fiberObserves() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawn {
        try await sleep(for: .milliseconds(100))
        trace.add("Swift \(Task.isCancelled) at \(now())")
      }
      let fiber = try spawnC {
        let status = eddy_future_wait(eddy_task_future(task.task), nil)
        trace.add("C \(name(status)) at \(now())")
        return status
      }
      try await sleep(for: .milliseconds(10))
      fiber.cancel()
      try await task.join()
      return trace.words
    }
    #expect(words == ["C ECANCELED at 10", "Swift false at 100"])
  }

  @Test("MIX-05: a cancelled fiber that joins cancels the Swift task once and never gives up")
  func fiberJoins() throws {
    let words = try onLoop(grace: .seconds(1)) { () -> [String] in
      let trace = Trace()
      let task = try spawn {
        await withTaskCancellationHandler {
          _ = await outcome { try await sleep(for: .seconds(100)) }
          // Ten times the loop's grace, which bounds no join.
          await stay(10_000)
        } onCancel: {
          trace.add("cancel at \(now())")
        }
        trace.add("Swift ends at \(now())")
      }
      let fiber = try spawnC {
        let status = eddy_task_join(task.task, nil)
        trace.add("C \(name(status)) at \(now())")
        return status
      }
      try await sleep(for: .milliseconds(10))
      fiber.cancel()
      fiber.cancel()
      _ = await outcome { try await fiber.join() }
      return trace.words
    }
    #expect(words == ["cancel at 10", "Swift ends at 10010", "C OK at 10010"])
  }
}
