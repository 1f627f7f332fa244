// The three parts of the demo that run inside the group.
//
// Each checks what it says and ends the process with status 1 if that was not so.
// Threads: the loop's.

import CEddy
import DemoC
import Eddy

let full = 50
let slow = 5
let idleMilliseconds: Int64 = 1000
let tickMilliseconds: Int64 = 100

struct OnPurpose: Error, Equatable { var number = 42 }

/// The files through all connections at once: none sends more before all are open.
func sendFiles(_ world: World) async throws {
  let start = nowNanoseconds()
  let gate = try world.ledger.spawn("Swift gate", in: world.group) { _ in
    while world.figures.arrived < full { try await sleep(for: .milliseconds(2)) }
    expect(world.figures.live == full, "\(world.figures.live) connections are open, not \(full)")
    expect(demo_counts().cleanups == 0, "the server has closed some already")
  }
  let clients = try (1...full).map { number in
    try world.ledger.spawn("Swift client \(number)", in: world.group) { entry in
      try await Client.with(world, entry) { client in
        try await client.echo([world.payload[0]], piece: 1)
        world.figures.arrived += 1
        entry.awaits = "Swift gate"
        try await gate.value
        entry.awaits = nil
        try await client.echo(world.payload, piece: 1 + number * 977 % 8192)
      }
    }
  }
  for client in clients { try await client.value }
  while demo_counts().cleanups < full { try await sleep(for: .milliseconds(2)) }
  let counts = demo_counts()
  expect(counts.served == full && counts.idle == 0, "the server tells otherwise: \(counts)")
  expect(world.figures.bytes == full * (world.payload.count + 1), "bytes are missing")
  let milliseconds = (nowNanoseconds() - start) / 1_000_000
  print(
    """
    2. \(full) connections at once, \(world.payload.count) bytes of real files through each: Swift \
    checked every byte
       that C sent back, in \(milliseconds) ms.
    """)
  world.ledger.forgetEnded()
}

/// One connection says nothing, while others send a byte now and then.
func beSilent(_ world: World) async throws {
  for number in 1...slow {
    _ = try world.ledger.spawn("Swift client \(full + number)", in: world.group) { entry in
      try await Client.with(world, entry) { client in
        while !world.figures.isStill {
          try await client.echo([42], piece: 1)
          try await sleep(for: .milliseconds(tickMilliseconds))
        }
        try await client.ready(EDDY_READABLE)
        fail("the server has closed the connection of \(entry.name)")
      }
    }
  }
  let start = nowNanoseconds()
  let silent = try world.ledger.spawn("Swift client, silent", in: world.group) { entry in
    try await Client.with(world, entry) { try await $0.end() }
  }
  try await silent.value
  let closedAfter = (nowNanoseconds() - start) / 1_000_000
  expect(closedAfter >= idleMilliseconds, "the silent one was closed after \(closedAfter) ms")
  try await sleep(for: .milliseconds(idleMilliseconds))
  expect(demo_counts().idle == 1, "\(demo_counts().idle) were closed by their idle deadline")
  expect(world.figures.live == slow, "\(world.figures.live) are open, not \(slow)")
  print(
    """
    3. One silent connection was closed after \(closedAfter) ms by its own idle deadline of \
    \(idleMilliseconds) ms.
       The \(slow) beside it sent a byte every \(tickMilliseconds) ms for twice that time, and all \
    are open.
    """)
}

/// Lets all of them wait, tells who waits for whom, and fails. It does not return.
func failOnPurpose(_ world: World) async throws {
  let clock = try world.ledger.spawn("Swift clock", in: world.group) { entry in
    entry.awaits = "a time"
    try await sleep(for: .seconds(3600))
  }
  let pointer = UnsafeMutablePointer<eddy_task_t>.allocate(capacity: 1)
  pointer.initialize(to: clock.task)
  _ = try world.ledger.spawn("C auditor", in: world.group, demo_join, pointer)
  world.figures.isStill = true
  try await sleep(for: .milliseconds(2 * tickMilliseconds))
  world.ledger.forgetEnded()
  tellWhoWaits(world)
  _ = try world.ledger.spawn("Swift saboteur", in: world.group) { _ in throw OnPurpose() }
  try await sleep(for: .seconds(60))
  fail("the failure did not cancel the group's body")
}

func tellWhoWaits(_ world: World) {
  let now = nowNanoseconds()
  let live = world.ledger.all.filter { $0.isLive }
  let threads = demo_threads()
  print("4. Who waits for whom, now, in one group, on \(threads) thread:")
  expect(threads == 1, "\(threads) threads")
  for entry in live {
    expect(entry.info.scope.id == world.group.scope.id, "\(entry.name) is in another group")
    print("     \(padded(entry.name)) -> \(world.ledger.waiting(entry, now: now))")
  }
  // The server, a connection and a wait for each slow client, the auditor; the clients, the clock.
  let ofSwift = live.filter { $0.isSwift }.count
  expect(ofSwift == slow + 1, "\(ofSwift) Swift tasks are live")
  expect(live.count - ofSwift == 2 * slow + 2, "\(live.count - ofSwift) C tasks are live")
  expect(live.allSatisfy { $0.isSwift || $0.info.state == EDDY_TASK_WAITING }, "a C task runs")
}

func padded(_ name: String) -> String {
  name + String(repeating: " ", count: max(0, 28 - name.count))
}
