// Rows of chapter 3 about waits for several tasks that only observe, and about select.

import CEddy
import Eddy
import Testing

/// "done|pending": who is where after a wait.
private func names(_ waited: WaitedTasks<String>, _ tasks: [TaskHandle<String>]) -> String {
  func list(_ some: [TaskHandle<String>]) -> String {
    some.map { one in
      String(tasks.firstIndex { $0.task.id == one.task.id }!)
    }.joined()
  }
  return "\(list(waited.done))|\(list(waited.pending))"
}

@Suite struct SeveralRows {
  @Test("AGG-15: no tasks are refused, duplicates collapse")
  func refused() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let none: [TaskHandle<String>] = []
      trace.add(await outcome { try await waitAll(none) })
      trace.add(await outcome { try await waitAny(none, timeout: .zero) })
      trace.add(await outcome { try await waitFirstError(none) })
      trace.add(await outcome { try await select(none) })
      let tasks = [try member(trace, "a", 1), try member(trace, "b", 2)]
      trace.add(names(try await waitAny([tasks[0], tasks[1], tasks[0]]), tasks))
      trace.add(names(try await waitAll([tasks[0], tasks[1], tasks[1]]), tasks))
      return trace.words
    }
    #expect(words == ["EINVAL", "EINVAL", "EINVAL", "EINVAL", "a 1", "0|1", "b 2", "01|"])
  }

  @Test("AGG-16: the end of the time is no error and cancels nothing")
  func timeout() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let tasks = [try member(trace, "a", 10), try member(trace, "b", 50)]
      trace.add(names(try await waitAll(tasks, timeout: .zero), tasks))
      trace.add(names(try await waitAll(tasks, timeout: .milliseconds(30)), tasks))
      trace.add("\(now())")
      trace.add(try await tasks[1].join())
      return trace.words
    }
    #expect(words == ["|01", "a 10", "0|1", "30", "b 50", "b"])
  }

  @Test("AGG-17: what has ended before the waiter runs counts as done")
  func sameTick() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let tasks = [
        try member(trace, "a", 10), try member(trace, "b", 10), try member(trace, "c", 50),
      ]
      trace.add(names(try await waitAny(tasks), tasks))
      trace.add(names(try await waitAny(tasks), tasks))
      return trace.words
    }
    #expect(words == ["a 10", "b 10", "01|2", "01|2"])
  }

  @Test("AGG-18: a cancelled task is no error; a failed one ends the wait at once")
  func firstError() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let tasks = [
        try member(trace, "a", 50), try member(trace, "b", 20, failing: Boom()),
        try member(trace, "c", 60),
      ]
      try after(10) { tasks[0].cancel() }
      trace.add(names(try await waitFirstError(tasks), tasks))
      trace.add(names(try await waitFirstError(tasks), tasks))
      trace.add(names(try await waitFirstError([tasks[0], tasks[2]]), tasks))
      trace.add(await outcome { try await tasks[1].value })
      return trace.words
    }
    #expect(words == ["a! 10", "b 20", "01|2", "01|2", "c 60", "02|", "Boom1"])
  }

  @Test("AGG-19, AGG-20: a cancelled wait leaves its tasks running and nothing behind")
  func cancelledWait() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let tasks = [try member(trace, "a", 50), try member(trace, "b", 50)]
      for kind in 0..<3 {
        let waiter = try spawn {
          switch kind {
          case 0: _ = try await waitAll(tasks)
          case 1: _ = try await waitAny(tasks, timeout: .seconds(9))
          default: _ = try await select(tasks)
          }
        }
        try await sleep(for: .milliseconds(1))
        trace.add("\(leftBehind(tasks[0]))")
        waiter.cancel()
        trace.add(await outcome { try await waiter.join() })
        try await sleep(for: .milliseconds(1))
        trace.add("\(leftBehind(tasks[0])) \(leftBehind(tasks[1]))")
      }
      trace.add(try await gather(tasks).joined())
      return trace.words
    }
    let each = ["1", "TargetCancelledError", "0 0"]
    #expect(words == each + each + each + ["a 50", "b 50", "ab"])
  }

  @Test("AGG-21: each task is given once, in the order of the ends")
  func completionOrder() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let tasks = [
        try member(trace, "a", 30), try member(trace, "b", 10, failing: Boom()),
        try member(trace, "c", 20),
      ]
      let completed = asCompleted(tasks + [tasks[1]])
      for try await task in completed {
        trace.add(await outcome { try await task.value })
        if trace.words.count > 1 { break }
      }
      // Who begins again goes on.
      for try await task in completed { trace.add(try await task.value) }
      for try await _ in completed { trace.add("never") }
      for try await _ in asCompleted([TaskHandle<String>]()) { trace.add("never") }
      trace.add("\(tasks.map { leftBehind($0) })")
      return trace.words
    }
    #expect(words == ["b 10", "Boom1", "c 20", "c", "a 30", "a", "[0, 0, 0]"])
  }

  @Test("AGG-22: the time ends for those that have not ended; neither it nor a cancel ends them")
  func completedInTime() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let tasks = [try member(trace, "a", 10), try member(trace, "b", 50)]
      let completed = asCompleted(tasks, timeout: .milliseconds(30))
      trace.add(
        await outcome {
          for try await task in completed { trace.add(try await task.value) }
        })
      trace.add("\(now())")
      let all = asCompleted(tasks)
      let consumer = try spawn {
        for try await task in all { trace.add(try await task.value) }
      }
      try await sleep(for: .milliseconds(1))
      consumer.cancel()
      trace.add(await outcome { try await consumer.join() })
      for try await task in all { trace.add("then \(try await task.value)") }
      return trace.words
    }
    #expect(
      words == [
        "a 10", "a", "TimeoutError", "30", "a", "TargetCancelledError", "b 50", "then b",
      ])
  }

  @Test("select: the first that ends; the others are left, or cancelled and waited for")
  func selects() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let tasks = [
        try member(trace, "a", 50, cleanup: 5), try member(trace, "b", 10),
        try member(trace, "c", 10),
      ]
      let first = try await select(tasks)
      trace.add(try await first.value)
      trace.add(try await select(tasks).value)
      let race = [tasks[0], try member(trace, "d", 10)]
      trace.add(try await select(race, cancelsOthers: true).value)
      trace.add("\(now())")
      return trace.words
    }
    #expect(words == ["b 10", "c 10", "b", "b", "d 20", "a! 25", "d", "25"])
  }
}
