// CTX-01 and CTX-07, and what else chapter 13 says of Swift tasks: one value for both languages.

import CEddy
import Testing

@testable import Eddy

private let color = ContextVariable("color", default: "none")
private let shape = ContextVariable("shape", default: 0)

/// As a C program declares one.
private nonisolated(unsafe) let number: UnsafePointer<eddy_var_t> = {
  let form = UnsafeMutablePointer<eddy_var_t>.allocate(capacity: 1)
  form.initialize(
    to: eddy_var_t(
      size: UInt32(MemoryLayout<eddy_var_t>.size), reserved: 0, name: nil,
      default_value: pointer(1), release: nil))
  return UnsafePointer(form)
}()
private let numberHere = ContextVariable(number)

private func numberInC() -> Int {
  var raw: UnsafeMutableRawPointer?
  guard eddy_var_get(number, &raw) == EDDY_OK else { return -1 }
  return Int(bitPattern: raw)
}

private var numberInSwift: Int { Int(bitPattern: numberHere.value.raw) }

@Suite struct ContextRows {
  @Test("CTX-01: a Swift task begins with what was bound at its spawn, and keeps it")
  func copiedAtSpawn() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      trace.add(color.value)
      let task = try await color.withValue("red") {
        let task = try spawn {
          trace.add(color.value)
          try await sleep(for: .milliseconds(10))
          trace.add(color.value)
          try await color.withValue("blue") {
            try await spawn { trace.add(color.value) }.value
          }
          trace.add(color.value)
        }
        try await sleep(for: .milliseconds(1))
        return task
      }
      trace.add(color.value)
      try await color.withValue("green") { try await task.value }
      return trace.words
    }
    #expect(words == ["none", "red", "none", "red", "blue", "red"])
  }

  @Test("CTX-07: what Swift binds a C fiber reads, and what it sets there stays there")
  func fromSwiftToC() throws {
    let seen = try onLoop { () -> [Int] in
      let seen = Cell<[Int]>([])
      seen.value.append(numberInSwift)
      try await numberHere.withValue(ContextPointer(pointer(7))) {
        seen.value.append(numberInSwift)
        _ = try await spawnC {
          seen.value.append(numberInC())
          _ = eddy_var_set(number, pointer(8), nil)
          seen.value.append(numberInC())
          return EDDY_OK
        }.join()
        seen.value.append(numberInSwift)
        _ = try await spawnC {
          seen.value.append(numberInC())
          return EDDY_OK
        }.join()
      }
      seen.value.append(numberInSwift)
      return seen.value
    }
    #expect(seen == [1, 7, 7, 8, 7, 7, 1])
  }

  @Test("CTX-07: what C sets a Swift task reads, and its children of Swift, and C below it")
  func fromCToSwift() throws {
    let seen = try onLoop { () -> [Int] in
      let seen = Cell<[Int]>([])
      _ = try await spawnC {
        _ = eddy_var_set(number, pointer(5), nil)
        let task = try? spawn {
          seen.value.append(numberInSwift)
          try await sleep(for: .milliseconds(1))
          async let child = numberInSwift
          seen.value.append(await child)
          _ = try await spawnC {
            seen.value.append(numberInC())
            return EDDY_OK
          }.join()
          try await withTimeout(.seconds(1)) {
            try await sleep(for: .milliseconds(1))
            seen.value.append(numberInSwift)
          }
        }
        guard let task else { return EDDY_ENOMEM }
        _ = eddy_var_set(number, pointer(6), nil)
        let status = eddy_task_join(task.task, nil)
        seen.value.append(numberInC())
        return status
      }.join()
      return seen.value
    }
    #expect(seen == [5, 5, 5, 5, 6])
  }

  @Test("CTX-04: a step runs in its own task's context, whoever resumed it")
  func ownContext() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let continuation = Cell<UnsafeContinuation<Void, Never>?>(nil)
      let task = try await color.withValue("own") {
        let task = try spawn {
          await withUnsafeContinuation { continuation.value = $0 }
          trace.add(color.value)
          try await spawn { trace.add(color.value) }.value
          _ = try await spawnC {
            trace.add(numberInC() == 1 ? "default" : "other")
            return EDDY_OK
          }.join()
        }
        try await sleep(for: .milliseconds(1))
        return task
      }
      try await color.withValue("resumer") {
        try await numberHere.withValue(ContextPointer(pointer(9))) {
          try await spawn { continuation.value?.resume() }.value
        }
      }
      try await task.value
      return trace.words
    }
    #expect(words == ["own", "own", "default"])
  }

  @Test("CTX-06: a group's children begin with what is bound where they are spawned")
  func inGroups() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      try await withGroup { group in
        try shape.withValue(1) { _ = try group.spawn { trace.add("\(shape.value)") } }
        try await shape.withValue(2) {
          try await withGroup { inner in _ = try inner.spawn { trace.add("\(shape.value)") } }
        }
        _ = try group.spawn { trace.add("\(shape.value)") }
      }
      return trace.words
    }
    #expect(words == ["1", "2", "0"])
  }

  @Test("CTX-07: children that Swift runs on other threads inherit what Swift has bound")
  func onOtherThreads() async throws {
    let seen = try await onLoopAside { () -> [Int] in
      await shape.withValue(3) {
        let task = Task.detached { shape.value }
        let inherited = Task { shape.withValue(shape.value + 1) { shape.value } }
        return [await task.value, await inherited.value, shape.value]
      }
    }
    #expect(seen == [0, 4, 3])
  }

  @Test("a value is let go when nothing holds it, also when C held it last")
  func lifetimes() throws {
    final class Value: Sendable {}
    let variable = ContextVariable<Value?>("value", default: nil)
    let counts = try onLoop { () -> [Bool] in
      weak var value: Value?
      var seen: [Bool] = []
      let task = try { () -> CTask in
        let made = Value()
        value = made
        return try variable.withValue(made) { try spawnC { sleepInC(10) } }
      }()
      seen.append(value != nil)
      _ = try await task.join()
      try await sleep(for: .milliseconds(1))
      seen.append(value == nil)
      return seen
    }
    #expect(counts == [true, true])
  }
}
