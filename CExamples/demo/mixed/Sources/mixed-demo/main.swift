// The mixed demo: a C echo server and Swift clients in one process, on one loop, in one group.
//
// Usage: mixed-demo FILE...     (what the clients send)
// Exit status 0 only if all that it tells was so; a watchdog ends it after 30 seconds.

import CEddy
import DemoC
import Eddy

demo_begin(30)
if CommandLine.arguments.count < 2 { fail("usage: mixed-demo FILE...") }
let payload = CommandLine.arguments.dropFirst().flatMap(readFile)

try runLoop { [payload] in
  let start = nowNanoseconds()
  let ledger = Ledger()
  let figures = Figures()
  let descriptors = demo_open_descriptors()
  nonisolated(unsafe) let settings = UnsafeMutablePointer<demo_server_t>.allocate(capacity: 1)
  defer { settings.deallocate() }
  do {
    try await withGroup { group in
      settings.initialize(
        to: demo_server_t(group: group.scope, idle_ns: idleMilliseconds * 1_000_000))
      _ = try ledger.spawn("C server", in: group, demo_serve, settings)
      let listening = try group.spawn(name: "C port", demo_wait_listening)
      let port = Int32(Int(bitPattern: try await listening.join()))
      print("1. C listens on 127.0.0.1:\(port). Swift will be its client, in the same group.")
      let world = World(
        group: group, ledger: ledger, figures: figures, port: port, payload: payload)
      try await sendFiles(world)
      try await beSilent(world)
      try await failOnPurpose(world)
    }
    fail("the group did not fail")
  } catch {
    let cancelled = tellWhatWasCancelled(ledger, error)
    checkCleanups(figures, descriptorsBefore: descriptors)
    demo_forget_tasks()
    let milliseconds = (nowNanoseconds() - start) / 1_000_000
    print(
      """
      demo: ok: \(figures.opened) connections, \(figures.bytes) bytes checked, \(milliseconds) ms, \
      \(cancelled.ofC) C and \(cancelled.ofSwift) Swift tasks cancelled, \
      \(demo_counts().cleanups) C and \(figures.cleanups) Swift cleanups run, 1 thread, \
      max RSS \(demo_max_rss_kib()) KiB
      """)
  }
}
