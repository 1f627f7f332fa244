// Rows of chapter 5 about deadlines inside deadlines, in cleanup, and after a cancellation.

import CEddy
import Eddy
import Testing

/// A timeout of so many milliseconds around a body.
private func limited(_ milliseconds: Int64, _ body: () async throws -> Void) async -> String {
  let how = await outcome { try await withTimeout(.milliseconds(milliseconds), body) }
  return "\(how) at \(now())"
}

@Suite struct TimeoutNestRows {
  @Test("TO-15: nested, both due together: the outer alone reports", arguments: [0, 1, 2, 3])
  func together(seed: UInt64) throws {
    let words = try onLoop(seed: seed) { () -> [String] in
      let trace = Trace()
      trace.add(
        await limited(10) {
          do {
            try await withTimeout(.milliseconds(10)) { try await sleep(for: .seconds(1)) }
          } catch {
            trace.add("inner \(name(error))")
            throw error
          }
        })
      trace.add(await nap(1))
      return trace.words
    }
    #expect(words == ["inner CancellationError", "TimeoutError at 10", "ok at 11"])
  }

  @Test("TO-16: nested, the inner due first: caught between them, and the outer still works")
  func innerFirst() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      trace.add(
        await limited(20) {
          trace.add("inner \(await limited(10) { try await sleep(for: .seconds(1)) })")
          trace.add("\(Task.isCancelled), \(await nap(5))")
          try await sleep(for: .seconds(1))
        })
      return trace.words
    }
    #expect(words == ["inner TimeoutError at 10", "false, ok at 15", "TimeoutError at 20"])
  }

  @Test("TO-17: nested, the outer due first: the outer reports")
  func outerFirst() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      trace.add(
        await limited(10) {
          do {
            try await withTimeout(.milliseconds(20)) { try await sleep(for: .seconds(1)) }
          } catch {
            trace.add("inner \(name(error))")
            throw error
          }
        })
      trace.add(await nap(50))
      return trace.words
    }
    #expect(words == ["inner CancellationError", "TimeoutError at 10", "ok at 60"])
  }

  @Test("TO-18: a timeout in cleanup after a cancellation works, inside a shield")
  func inCleanup() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawn {
        _ = await nap(1000)
        trace.add("bare \(await limited(5) { try await sleep(for: .seconds(1)) })")
        try await withShield {
          trace.add("shielded \(await limited(5) { try await sleep(for: .seconds(1)) })")
        }
        trace.add(await nap(1))
      }
      try after(10) { task.cancel() }
      try await task.join()
      return trace.words
    }
    #expect(
      words == [
        "bare CancellationError at 10", "shielded TimeoutError at 15", "CancellationError at 15",
      ])
  }

  @Test("TO-19: a new cancel meanwhile is hidden: the timeout inside, the cancellation after")
  func cancelledInCleanup() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawn {
        try await withShield {
          trace.add("inside \(await limited(20) { try await sleep(for: .seconds(1)) })")
        }
        trace.add(await nap(1))
        throw CancellationError()
      }
      try after(10) { task.cancel() }
      trace.add(await outcome { try await task.join() })
      return trace.words
    }
    #expect(
      words == ["inside TimeoutError at 20", "CancellationError at 20", "TargetCancelledError"])
  }

  @Test("TO-19: once the grace has ended, the cancellation is seen inside")
  func graceEnds() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawn {
        trace.add(
          await outcome {
            try await withShield(grace: .milliseconds(20)) {
              trace.add("inside \(await limited(100) { try await sleep(for: .seconds(1)) })")
              throw CancellationError()
            }
          })
        throw CancellationError()
      }
      try after(10) { task.cancel() }
      trace.add(await outcome { try await task.join() })
      return trace.words
    }
    #expect(
      words == ["inside CancellationError at 30", "CancellationError", "TargetCancelledError"])
  }

  @Test("TO-20: a timeout in the cleanup of an expired one: the inner is local, the outer after")
  func inCleanupOfAnother() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      trace.add(
        await limited(10) {
          do { try await sleep(for: .seconds(1)) } catch {
            try await withShield {
              trace.add("inner \(await limited(5) { try await sleep(for: .seconds(1)) })")
            }
            throw error
          }
        })
      return trace.words
    }
    #expect(words == ["inner TimeoutError at 15", "TimeoutError at 15"])
  }

  @Test("TO-21: a timeout of zero, opened when a cancellation was seen, keeps that")
  func pendingAndSeen() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawn {
        _ = await nap(1000)
        trace.add(
          await limited(0) {
            trace.add("body \(Task.isCancelled)")
            try await sleep(for: .milliseconds(5))
          })
        throw CancellationError()
      }
      try after(10) { task.cancel() }
      trace.add(await outcome { try await task.join() })
      return trace.words
    }
    #expect(words == ["body true", "CancellationError at 10", "TargetCancelledError"])
  }

  @Test("TO-21: opened while the cancellation is on its way, too", arguments: [0, 1000])
  func pendingAndUnseen(milliseconds: Int64) throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawnKnowingItself { itself in
        itself.cancel()
        trace.add(
          await limited(milliseconds) {
            trace.add("body")
            try await sleep(for: .milliseconds(5))
          })
        throw CancellationError()
      }
      trace.add(await outcome { try await task.join() })
      return trace.words
    }
    #expect(words == ["body", "CancellationError at 0", "TargetCancelledError"])
  }

  @Test("TO-21: so are a shield and a group")
  func shieldAndGroup() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let first = try spawnKnowingItself { itself in
        itself.cancel()
        trace.add(await outcome { try await withShield { trace.add("shield \(await nap(5))") } })
      }
      trace.add(await outcome { try await first.join() })
      let second = try spawnKnowingItself { itself in
        itself.cancel()
        trace.add(
          await outcome { try await withGroup { _ in trace.add("group \(await nap(5))") } })
      }
      trace.add(await outcome { try await second.join() })
      return trace.words
    }
    #expect(
      words == [
        "shield ok at 5", "ok", "ok", "group CancellationError at 5", "CancellationError", "ok",
      ])
  }
}
