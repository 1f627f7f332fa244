// A client connection in Swift. It waits for its socket by a C task, its sibling in the group,
// since only C tasks can wait for a descriptor.
//
// Owns the socket, closed in every outcome by `with`. Threads: the loop's.

import CEddy
import DemoC
import Eddy
import Glibc

struct Mismatch: Error { let text: String }

/// What the clients have done; one thread uses it, the loop's.
final class Figures: @unchecked Sendable {
  var bytes = 0
  var opened = 0
  var live = 0
  var cleanups = 0
  /// Clients of the first part that have had an echo.
  var arrived = 0
  /// The slow clients say nothing more.
  var isStill = false
}

final class Client {
  let fd: Int32
  private let world: World
  private let entry: Entry

  private init(_ world: World, _ entry: Entry) throws {
    self.world = world
    self.entry = entry
    fd = demo_connect(world.port)
    if fd < 0 { throw Mismatch(text: "\(entry.name) cannot connect: errno \(-fd)") }
  }

  static func with<Value>(
    _ world: World, _ entry: Entry, _ body: (Client) async throws -> Value
  ) async throws -> Value {
    let client = try Client(world, entry)
    world.figures.opened += 1
    world.figures.live += 1
    defer {
      close(client.fd)
      world.figures.live -= 1
      world.figures.cleanups += 1
    }
    try await client.ready(EDDY_WRITABLE)
    return try await body(client)
  }

  /// Spawns a C task that waits for the socket, and joins it: a cancelled client cancels it.
  func ready(_ events: Int32) async throws {
    let name = "C wait of \(entry.name)"
    let wait = try world.ledger.spawn(
      name, in: world.group, demo_wait, demo_wait_context(fd, events))
    entry.awaits = name
    defer { entry.awaits = nil }
    _ = try await wait.join()
  }

  /// Sends all bytes, in pieces, and compares each that comes back.
  func echo(_ payload: [UInt8], piece: Int) async throws {
    var sent = 0
    var got = 0
    while got < payload.count {
      let sends = send(payload, from: &sent, atMost: piece)
      let gets = try receive(payload, &got)
      if sends || gets { continue }
      try await ready(sent < payload.count ? EDDY_READABLE | EDDY_WRITABLE : EDDY_READABLE)
    }
  }

  private func send(_ payload: [UInt8], from sent: inout Int, atMost piece: Int) -> Bool {
    let count = min(piece, payload.count - sent)
    if count == 0 { return false }
    let done = payload.withUnsafeBytes {
      Glibc.send(fd, $0.baseAddress! + sent, count, Int32(MSG_NOSIGNAL))
    }
    if done > 0 { sent += done }
    return done > 0
  }

  private func receive(_ payload: [UInt8], _ got: inout Int) throws -> Bool {
    var buffer = [UInt8](repeating: 0, count: 16384)
    let count = recv(fd, &buffer, buffer.count, 0)
    if count < 0, errno == EAGAIN || errno == EINTR { return false }
    if count <= 0 { throw Mismatch(text: "\(entry.name): closed after \(got) bytes") }
    guard count <= payload.count - got, buffer[..<count] == payload[got..<got + count] else {
      throw Mismatch(text: "\(entry.name): other bytes came back, after byte \(got)")
    }
    got += count
    world.figures.bytes += count
    return true
  }

  /// Waits for the server's close, and for nothing else.
  func end() async throws {
    try await ready(EDDY_READABLE)
    var byte: UInt8 = 0
    if recv(fd, &byte, 1, 0) != 0 { throw Mismatch(text: "\(entry.name): no end of the stream") }
  }
}
