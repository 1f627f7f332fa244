// Where code runs: fact 10, handles that leave the loop, and a process with one thread.

import CEddy
import Glibc
import Testing

@testable import Eddy

private actor Plain {
  func thread() -> pthread_t { pthread_self() }
}

private actor Bound {
  nonisolated let executor: any SerialExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
  init(_ executor: any SerialExecutor) { self.executor = executor }
  func thread() -> pthread_t { pthread_self() }
}

@concurrent private func concurrentThread() async -> pthread_t { currentThread() }
private func currentThread() -> pthread_t { pthread_self() }

/// Runs another program of this build and returns what it printed, and how it failed if it did.
func run(_ program: String, _ argument: String? = nil) throws -> String {
  var path = [CChar](repeating: 0, count: 4096)
  let length = readlink("/proc/self/exe", &path, path.count - 1)
  let bytes = path.prefix(max(length, 0)).map { UInt8(bitPattern: $0) }
  let own = String(decoding: bytes, as: UTF8.self)
  let folder = own[..<(own.lastIndex(of: "/") ?? own.startIndex)]
  var ends: [Int32] = [0, 0]
  guard pipe(&ends) == 0 else { throw EddyError(status: -errno) }
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
  posix_spawn_file_actions_addclose(&actions, ends[0])
  var child = pid_t()
  let arguments = [strdup(program), argument.flatMap { strdup($0) }, nil]
  defer { for text in arguments { free(text) } }
  // Whoever runs the tests may ignore signals, and a thread of a pool blocks them: a program
  // inherits both.
  var none = sigset_t()
  sigemptyset(&none)
  var attributes = posix_spawnattr_t()
  var defaults = sigset_t()
  posix_spawnattr_init(&attributes)
  defer { posix_spawnattr_destroy(&attributes) }
  sigaddset(&defaults, SIGINT)
  sigaddset(&defaults, SIGTERM)
  posix_spawnattr_setsigdefault(&attributes, &defaults)
  posix_spawnattr_setsigmask(&attributes, &none)
  posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
  let status = posix_spawn(
    &child, "\(folder)/\(program)", &actions, &attributes, arguments, environ)
  close(ends[1])
  defer { close(ends[0]) }
  guard status == 0 else { throw EddyError(status: -status, message: "cannot run \(program)") }
  var text = ""
  var buffer = [UInt8](repeating: 0, count: 256)
  while case let count = read(ends[0], &buffer, buffer.count), count > 0 {
    text += String(decoding: buffer.prefix(count), as: UTF8.self)
  }
  var result: Int32 = 0
  waitpid(child, &result, 0)
  return result == 0 ? text : "\(text)failed with \(result)"
}

@Suite struct ThreadTests {
  @Test("a process that runs only tasks of Eddy, C and Swift, has one thread")
  func oneThread() throws {
    #expect(try run("eddy-one-thread") == "1\n")
  }

  @Test("Fact 10: what a loop task makes stays on the loop's thread")
  func staysOnTheLoop() throws {
    try onLoop {
      let thread = pthread_self()
      async let lane = currentThread()
      #expect(await lane == thread)
      #expect(await Plain().thread() == thread)
      #expect(await Bound(loopExecutor!).thread() == thread)
      #expect(await concurrentThread() == thread)
      let threads = try await withThrowingTaskGroup(of: pthread_t.self) { group in
        for _ in 0..<3 { group.addTask { currentThread() } }
        group.addTask {
          try await sleep(for: .milliseconds(1))
          return currentThread()
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(threads == Array(repeating: thread, count: 4))
      #expect(try await spawn { currentThread() }.join() == thread)
      #expect(try await withTimeout(.seconds(1)) { currentThread() } == thread)
      #expect(try await withShield { currentThread() } == thread)
      #expect(try await withGroup { _ in currentThread() } == thread)
    }
  }

  @Test("Fact 10: an unstructured task leaves the loop, and its waits come back to it")
  func leavesTheLoop() async throws {
    try await onLoopAside {
      let thread = pthread_self()
      let target = try spawn {
        try await sleep(for: .milliseconds(1))
        return 6
      }
      let away = Task {
        #expect(currentThread() != thread)
        let value = try await target.value
        #expect(currentThread() != thread)
        return value
      }
      #expect(try await away.value == 6)
      #expect(currentThread() == thread)
    }
  }

  @Test("a handle can be let go on another thread while the loop runs")
  func releasedElsewhere() async throws {
    try await onLoopAside {
      for _ in 0..<100 {
        let handle = Cell<TaskHandle<Int>?>(try spawn { 1 })
        await Task { handle.value = nil }.value
        try await sleep(for: .zero)
      }
    }
  }

  @Test("a handle can outlive its loop: it is let go, cancelled and awaited in vain")
  func outlivesTheLoop() async throws {
    var handle: TaskHandle<Int>? = try onLoop { try spawn { 1 } }
    var fiber: CTask? = try onLoop { try spawnC { EDDY_OK } }
    let group = try onLoop { try await withGroup { $0 } }
    handle?.cancel()
    fiber?.cancel(reason: "late")
    group.cancel()
    #expect(await outcome { try await handle?.value } != "ok")
    #expect(await outcome { try await fiber?.join() } != "ok")
    #expect(await outcome { try group.spawn {} } != "ok")
    handle = nil
    fiber = nil
  }

  @Test("an executor that outlives its loop still runs its actors")
  func executorOutlives() async throws {
    let actor = try onLoop { Bound(loopExecutor!) }
    let thread = await actor.thread()
    _ = thread
  }
}

@Suite struct EnqueueTests {
  @Test("ten nonisolated continuations take at most two enqueues")
  func nonisolated() throws {
    let count = try onLoop { () -> Int in
      let state = LoopState.ofThread!
      let before = state.enqueues
      for _ in 0..<10 { await resumedAtOnce() }
      return state.enqueues - before
    }
    #expect(count <= 2)
  }

  @Test("ten calls to an actor that is bound to the loop take at most three enqueues")
  func boundActor() throws {
    let count = try onLoop { () -> Int in
      let state = LoopState.ofThread!
      let actor = Calls(loopExecutor!)
      let before = state.enqueues
      await actor.ten()
      return state.enqueues - before
    }
    #expect(count <= 3)
  }

  @Test("each hop between nonisolated code and an actor of its own executor is one enqueue")
  func hops() throws {
    let count = try onLoop { () -> Int in
      let state = LoopState.ofThread!
      let actor = Bound(loopExecutor!)
      let before = state.enqueues
      for _ in 0..<10 { _ = await actor.thread() }
      return state.enqueues - before
    }
    #expect(count <= 20)
  }
}

private func resumedAtOnce() async {
  await withCheckedContinuation { $0.resume() }
}

/// Ten calls from inside the loop's isolation: each of another actor of the same executor.
private actor Calls {
  nonisolated let executor: any SerialExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
  private let other: Bound
  init(_ executor: any SerialExecutor) {
    self.executor = executor
    other = Bound(executor)
  }
  func ten() async {
    for _ in 0..<10 { _ = await other.thread() }
  }
}
