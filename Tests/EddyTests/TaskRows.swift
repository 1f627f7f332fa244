// Rows of chapter 2 about the life of a task: starting, names, ends, sleeping, who keeps it.

import CEddy
import Eddy
import Testing

@Suite struct TaskRows {
  @Test("TSK-01: tasks start in the order of their creation, and the creator goes on")
  func order() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      var tasks: [TaskHandle<Void>] = []
      for number in 1...3 { tasks.append(try spawn { trace.add("task \(number)") }) }
      trace.add("creator")
      for task in tasks { try await task.join() }
      return trace.words
    }
    #expect(words == ["creator", "task 1", "task 2", "task 3"])
  }

  @Test("TSK-02: spawning while the loop shuts down is refused, and the body is let go")
  func shuttingDown() throws {
    let trace = Trace()
    let released = Cell(0)
    try onLoop {
      try spawn {
        trace.add(await nap(1000))
        let held = Held(released)
        trace.add(await outcome { try spawn { [held] in trace.add("ran \(held)") } })
      }
      try await sleep(for: .milliseconds(10))
    }
    #expect(trace.words == ["CancellationError at 10", "CancellationError"])
    #expect(released.value == 1)
  }

  @Test("TSK-02: spawning when the loop is closed is refused, and the body is let go")
  func closed() async throws {
    let released = Cell(0)
    let group = try onLoop { try await withGroup { $0 } }
    for isChild in [false, true] {
      let held = Held(released)
      let how = await outcome {
        if isChild {
          try group.spawn { [held] in Issue.record("ran \(held)") }
        } else {
          try spawn { [held] in Issue.record("ran \(held)") }
        }
      }
      #expect(how != "ok")
    }
    #expect(released.value == 2)
  }

  @Test("TSK-04: default names are unique and count upwards; a name that is given is kept")
  func names() throws {
    let (numbers, given) = try onLoop { () -> ([Int], [String]) in
      var numbers: [Int] = []
      for _ in 0..<3 {
        numbers.append(Int(taskName(try spawn {}).dropFirst("task-".count)) ?? 0)
        numbers.append(Int(taskName(try spawnC { EDDY_OK }).dropFirst("task-".count)) ?? 0)
      }
      let given = try await withGroup { group in
        [
          taskName(try spawn(name: "Swift's") {}),
          taskName(try spawn(name: "C's", { _ in EDDY_OK })),
          taskName(try group.spawn(name: "child") {}),
          taskName(try group.spawn(name: "C child", { _ in EDDY_OK })),
        ]
      }
      return (numbers, given)
    }
    #expect(numbers.first ?? 0 > 0)
    #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $0 < $1 })
    #expect(given == ["Swift's", "C's", "child", "C child"])
  }

  @Test("TSK-05: interleaved tasks each know their own cancellation, callbacks and others none")
  func whoAmI() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let tasks = try (1...3).map { number in
        try spawn {
          for _ in 0..<2 {
            trace.add("\(number) \(currentCancelReason?.message ?? "none")")
            _ = await nap(10)
          }
        }
      }
      try await sleep(for: .milliseconds(5))
      tasks[0].cancel(reason: "one")
      tasks[2].cancel(reason: "three")
      for task in tasks { try await task.join() }
      let callback = CFunction {
        trace.add("callback \(currentCancelReason?.message ?? "none")")
        return EDDY_OK
      }
      _ = eddy_post(CFunction.function, callback.context, nil)
      try await sleep(for: .milliseconds(1))
      return trace.words
    }
    #expect(
      words == ["1 none", "2 none", "3 none", "1 one", "3 three", "2 none", "callback none"])
    #expect(currentCancelReason == nil)
  }

  @Test("TSK-12: cancelling what has ended changes nothing and is not counted")
  func cancelledLate() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawn { 5 }
      try await sleep(for: .milliseconds(1))
      task.cancel(reason: "late")
      trace.add("\(try await task.value) \(requests(task))")
      let other = try spawn { try await sleep(for: .seconds(1)) }
      try await sleep(for: .milliseconds(1))
      other.cancel()
      try await sleep(for: .milliseconds(1))
      other.cancel()
      trace.add("\(await outcome { try await other.value }) \(requests(other))")
      return trace.words
    }
    #expect(words == ["5 0", "TargetCancelledError 1"])
  }

  @Test("TSK-34: sleeping for zero or less lets what is queued run first", arguments: [0, -1])
  func givingWay(seconds: Int64) throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      for number in 1...2 {
        try spawn { trace.add("Swift \(number)") }
        try spawnC {
          trace.add("C \(number)")
          return EDDY_OK
        }
      }
      try await sleep(for: .seconds(seconds))
      trace.add("after")
      try await sleep(for: .seconds(seconds))
      trace.add("again at \(now())")
      return trace.words
    }
    #expect(Set(words.prefix(4)) == ["Swift 1", "Swift 2", "C 1", "C 2"])
    #expect(words.dropFirst(4) == ["after", "again at 0"])
  }

  @Test("TSK-35: a cancelled sleep leaves no timer")
  func noTimerLeft() async throws {
    // The virtual clock jumps to the next timer when nothing is ready, and waits for other threads
    // only if there is none.
    let time = try await onLoopAside { () -> Int64 in
      let sleeper = try spawn { try await sleep(for: .seconds(3600)) }
      try await sleep(for: .milliseconds(10))
      sleeper.cancel()
      _ = await outcome { try await sleeper.join() }
      for _ in 0..<100 { await Task { for _ in 0..<10 { await Task.yield() } }.value }
      return now()
    }
    #expect(time == 10)
  }

  @Test("TSK-36: a task whose handle is dropped goes on")
  func dropped() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      do {
        let task = try spawn {
          try await sleep(for: .milliseconds(10))
          trace.add("Swift at \(now())")
        }
        _ = task
      }
      try spawnC {
        trace.add("C \(name(sleepInC(20))) at \(now())")
        return EDDY_OK
      }
      try await sleep(for: .milliseconds(30))
      return trace.words
    }
    #expect(words == ["Swift at 10", "C OK at 20"])
  }

  @Test("TSK-42, FUT-14: what is done is read without a yield, as often as wanted")
  func fastPaths() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawn { 3 }
      let fiber = try spawnC { eddy_return(pointer(4), nil) }
      let failed = try spawn { throw Boom() }
      try await sleep(for: .milliseconds(1))
      try spawn { trace.add("another") }
      var sum = 0
      for _ in 0..<20 {
        sum += try await task.value + task.join()
        sum += Int(bitPattern: try await fiber.value) + Int(bitPattern: try await fiber.join())
        if await outcome({ try await failed.value }) == "Boom1" { sum += 1 }
      }
      trace.add("read \(sum)")
      try await sleep(for: .zero)
      return trace.words
    }
    #expect(words == ["read 300", "another"])
  }

  @Test("M10, FUT-14: a budget of 128 reads of what is done, then others run")
  func budget() throws {
    let reads = try onLoop { () -> [Int] in
      let done = try spawn { 3 }
      let failed = try spawn { () throws -> Int in throw Boom() }
      let fiber = try spawnC { eddy_return(pointer(4), nil) }
      try await sleep(for: .milliseconds(1))
      var reads: [Int] = []
      func count(_ read: () async -> Void) async throws {
        let hasRun = Cell(false)
        try await sleep(for: .zero)
        let other = try spawn { hasRun.value = true }
        var count = 0
        while !hasRun.value {
          await read()
          count += 1
        }
        try await other.value
        reads.append(count)
      }
      try await count { _ = try? await done.value }
      try await count { _ = try? await failed.join() }
      try await count { _ = try? await fiber.value }
      try await count { _ = try? await waitAll([done, failed]) }
      return reads
    }
    #expect(reads == [128, 128, 128, 128])
  }

  @Test("M10, M3: a task that Swift starts at once reads what is done as often as it wants")
  func budgetOfImmediate() throws {
    let sum = try onLoop { () -> Int in
      let done = try spawn { 3 }
      try await sleep(for: .milliseconds(1))
      let reader = Task.immediate {
        var sum = 0
        for _ in 0..<300 { sum += try await done.value }
        return sum
      }
      return try await reader.value
    }
    #expect(sum == 900)
  }

  @Test("FUT-15: several tasks that wait for one wake in the order of their waits")
  func waitersInOrder() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawn {
        try await sleep(for: .milliseconds(10))
        return 6
      }
      let fiber = try spawnC {
        _ = sleepInC(20)
        return eddy_fail_text(-22, "no")
      }
      let waiters = try (1...4).map { number in
        try spawn {
          trace.add("\(number): \(try await task.value) at \(now())")
          trace.add("\(number): \(await outcome { try await fiber.value }) at \(now())")
        }
      }
      for waiter in waiters { try await waiter.join() }
      return trace.words
    }
    #expect(words == (1...4).map { "\($0): 6 at 10" } + (1...4).map { "\($0): EINVAL at 20" })
  }

  @Test("FUT-15: all of them get the same error object")
  func sameError() throws {
    final class Marked: Error, @unchecked Sendable {}
    let count = try onLoop { () -> Int in
      let error = Marked()
      let task = try spawn {
        try await sleep(for: .milliseconds(10))
        throw error
      }
      let waiters = try (1...3).map { _ in
        try spawn { () -> Bool in
          do { try await task.value } catch let caught as Marked { return caught === error }
          return false
        }
      }
      var count = 0
      for waiter in waiters where try await waiter.join() { count += 1 }
      return count
    }
    #expect(count == 3)
  }

  @Test("FUT-16: one of several waiters is cancelled: it alone gives up")
  func oneGivesUp() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawn {
        try await sleep(for: .milliseconds(20))
        return 6
      }
      let waiters = try (1...3).map { number in
        try spawn {
          let how = await outcome { try await task.value }
          trace.add("\(number) \(how) at \(now())")
        }
      }
      try await sleep(for: .milliseconds(10))
      waiters[1].cancel()
      for waiter in waiters { try await waiter.join() }
      trace.add("\(try await task.value) \(requests(task))")
      return trace.words
    }
    #expect(words == ["2 CancellationError at 10", "1 ok at 20", "3 ok at 20", "6 0"])
  }
}
