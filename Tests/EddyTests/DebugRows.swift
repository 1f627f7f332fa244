// Debug mode from Swift: RUN-20 and LOOP-26. The environment's part is in Tests/C/debug_slow.c:
// here it would reach the tests that run beside these.

import CEddy
import Testing

@testable import Eddy

private func debugOptions() -> LoopOptions {
  var options = LoopOptions()
  options.hasVirtualClock = true
  options.isDebug = true
  // Every step is slow, and none blocks.
  options.slowStep = .nanoseconds(1)
  options.blockedAfter = .seconds(3600)
  return options
}

/// Keeps the running loop's reports from now on.
private func keepReports(in reports: Trace) {
  var loop = eddy_loop_t()
  _ = eddy_loop_current(&loop)
  let hook: eddy_report_fn = { context, report in
    let reports = Unmanaged<Trace>.fromOpaque(context!).takeUnretainedValue()
    reports.add("\(name(report.pointee.status)) \(String(cString: report.pointee.text))")
    return EDDY_OK
  }
  _ = eddy_loop_set_report(loop, hook, Unmanaged.passUnretained(reports).toOpaque())
}

@Suite struct DebugRows {
  @Test("RUN-20: an explicit choice, or none, which leaves it to the environment")
  func choices() throws {
    var options = LoopOptions()
    let both = EDDY_LOOP_DEBUG | EDDY_LOOP_NO_DEBUG
    #expect(options.forC.flags & both == 0)
    #expect(options.forC.slow_ns == 0 && options.forC.blocked_ns == 0)
    for isDebug in [true, false] {
      options.isDebug = isDebug
      let chosen = options
      let isOn = try onNewThread {
        try runLoop(options: chosen) {
          var loop = eddy_loop_t()
          _ = eddy_loop_current(&loop)
          return eddy_loop_is_debug(loop)
        }
      }
      #expect(isOn == (isDebug ? 1 : 0))
    }
    #expect(debugOptions().forC.slow_ns == 1)
    #expect(debugOptions().forC.blocked_ns == 3_600_000_000_000)
  }

  @Test("LOOP-26: slow steps of a Swift task are reported with its name, also after a wait")
  func named() throws {
    let reports = Trace()
    try onNewThread {
      try runLoop(options: debugOptions()) {
        keepReports(in: reports)
        let task = try spawn(name: "sloth") {
          try await sleep(for: .milliseconds(1))
          try await sleep(for: .milliseconds(1))
        }
        try await task.value
      }
    }
    #expect(reports.words.allSatisfy { $0.hasPrefix("EBUSY a ") && $0.contains(" took ") })
    // Its first step, one after each wait, and the close of its scope.
    #expect(reports.words.filter { $0.hasSuffix(" s: sloth") }.count == 4)
  }
}
