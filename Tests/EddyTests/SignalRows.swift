// SIGINT and SIGTERM: rows RUN-10 to RUN-16, and MIX-12.
//
// Swift Testing's tests are not on the main thread, where signals are watched, so each runs the
// program Tests/Programs/Signals, which raises them itself.

import Eddy
import Glibc
import Testing

private let asked = "SIGINT asked the program to end"
private func failed(_ code: Int32) -> String { "failed with \(code << 8)" }

private func lines(_ name: String) throws -> [String] {
  try run("eddy-signals", name).split(separator: "\n").map { String($0) }
}

@Suite struct SignalRows {
  @Test("MIX-12, RUN-10, RUN-11: an interrupt cancels the root; both languages unwind")
  func bothLanguages() throws {
    #expect(
      try lines("both") == [
        "body: CancellationError(), signal 2: \(asked)", "C: EDDY_ECANCELED, reason 7",
        "Swift: CancellationError(), signal 2: \(asked)", "SIGINT: interrupted, exit code 130",
        failed(130),
      ])
  }

  @Test("RUN-11: SIGTERM has a reason, an error and an exit code of its own")
  func terminate() throws {
    #expect(
      try lines("terminate") == [
        "root: CancellationError(), signal 15: SIGTERM asked the program to end",
        "SIGTERM: interrupted, exit code 143", failed(143),
      ])
  }

  @Test("MIX-12, RUN-13: the second one is immediate")
  func second() throws {
    let said = try lines("second")
    #expect(said.count == 4)
    // Killed by the signal: it is the status itself.
    #expect(said.last == "failed with \(SIGINT)")
  }

  @Test("RUN-12: a root that swallows it has its value, or its other error")
  func swallowed() throws {
    let first = "root: CancellationError(), signal 2: \(asked)"
    #expect(try lines("swallowed") == [first, "value 5"])
    #expect(try lines("other") == [first, "TimeoutError"])
  }

  @Test("RUN-14: cancelled by somebody else first: that is the reason, and no interrupt")
  func cancelledFirst() throws {
    #expect(
      try lines("cancelled") == ["root: CancellationError(), no signal: enough", "value 6"])
  }

  @Test("RUN-15: a root that never blocks")
  func busy() throws {
    #expect(try lines("busy") == ["SIGINT: interrupted, exit code 130", failed(130)])
  }

  @Test("RUN-16: signals are left alone where the options say so")
  func left() throws {
    #expect(try lines("left") == ["failed with \(SIGINT)"])
  }

  @Test("RUN-10: a root of the main actor")
  func mainActor() throws {
    #expect(
      try lines("main-actor") == [
        "root: CancellationError(), signal 2: \(asked)", "SIGINT: interrupted, exit code 130",
        failed(130),
      ])
  }

  @Test("RUN-11, RUN-17: each run of a runner has its own")
  func runner() throws {
    #expect(
      try lines("runner") == [
        "root: CancellationError(), signal 2: \(asked)", "SIGINT: interrupted",
        "root: CancellationError(), signal 15: SIGTERM asked the program to end",
        "SIGTERM: interrupted", "value 7",
      ])
  }
}
