// Rows of chapter 2 about who waits for whom, and who of them was cancelled.

import CEddy
import Eddy
import Testing

@Suite struct JoinRows {
  @Test("TSK-07: a task that waits for itself is refused")
  func itself() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawnKnowingItself { itself in
        trace.add(await outcome { try await itself.value })
        // A join of itself never ends where it is not refused.
        if trace.words == ["EDEADLK"] { trace.add(await outcome { try await itself.join() }) }
      }
      try after(10) { task.cancel() }
      try await task.join()
      return trace.words
    }
    #expect(words == ["EDEADLK", "EDEADLK"])
  }

  @Test("TSK-07: so is one that waits for a task that it is inside of")
  func ancestor() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawnKnowingItself { itself in
        try await withGroup { group in
          _ = try group.spawn { trace.add(await outcome { try await itself.value }) }
        }
        trace.add(
          await outcome { try await withTimeout(.seconds(1)) { try await itself.value } })
      }
      try after(10) { task.cancel() }
      _ = await outcome { try await task.join() }
      return trace.words
    }
    #expect(words == ["EDEADLK", "EDEADLK"])
  }

  @Test("TSK-25: a cancelled joiner resumes when its target has cleaned up, an observer at once")
  func joinerWaits() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      func target(_ name: String) throws -> TaskHandle<Void> {
        try spawn {
          trace.add("\(name) \(await nap(100))")
          await stay(20)
          trace.add("\(name) ends at \(now())")
          try await sleep(for: .zero)
        }
      }
      let joined = try target("joined")
      let observed = try target("observed")
      let joiner = try spawn {
        trace.add("joiner \(await outcome { try await joined.join() }) at \(now())")
      }
      let observer = try spawn {
        trace.add("observer \(await outcome { try await observed.value }) at \(now())")
      }
      try await sleep(for: .milliseconds(10))
      joiner.cancel()
      observer.cancel()
      try await joiner.join()
      try await observed.join()
      return trace.words
    }
    #expect(
      Set(words.prefix(2)) == [
        "observer CancellationError at 10", "joined CancellationError at 10",
      ])
    #expect(
      words.dropFirst(2) == [
        "joined ends at 30", "joiner CancellationError at 30", "observed ok at 100",
        "observed ends at 120",
      ])
  }

  @Test("TSK-26: the joined task suppresses it and returns: the value, then the cancellation")
  func valueThenCancellation() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let inner = try spawn { () -> Int in
        _ = await nap(100)
        return 5
      }
      let outer = try spawn {
        trace.add("\(try await inner.join()) at \(now())")
        trace.add(await nap(50))
        throw CancellationError()
      }
      try await sleep(for: .milliseconds(10))
      outer.cancel()
      trace.add(await outcome { try await outer.join() })
      return trace.words
    }
    #expect(words == ["5 at 10", "CancellationError at 10", "TargetCancelledError"])
  }

  @Test("TSK-27: a task and what it waits for are cancelled in one tick", arguments: [false, true])
  func bothAtOnce(isWaiterFirst: Bool) throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let target = try spawn { try await sleep(for: .seconds(1)) }
      let task = try spawn {
        trace.add(await outcome { try await target.value })
        throw CancellationError()
      }
      try after(10) {
        if isWaiterFirst { task.cancel() }
        target.cancel()
        if !isWaiterFirst { task.cancel() }
      }
      trace.add("task \(await outcome { try await task.join() })")
      trace.add("target \(await outcome { try await target.join() }) at \(now())")
      return trace.words
    }
    #expect(
      words == [
        "CancellationError", "task TargetCancelledError", "target TargetCancelledError at 10",
      ])
  }

  @Test("TSK-28: what it waits for is cancelled by a third party: not its own cancellation")
  func thirdParty() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let target = try spawn { try await sleep(for: .seconds(1)) }
      let task = try spawn {
        trace.add(await targetReason { try await target.value })
        trace.add("\(Task.isCancelled), \(await nap(5))")
      }
      try after(10) { target.cancel(reason: "not you") }
      trace.add("\(await outcome { try await task.join() }) \(requests(task))")
      return trace.words
    }
    #expect(words == ["not you", "false, ok at 15", "ok 0"])
  }

  @Test("TSK-28: uncaught, that is a failure and not a cancellation of the waiter")
  func thirdPartyUncaught() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let target = try spawn { try await sleep(for: .seconds(1)) }
      let task = try spawn { try await target.value }
      try after(10) { target.cancel() }
      trace.add(await outcome { try await task.join() })
      trace.add("\(info(task.task).state == EDDY_TASK_FAILED)")
      trace.add("\(info(target.task).state == EDDY_TASK_CANCELED)")
      return trace.words
    }
    #expect(words == ["TargetCancelledError", "true", "true"])
  }

  @Test("TSK-29: two join one task, and one joiner is cancelled")
  func twoJoiners() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let target = try spawn { try await sleep(for: .seconds(1)) }
      let joiners = try (1...2).map { number in
        try spawn {
          trace.add("\(number) \(await outcome { try await target.join() }) at \(now())")
          trace.add("\(number) \(Task.isCancelled)")
        }
      }
      try await sleep(for: .milliseconds(10))
      joiners[0].cancel()
      for joiner in joiners { try await joiner.join() }
      return trace.words
    }
    #expect(
      Set(words) == [
        "1 CancellationError at 10", "1 true", "2 TargetCancelledError at 10", "2 false",
      ])
    #expect(words.count == 4)
  }

  @Test("TSK-32: own and not outer converts, another failure does not; the deadline is disarmed")
  func blocks() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawn {
        // Own: absorbed here, and nothing is left over.
        trace.add(
          await outcome {
            try await withTimeout(.milliseconds(10)) { try await sleep(for: .seconds(1)) }
          })
        trace.add(await nap(1))
        trace.add(
          await outcome {
            try await withGroup { group in
              group.cancel()
              try await sleep(for: .seconds(1))
            }
          })
        trace.add(await nap(1))
        // Own, and another failure.
        trace.add(
          await outcome {
            try await withTimeout(.milliseconds(10)) {
              _ = await nap(1000)
              throw Boom(number: 3)
            }
          })
        // The body has ended before the deadline, and the close lasts beyond it.
        trace.add(
          await outcome {
            try await withTimeout(.milliseconds(10)) { _ = await nap(5) }
          })
        trace.add(await nap(20))
      }
      try await task.join()
      trace.add("\(requests(task))")
      return trace.words
    }
    #expect(
      words == [
        "TimeoutError", "ok at 11", "ok", "ok at 12", "Boom3", "ok", "ok at 47", "0",
      ])
  }
}
