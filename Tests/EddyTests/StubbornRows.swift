// M2 in Swift: a task whose waits fail again and again is named with its stack, once, and slowed
// down. 1000 failures are free; each later one takes 1 ms of the loop's clock.

import CEddy
import Eddy
import Testing

/// What a test's loop has reported, and how long the stubborn code took, in milliseconds.
private struct Run: Sendable {
  var reports: [Report] = []
  var milliseconds: Int64 = 0

  /// The lines of the only report: who, and the functions.
  var lines: [String] {
    reports.count == 1 ? reports[0].text.split(separator: "\n").map(String.init) : []
  }

  /// The report is one of a stubborn task of this name.
  func names(_ task: String) -> Bool {
    let text = "a task ignores its cancellation; it is slowed down: \(task)"
    return lines.first == text && reports[0].status == EDDY_ECANCELED
      && reports[0].site?.contains("StubbornRows.swift:") == true
  }

  /// Whether the report shows functions with these names, the first innermost.
  func shows(_ functions: String...) -> Bool {
    var rest = lines.dropFirst()
    for function in functions {
      guard let at = rest.firstIndex(where: { $0.contains(function) }) else { return false }
      rest = rest[(at + 1)...]
    }
    return !functions.isEmpty
  }
}

/// Cancels a task named "deaf" while it waits, and lets it go on with `stubborn`.
private func cancelling(
  _ stubborn: @escaping @Sendable () async throws -> Void
) throws -> Run {
  let reports = Cell<[Report]>([])
  var options = LoopOptions()
  options.hasVirtualClock = true
  options.report = { reports.value.append($0) }
  let made = options
  let milliseconds = try onNewThread {
    try runLoop(options: made) {
      let task = try spawn(name: "deaf") {
        try? await sleep(for: .seconds(1))
        try await stubborn()
      }
      try await sleep(for: .milliseconds(10))
      task.cancel()
      try await task.value
      return now() - 10
    }
  }
  return Run(reports: reports.value, milliseconds: milliseconds)
}

@inline(never)
private func sleepsOnRegardless(_ times: Int) async {
  for _ in 0..<times { try? await sleep(for: .seconds(1)) }
}

@inline(never)
private func readsOnRegardless(_ task: TaskHandle<Void>, _ times: Int) async {
  for _ in 0..<times { _ = try? await task.value }
}

@inline(never)
private func opensOnRegardless(_ times: Int) async {
  for _ in 0..<times {
    _ = try? await withTimeout(.seconds(5)) { try await sleep(for: .seconds(1)) }
  }
}

/// Starts what does not end before the end of the loop.
private func spawnEndless() throws -> TaskHandle<Void> {
  try spawn { try await sleep(for: .seconds(3600)) }
}

@Suite struct StubbornRows {
  @Test("Must show: M2: a Swift task that ignores its cancellation is named with its stack, once")
  func sleeping() throws {
    let run = try cancelling { await sleepsOnRegardless(2000) }
    #expect(run.names("deaf"), "\(run.reports)")
    #expect(run.shows("sleepsOnRegardless", "sleeping()"), "\(run.reports)")
    // The wait that was given up, and 999 of these, were free.
    #expect(run.milliseconds == 1001)
  }

  @Test("M2: the same by waits for a value")
  func reading() throws {
    let run = try cancelling {
      let endless = try spawnEndless()
      await readsOnRegardless(endless, 2000)
    }
    #expect(run.names("deaf"), "\(run.reports)")
    #expect(run.shows("readsOnRegardless", "reading()"), "\(run.reports)")
    #expect(run.milliseconds == 1001)
  }

  @Test("M2: the same by waits for several tasks")
  func otherWaits() throws {
    let run = try cancelling {
      let endless = try spawnEndless()
      for _ in 0..<400 {
        _ = try? await waitAny([endless])
        _ = try? await select([endless])
        var completed = asCompleted([endless]).makeAsyncIterator()
        _ = try? await completed.next()
      }
    }
    #expect(run.names("deaf"), "\(run.reports)")
    #expect(run.shows("otherWaits()"), "\(run.reports)")
    #expect(run.milliseconds == 201)
  }

  @Test("M2: each wait in a fresh scope: counted in the one that is cancelled, of the task")
  func inFreshScopes() throws {
    let run = try cancelling { await opensOnRegardless(2000) }
    #expect(run.names("deaf"), "\(run.reports)")
    #expect(run.shows("opensOnRegardless", "inFreshScopes()"), "\(run.reports)")
    #expect(run.milliseconds == 1001)
  }

  @Test("M2: a scope that is cancelled itself counts alone, and its body is named")
  func inAScopeThatExpires() throws {
    let run = try cancelling {
      try await withShield {
        for _ in 0..<2 {
          try? await withTimeout(.milliseconds(10)) { await sleepsOnRegardless(800) }
        }
      }
    }
    #expect(run.reports.isEmpty, "\(run.reports)")
    #expect(run.milliseconds == 20)
  }

  @Test("M2: children that Swift makes fail once each: that is no task that ignores cancellation")
  func childrenOfSwift() throws {
    let run = try cancelling {
      await withTaskGroup { group in
        for _ in 0..<2000 { group.addTask { try? await sleep(for: .seconds(1)) } }
      }
    }
    #expect(run.reports.isEmpty, "\(run.reports)")
    #expect(run.milliseconds == 0)
  }

  @Test("M2: nor do the scopes that many children open, each for one wait")
  func scopesOfChildrenOfSwift() throws {
    let run = try cancelling {
      await withTaskGroup { group in
        for _ in 0..<1500 { group.addTask { await opensOnRegardless(1) } }
      }
    }
    #expect(run.reports.isEmpty, "\(run.reports)")
    #expect(run.milliseconds == 0)
  }

  @Test("M2: a body in such a scope counts alone")
  func bodyInAScopeOfAChild() throws {
    let run = try cancelling {
      await withTaskGroup { group in
        group.addTask { try? await withTimeout(.seconds(5)) { await sleepsOnRegardless(2000) } }
      }
    }
    #expect(run.reports.count == 1 && run.shows("sleepsOnRegardless"), "\(run.reports)")
    // The wait that was given up was not the body's.
    #expect(run.milliseconds == 1000)
  }

  @Test("M2: fewer failures than 1000, and reading what is complete, make no report")
  func within() throws {
    let run = try cancelling {
      let done = try spawn { 7 }
      await sleepsOnRegardless(990)
      for _ in 0..<2000 { _ = try await done.value }
    }
    #expect(run.reports.isEmpty, "\(run.reports)")
    #expect(run.milliseconds == 0)
  }

  @Test("TSK-21, M2: slowed down it still sees each wait fail, and others run meanwhile")
  func othersRun() throws {
    let ticks = Cell(0)
    let run = try cancelling {
      let ticker = try spawn {
        while true {
          try await sleep(for: .milliseconds(1))
          ticks.value += 1
        }
      }
      await sleepsOnRegardless(1100)
      #expect(await outcome { try await ticker.value } == "CancellationError")
    }
    #expect(run.names("deaf"), "\(run.reports)")
    #expect(ticks.value >= 100)
  }

  @Test("Must show: a Swift task that does not end at shutdown is named with where it waits")
  func atShutdown() throws {
    let reports = Cell<[Report]>([])
    var options = LoopOptions()
    options.hasVirtualClock = true
    options.grace = .milliseconds(10)
    options.report = { reports.value.append($0) }
    let made = options
    try onNewThread {
      let runner = Runner(options: made)
      try runner.run {
        let endless = try spawn {
          await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
        }
        try spawn(name: "joiner") { await joinsForGood(endless) }
        try await sleep(for: .milliseconds(1))
      }
      _ = try? runner.close()
    }
    #expect(reports.value.count == 2, "\(reports.value)")
    // What it waits for waits for something else than Eddy.
    #expect(reports.value.contains { $0.text.contains("\n    (it has no stack to show)\n") })
    let run = Run(reports: reports.value.filter { $0.text.contains(": joiner\n") })
    #expect(run.lines.first?.hasPrefix("a task did not end at shutdown") == true)
    #expect(run.shows("joinsForGood", "atShutdown()"), "\(reports.value)")
  }
}

@inline(never)
private func joinsForGood(_ task: TaskHandle<Void>) async {
  try? await task.join()
  // So that it is no tail call.
  _ = now()
}
