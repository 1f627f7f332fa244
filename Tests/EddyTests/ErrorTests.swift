// Errors on their way between the languages: what is Swift's comes back as itself.

import CEddy
import Testing

@testable import Eddy

private final class Marked: Error, @unchecked Sendable {}

@Suite struct ErrorTests {
  @Test("a Swift error crosses a C task that returns the joined status, and is the same object")
  func throughC() throws {
    try onLoop {
      let error = Marked()
      let inner = try spawn { throw error }
      let middle = try spawnC { eddy_task_join(inner.task, nil) }
      let outer = try spawnC { eddy_future_wait(eddy_task_future(middle.task), nil) }
      let caught = await #expect(throws: Marked.self) { _ = try await outer.join() }
      #expect(caught === error)
      // Again, and by the other verb.
      await #expect(throws: Marked.self) { _ = try await outer.value }
      await #expect(throws: Marked.self) { try await inner.value }
    }
  }

  @Test("C sees a Swift error as a status and its text")
  func seenByC() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawn { throw Boom(number: 9) }
      _ = try await spawnC {
        let status = eddy_task_join(task.task, nil)
        var error = eddy_error_t()
        _ = eddy_error_current(&error)
        let text = eddy_error_message(error).map { String(cString: $0) } ?? ""
        trace.add("\(name(status)) \(text)")
        _ = eddy_error_release(error)
        return EDDY_OK
      }.join()
      return trace.words
    }
    #expect(words == ["EFOREIGN Boom(number: 9)"])
  }

  @Test("an EddyError keeps its status and message through C and back")
  func eddyError() throws {
    let errors = try onLoop { () -> [EddyError] in
      var errors: [EddyError] = []
      let one = try spawnC { eddy_fail_text(-111, "nobody listens") }
      let two = try spawn { _ = try await one.join() }
      let three = try spawnC { eddy_task_join(two.task, nil) }
      do { _ = try await one.value } catch let error as EddyError { errors.append(error) }
      do { _ = try await three.value } catch let error as EddyError { errors.append(error) }
      return errors
    }
    let error = EddyError(status: -111, message: "nobody listens")
    #expect(errors == [error, error])
    #expect(error.description == "ECONNREFUSED: nobody listens")
  }

  @Test("groups in groups: their errors nest, in the order of the ends")
  func nestedGroups() throws {
    let how = try onLoop {
      await outcome {
        try await withGroup { group in
          try group.spawn {
            try await withGroup { group in
              try group.spawn { throw Boom(number: 1) }
              try group.spawnC {
                _ = sleepInC(1)
                return eddy_fail_text(-22, "two")
              }
            }
          }
          try group.spawn {
            await stay(10)
            throw Boom(number: 3)
          }
        }
      }
    }
    #expect(how == "Group[Group[Boom1 EINVAL] Boom3]")
  }

  @Test("a timeout of C reaches Swift as TimeoutError, and Swift's reaches C as its status")
  func timeouts() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let fiber = try spawnC {
        var scope = eddy_scope_t()
        _ = eddy_timeout_open_at(nil, &scope, 1_000_000, nil)
        return eddy_scope_close(scope, sleepInC(1000))
      }
      trace.add(await outcome { try await fiber.join() })
      let task = try spawn {
        try await withTimeout(.milliseconds(1)) { try await sleep(for: .seconds(1)) }
      }
      _ = try await spawnC {
        trace.add(name(eddy_task_join(task.task, nil)))
        return EDDY_OK
      }.join()
      return trace.words
    }
    #expect(words == ["TimeoutError", "ETIMEDOUT"])
  }

  @Test("a pointer is a value that both languages can use")
  func values() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawn { pointer(77) }
      let fiber = try spawnC {
        var value: UnsafeMutableRawPointer?
        let status = eddy_task_join(task.task, &value)
        trace.add("\(name(status)) \(Int(bitPattern: value))")
        return eddy_return(value, nil)
      }
      trace.add("\(Int(bitPattern: try await fiber.join()))")
      let empty = try await spawnC { EDDY_OK }.join()
      trace.add("\(empty == nil)")
      return trace.words
    }
    #expect(words == ["OK 77", "77", "true"])
  }
}

/// A child of C that fails when it is cancelled.
private let failInC: eddy_task_fn = { _ in
  _ = eddy_sleep(1_000_000_000)
  return eddy_fail_text(EDDY_EINVAL, "bad port 0")
}

private struct Unlucky: Error, CustomStringConvertible {
  var description: String { "unlucky:\ntwice" }
}

@Suite
struct ErrorTreeTests {
  @Test("error tree: a C child and a Swift child fail in one group")
  func mixed() throws {
    let text = try onLoop { () -> String in
      do {
        try await withGroup { group in
          _ = try group.spawn(name: "reader", failInC, context: nil)
          _ = try group.spawn { throw Unlucky() }
          try await sleep(for: .seconds(1))
        }
        return ""
      } catch {
        return String(describing: error)
      }
    }
    let lines = text.split(separator: "\n").map(String.init)
    #expect(lines.count == 4)
    #expect(lines.first == "a group failed")
    #expect(lines[1].hasPrefix("|- unlucky: [task-"))
    #expect(lines[1].contains(", EddyTests/ErrorTests.swift:"))
    #expect(lines[2] == "|  twice")
    #expect(lines.last?.hasPrefix("`- EDDY_EINVAL: bad port 0 [reader, ") == true)
  }

  @Test("error tree: names of Swift tasks in nested groups, and C's words said once")
  func names() throws {
    let texts = try onLoop { () -> [String] in
      let one = try spawnC { eddy_fail_text(-111, "nobody listens") }
      let two = try spawn(name: "two") { _ = try await one.join() }
      var message = ""
      _ = try await spawnC {
        _ = eddy_task_join(two.task, nil)
        var error = eddy_error_t()
        _ = eddy_error_current(&error)
        message = eddy_error_message(error).map { String(cString: $0) } ?? ""
        _ = eddy_error_release(error)
        return EDDY_OK
      }.join()
      do {
        try await withGroup { group in
          _ = try group.spawn(name: "outer") {
            try await withGroup { inner in
              let child = try inner.spawn(name: "inner") { throw Boom(number: 1) }
              // The body lets a child's error through: it is told once.
              try await child.join()
            }
          }
        }
        return []
      } catch {
        return [message, String(describing: error)]
      }
    }
    #expect(texts.first == "nobody listens")
    let lines = (texts.last ?? "").split(separator: "\n").map(String.init)
    #expect(lines.count == 3)
    #expect(lines.first == "a group failed")
    #expect(lines[1].hasPrefix("`- a group failed [outer, EddyTests/ErrorTests.swift:"))
    #expect(lines[2].hasPrefix("   `- Boom(number: 1) [inner, EddyTests/ErrorTests.swift:"))
  }

  @Test("error tree: groups inside groups, and a wide one")
  func nested() {
    let inner = GroupError(errors: [TimeoutError(), EddyError(status: EDDY_EPERM, message: "no")])
    let outer = GroupError(errors: [inner, TimeoutError()])
    #expect(
      outer.description == """
        a group failed
        |- a group failed
        |  |- the deadline has passed
        |  `- EDDY_EPERM: no
        `- the deadline has passed
        """)
    let wide = GroupError(errors: Array(repeating: TimeoutError(), count: 101))
    #expect(wide.description.hasSuffix("\n`- (1 more are left out)"))
    #expect(wide.description.split(separator: "\n").count == 102)
  }

  @Test("error tree: one with many ways to the same errors is bounded: of Swift's tasks")
  func manyWaysInSwift() throws {
    let text = try onLoop { () -> String in
      var layer = try (0..<2).map { _ in try spawn { throw Unlucky() } }
      for _ in 0..<25 {
        let below = layer
        layer = try (0..<2).map { _ in try spawn { try await joinAll(below) } }
      }
      _ = try? await layer[1].join()
      do { try await layer[0].join() } catch { return String(describing: error) }
      return ""
    }
    #expect(text.contains("left out"))
    #expect((1000...1100).contains(text.split(separator: "\n").count))
  }

  @Test("error tree: one with many ways to the same errors is bounded: of C's tasks")
  func manyWaysInC() throws {
    let layers = UnsafeMutablePointer<eddy_task_t>.allocate(capacity: 52)
    defer { layers.deallocate() }
    nonisolated(unsafe) let tasks = layers
    let text = try onLoop { () -> String in
      for index in 0..<52 {
        let below = tasks + (index / 2 - 1) * 2
        let function = index < 2 ? failAtOnce : joinBothInC
        #expect(eddy_task_spawn_at(nil, function, below, nil, tasks + index) == EDDY_OK)
      }
      var text = ""
      for index in [1, 51, 50] {
        let task = try spawn(joinInC, context: tasks + index)
        do { _ = try await task.join() } catch { text = String(describing: error) }
      }
      for index in 0..<52 { _ = eddy_task_release(tasks[index]) }
      return text
    }
    #expect(text.contains("left out"))
    #expect((1000...1100).contains(text.split(separator: "\n").count))
  }
}

/// Joins all of them in one group, which waits for them all.
private func joinAll(_ tasks: [TaskHandle<Void>]) async throws {
  try await withGroup { group in
    for task in tasks {
      _ = try group.spawn { try await withShield { try await task.join() } }
    }
  }
}

private let failAtOnce: eddy_task_fn = { _ in eddy_fail_text(EDDY_EINVAL, "bad port 0") }

private let joinInC: eddy_task_fn = { context in
  eddy_task_join(context!.assumingMemoryBound(to: eddy_task_t.self).pointee, nil)
}

/// The two tasks at its context, each in a child of one group.
private let joinBothInC: eddy_task_fn = { context in
  var group = eddy_scope_t()
  let tasks = context!.assumingMemoryBound(to: eddy_task_t.self)
  let status = eddy_group_open_at(nil, &group, nil)
  if status != EDDY_OK { return status }
  for index in 0..<2 { _ = eddy_group_spawn_at(nil, group, joinInC, tasks + index, nil, nil) }
  return eddy_scope_close(group, EDDY_OK)
}
