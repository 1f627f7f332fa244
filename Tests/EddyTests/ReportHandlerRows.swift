// LOOP-21 to 24, as a Swift user meets them: a closure that hears reports.

import CEddy
import Eddy
import Testing

private let word = ContextVariable("word", default: "none")

/// Runs `body` on a loop whose reports go to `report`.
private func onLoop(
  reporting report: ReportHandler?, _ body: @escaping @Sendable () async throws -> Void
) throws {
  var options = LoopOptions()
  options.hasVirtualClock = true
  options.report = report
  let made = options
  try onNewThread { try runLoop(options: made) { try await body() } }
}

@Suite struct ReportHandlerRows {
  @Test("LOOP-21, LOOP-24: the handler hears a failure that nobody reads; the loop goes on")
  func heard() throws {
    let trace = Trace()
    let handler: ReportHandler = { report in
      trace.add(name(report.status))
      trace.add(report.text.contains("Boom(number: 1)") ? "Boom" : report.text)
      trace.add(report.site?.contains("ReportHandlerRows.swift:") == true ? "here" : "nowhere")
    }
    try onLoop(reporting: handler) {
      _ = try spawn { throw Boom(number: 1) }
      try await sleep(for: .seconds(1))
      trace.add("on")
    }
    #expect(trace.words == ["EFOREIGN", "Boom", "here", "on"])
  }

  @Test("LOOP-22: a handler that throws: the loop goes on")
  func throwing() throws {
    let trace = Trace()
    let handler: ReportHandler = { _ in
      trace.add("heard")
      throw Boom(number: 3)
    }
    try onLoop(reporting: handler) {
      _ = try spawn { throw Boom(number: 2) }
      try await sleep(for: .seconds(1))
      trace.add("on")
    }
    #expect(trace.words == ["heard", "on"])
  }

  @Test("LOOP-23: the handler reads the variables of the task concerned")
  func context() throws {
    let trace = Trace()
    let handler: ReportHandler = { _ in trace.add(word.value) }
    try onLoop(reporting: handler) {
      try word.withValue("child") { _ = try spawn { throw Boom(number: 4) } }
      try await word.withValue("root") {
        try await sleep(for: .seconds(1))
        let handle = Cell<TaskHandle<Void>?>(
          try word.withValue("dropped") { try spawn { throw Boom(number: 5) } })
        try await sleep(for: .seconds(1))
        handle.value = nil
      }
    }
    #expect(trace.words == ["child", "dropped"])
  }

  @Test("LOOP-06: equal deadlines, in the order of registration")
  func equalDeadlines() throws {
    let trace = Trace()
    try onLoop(reporting: nil) {
      try await withGroup { group in
        for number in 1...6 {
          _ = try group.spawn {
            try await sleep(for: .seconds(1))
            trace.add("\(number)")
          }
        }
      }
    }
    #expect(trace.words == ["1", "2", "3", "4", "5", "6"])
  }
}
