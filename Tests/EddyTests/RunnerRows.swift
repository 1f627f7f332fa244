// The runner and the end of a program: rows RUN, and MIX-12.
//
// Swift Testing runs these off the main thread, where no signal is watched: the rows about signals
// run the program Tests/Programs/Signals, which raises them itself.

import CEddy
import Testing

@testable import Eddy

/// A runner of its own thread, on the virtual clock, closed at the end.
private func withRunner<Value>(
  grace: Duration? = nil, _ body: @escaping (Runner) throws -> Value
) throws -> Value {
  try onNewThread {
    var options = LoopOptions()
    options.hasVirtualClock = true
    options.grace = grace
    let runner = Runner(options: options)
    let result = Result { try body(runner) }
    try runner.close()
    return try result.get()
  }
}

private func statusOf(_ body: () throws -> Void) -> String {
  do {
    try body()
    return "ok"
  } catch { return name(error) }
}

/// As a C program declares one, and C functions that set and read it.
private nonisolated(unsafe) let form: UnsafePointer<eddy_var_t> = {
  let form = UnsafeMutablePointer<eddy_var_t>.allocate(capacity: 1)
  form.initialize(
    to: eddy_var_t(
      size: UInt32(MemoryLayout<eddy_var_t>.size), reserved: 0, name: nil, default_value: nil,
      release: nil))
  return UnsafePointer(form)
}()
private let numberInContext = ContextVariable(form)
private let setNumber: eddy_task_fn = { eddy_var_set(form, $0, nil) }
private let getNumber: eddy_task_fn = { _ in
  var number: UnsafeMutableRawPointer?
  let status = eddy_var_get(form, &number)
  return status == EDDY_OK ? eddy_return(number, nil) : status
}

@Suite struct RunnerRows {
  @Test("RUN-01: a fresh loop, its value or its error; refused inside another")
  func fresh() throws {
    let status = try onNewThread { () -> [String] in
      let inside = Cell("")
      let first = statusOf {
        try runLoop {
          _ = try await spawnC {
            inside.value = statusOf { try runLoop {} }
            return EDDY_OK
          }.join()
          throw Boom(number: 3)
        }
      }
      let hasNone = LoopState.ofThread == nil
      return [first, inside.value, "\(hasNone)", "\(try runLoop { 5 })"]
    }
    #expect(status == ["Boom3", "EBUSY", "true", "5"])
  }

  @Test("RUN-02, RUN-03: leftovers are cancelled and awaited, also when the root failed")
  func leftovers() throws {
    let trace = Trace()
    #expect(throws: Boom(number: 2)) {
      try onLoop {
        try spawn {
          trace.add(await outcome { try await sleep(for: .seconds(9)) })
          await stay(20)
          trace.add("clean")
        }
        try await sleep(for: .milliseconds(1))
        trace.add("root")
        throw Boom(number: 2)
      }
    }
    #expect(trace.words == ["root", "CancellationError", "clean"])
  }

  @Test("RUN-05: a leftover that swallows its cancellation is awaited, and not reported")
  func swallowing() throws {
    let reports = try onReportingLoop { reports in
      _ = try? spawn {
        reports.add(await outcome { try await sleep(for: .seconds(9)) })
        await stay(20)
        reports.add("ended")
      }
      _ = sleepInC(1)
      reports.add("root")
    }
    #expect(reports == ["root", "CancellationError", "ended"])
  }

  @Test("RUN-04: a leftover's failure is reported as one of the shutdown")
  func failing() throws {
    let reports = try onReportingLoop { _ in
      _ = try? spawn {
        _ = await outcome { try await sleep(for: .seconds(9)) }
        throw Boom(number: 4)
      }
      _ = sleepInC(1)
    }
    #expect(reports.count == 1)
    #expect(reports.first?.contains("the loop's shutdown") == true)
    #expect(reports.first?.contains("Boom(number: 4)") == true)
  }

  @Test("RUN-06: what a leftover spawns is refused or awaited")
  func spawning() throws {
    let trace = Trace()
    try onLoop {
      try spawn {
        _ = await outcome { try await sleep(for: .seconds(9)) }
        trace.add(await outcome { try spawn {} })
        _ = try? await withShield {
          try await withGroup { group in
            try group.spawn {
              try await sleep(for: .milliseconds(30))
              trace.add("grandchild")
            }
          }
        }
      }
      try await sleep(for: .milliseconds(1))
    }
    #expect(trace.words == ["CancellationError", "grandchild"])
  }

  @Test("RUN-07: a leftover that never ends: EGRACE, and the thread is free for another loop")
  func stubborn() throws {
    let words = try onNewThread { () -> [String] in
      var options = LoopOptions()
      options.hasVirtualClock = true
      options.grace = .milliseconds(10)
      let runner = Runner(options: options)
      let first = statusOf {
        try runner.run {
          try spawn(name: "the-stubborn-one") {
            await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
          }
          try await sleep(for: .milliseconds(1))
        }
      }
      let closing = statusOf { try runner.close() }
      return [first, closing, statusOf { try runner.close() }, "\(try runLoop { 7 })"]
    }
    #expect(words == ["ok", "EGRACE", "ok", "7"])
  }

  @Test("RUN-17: made at the first run; several runs share the loop, its tasks and its context")
  func severalRuns() throws {
    let words = try withRunner { runner -> [String] in
      let isLazy = LoopState.ofThread == nil
      let ticks = Cell(0)
      let future = try runner.run { () -> TaskHandle<Int> in
        try spawn {
          for _ in 0..<5 {
            try await sleep(for: .seconds(1))
            ticks.value += 1
          }
          return 9
        }
      }
      let loop = LoopState.ofThread?.loop.id
      try runner.run { try await sleep(for: .milliseconds(3500)) }
      let between = ticks.value
      let value = try runner.run { try await future.value }
      return ["\(isLazy)", "\(between)", "\(value)", "\(loop == LoopState.ofThread?.loop.id)"]
    }
    #expect(words == ["true", "3", "9", "true"])
  }

  @Test("RUN-17: what C code of a root sets is there in the next run, in both languages")
  func sharedContext() throws {
    let seen = try withRunner { runner -> [Int] in
      try runner.run(setNumber, context: pointer(11))
      let inSwift = try runner.run { numberInContext.value.raw.map { Int(bitPattern: $0) } ?? 0 }
      let inC = try runner.run(getNumber).map { Int(bitPattern: $0) } ?? 0
      return [inSwift, inC]
    }
    #expect(seen == [11, 11])
  }

  @Test("RUN-18: closed twice; a run after the close and a run inside a run are refused")
  func closed() throws {
    let words = try onNewThread { () -> [String] in
      let runner = Runner()
      let shared = Cell(runner)
      let inside = Cell("")
      try runner.run {
        _ = try await spawnC {
          let runner = shared.value
          inside.value = statusOf { try runner.run {} } + " " + statusOf { try runner.close() }
          return EDDY_OK
        }.join()
      }
      try runner.close()
      try runner.close()
      let never = Runner()
      try never.close()
      return [inside.value, statusOf { try runner.run {} }, statusOf { try never.run {} }]
    }
    #expect(words == ["EBUSY EBUSY", "ECLOSED", "ECLOSED"])
  }

  @Test("RUN-18, LOOP-14: a run inside a Swift task of the runner is refused")
  func insideTask() throws {
    let status = try withRunner { runner -> String in
      let shared = Cell(runner)
      return try runner.run { await outcome { try shared.value.run {} } }
    }
    #expect(status == "EDEADLK")
  }

  @Test("LOOP-12, LOOP-17: a root that is stopped is a task like any other")
  func stopped() throws {
    let words = try withRunner { runner -> [String] in
      let trace = Trace()
      let first = statusOf {
        try runner.run {
          _ = eddy_loop_stop(try loopState().loop)
          try await sleep(for: .seconds(1))
          trace.add("root")
        }
      }
      try runner.run { try await sleep(for: .seconds(2)) }
      return [first] + trace.words
    }
    #expect(words == ["ESTOPPED", "root"])
  }
}
