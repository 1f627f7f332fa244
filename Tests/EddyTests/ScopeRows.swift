// MIX-08, 09 and 10: timeouts and shields of one language around code of the other.

import CEddy
import Testing

@testable import Eddy

@Suite struct ScopeRows {
  @Test("MIX-08: a timeout in C around a call into Swift")
  func timeoutInCAroundSwift() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let callee = try spawn {
        trace.add("Swift \(await outcome { try await sleep(for: .seconds(9)) }) at \(now())")
        trace.add("isCancelled \(Task.isCancelled)")
        throw CancellationError()
      }
      let fiber = try spawnC {
        var scope = eddy_scope_t()
        _ = eddy_timeout_open_at(nil, &scope, 10_000_000, nil)
        let status = eddy_task_join(callee.task, nil)
        let closed = eddy_scope_close(scope, status)
        trace.add("C \(name(status)), closed \(name(closed)) at \(now())")
        return EDDY_OK
      }
      _ = try await fiber.join()
      trace.add("outer \(Task.isCancelled)")
      return trace.words
    }
    #expect(
      words == [
        "Swift CancellationError at 10", "isCancelled true",
        "C ECANCELED, closed ETIMEDOUT at 10", "outer false",
      ])
  }

  @Test("MIX-08: a timeout in Swift around C")
  func timeoutInSwiftAroundC() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let how = await outcome {
        try await withTimeout(.milliseconds(10)) {
          let task = try spawnC {
            let status = sleepInC(9000)
            trace.add("C \(name(status)) at \(now()), then \(name(eddy_checkpoint()))")
            return status
          }
          defer { trace.add("inner \(Task.isCancelled)") }
          _ = try await task.join()
        }
      }
      trace.add("\(how) at \(now()), outer \(Task.isCancelled)")
      return trace.words
    }
    #expect(
      words == [
        "C ECANCELED at 10, then ECANCELED", "inner true", "TimeoutError at 10, outer false",
      ])
  }

  @Test("MIX-09: a timeout of C inside one of Swift, both due: only the outer reports")
  func equalDeadlinesSwiftOutside() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let how = await outcome {
        try await withTimeout(.milliseconds(10)) {
          try await withGroup { group in
            let task = try group.spawnC {
              var scope = eddy_scope_t()
              _ = eddy_timeout_open_at(nil, &scope, 10_000_000, nil)
              let status = eddy_scope_close(scope, sleepInC(9000))
              trace.add("C \(name(status))")
              return status
            }
            _ = try await task.join()
          }
        }
      }
      trace.add("Swift \(how) at \(now()), outer \(Task.isCancelled)")
      return trace.words
    }
    #expect(words == ["C ECANCELED", "Swift TimeoutError at 10, outer false"])
  }

  @Test("MIX-09: a timeout of Swift inside one of C, both due: only the outer reports")
  func equalDeadlinesCOutside() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let state = LoopState.ofThread!
      let fiber = try spawnC {
        var scope = eddy_scope_t()
        var inner = eddy_scope_t()
        _ = eddy_timeout_open_at(nil, &scope, 10_000_000, nil)
        _ = eddy_group_open_at(nil, &inner, nil)
        _ = try? Group(scope: inner, state: state).spawn {
          let how = await outcome {
            try await withTimeout(.milliseconds(10)) { try await sleep(for: .seconds(9)) }
          }
          trace.add("Swift \(how)")
        }
        let status = eddy_scope_close(inner, EDDY_OK)
        trace.add("C \(name(eddy_scope_close(scope, status))) at \(now())")
        return EDDY_OK
      }
      _ = try await fiber.join()
      return trace.words
    }
    #expect(words == ["Swift CancellationError", "C ETIMEDOUT at 10"])
  }

  @Test("MIX-10: a shield in C around a Swift callee")
  func shieldInC() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let callee = try spawn {
        trace.add("Swift \(await outcome { try await sleep(for: .milliseconds(50)) }) at \(now())")
        trace.add("isCancelled \(Task.isCancelled)")
      }
      let fiber = try spawnC {
        var scope = eddy_scope_t()
        _ = eddy_shield_open_at(nil, &scope, nil)
        let status = eddy_task_join(callee.task, nil)
        let closed = eddy_scope_close(scope, status)
        trace.add("C \(name(closed)) at \(now()), then \(name(eddy_checkpoint()))")
        return EDDY_OK
      }
      try await sleep(for: .milliseconds(10))
      fiber.cancel()
      _ = try await fiber.join()
      return trace.words
    }
    #expect(words == ["Swift ok at 50", "isCancelled false", "C OK at 50, then ECANCELED"])
  }

  @Test("MIX-10: the grace of a shield in C ends: the Swift callee is cancelled early")
  func graceInC() throws {
    let words = try onLoop(grace: .milliseconds(20)) { () -> [String] in
      let trace = Trace()
      let callee = try spawn {
        trace.add("Swift \(await outcome { try await sleep(for: .seconds(50)) }) at \(now())")
        trace.add("isCancelled \(Task.isCancelled)")
      }
      let fiber = try spawnC {
        var scope = eddy_scope_t()
        _ = eddy_shield_open_at(nil, &scope, nil)
        let status = eddy_task_join(callee.task, nil)
        trace.add("C \(name(eddy_scope_close(scope, status))) at \(now())")
        return EDDY_OK
      }
      try await sleep(for: .milliseconds(10))
      fiber.cancel()
      _ = try await fiber.join()
      return trace.words
    }
    #expect(words == ["Swift CancellationError at 30", "isCancelled true", "C OK at 30"])
  }

  @Test("MIX-10: a shield in Swift around C")
  func shieldInSwift() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawn {
        try await withShield {
          let task = try spawnC {
            let status = sleepInC(50)
            trace.add("C \(name(status)) at \(now()), then \(name(eddy_checkpoint()))")
            return EDDY_OK
          }
          _ = try await task.join()
          trace.add("inside \(Task.isCancelled)")
        }
        trace.add("after \(Task.isCancelled)")
        trace.add("\(await outcome { try await sleep(for: .milliseconds(1)) }) at \(now())")
      }
      try await sleep(for: .milliseconds(10))
      task.cancel()
      _ = try await task.join()
      return trace.words
    }
    #expect(
      words == [
        "C OK at 50, then OK", "inside false", "after true", "CancellationError at 50",
      ])
  }

  @Test("MIX-10: the grace of a shield in Swift ends: C is cancelled early")
  func graceInSwift() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawn {
        let how = await outcome {
          try await withShield(grace: .milliseconds(20)) {
            let task = try spawnC {
              let status = sleepInC(5000)
              trace.add("C \(name(status)) at \(now())")
              return status
            }
            defer { trace.add("inside \(Task.isCancelled)") }
            _ = try await task.join()
          }
        }
        trace.add("\(how) at \(now())")
      }
      try await sleep(for: .milliseconds(10))
      task.cancel()
      _ = try await task.join()
      return trace.words
    }
    #expect(words == ["C ECANCELED at 30", "inside true", "CancellationError at 30"])
  }

  @Test("MIX-10: a shield is opened in a task that is cancelled already")
  func lateShield() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawn {
        _ = await outcome { try await sleep(for: .seconds(1)) }
        try await withShield(grace: .milliseconds(20)) {
          trace.add("\(await outcome { try await sleep(for: .milliseconds(15)) }) at \(now())")
          trace.add("\(await outcome { try await sleep(for: .milliseconds(15)) }) at \(now())")
        }
      }
      try await sleep(for: .milliseconds(10))
      task.cancel()
      _ = try await task.join()
      return trace.words
    }
    #expect(words == ["ok at 25", "CancellationError at 30"])
  }

  @Test("MIX-10: a shield's grace begins when Swift's own cancellation reaches it, too")
  func graceOfSwiftsOwnCancellation() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      await withTaskGroup { group in
        group.addTask {
          let how = await outcome {
            try await withShield(grace: .milliseconds(20)) {
              try await sleep(for: .seconds(5))
            }
          }
          trace.add("\(how) at \(now())")
        }
        try? await sleep(for: .milliseconds(10))
        group.cancelAll()
      }
      return trace.words
    }
    #expect(words == ["CancellationError at 30"])
  }
}
