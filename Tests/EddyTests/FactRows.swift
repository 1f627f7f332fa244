// Facts 1 to 9 of chapter 16: what Swift does, and what Eddy makes of it. (10: ThreadTests, 11:
// ScopeTests.)

import CEddy
import Glibc
import Testing

@testable import Eddy

@Suite struct FactRows {
  @Test("Fact 1: cancellation is a level: each later wait fails at once")
  func level() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let pending = try spawnC { sleepInC(100) }
      let task = try spawn {
        for _ in 0..<2 { trace.add(await outcome { try await sleep(for: .seconds(1)) }) }
        trace.add(await outcome { try await pending.value })
        trace.add("\(now())")
      }
      try await sleep(for: .milliseconds(10))
      task.cancel()
      try await task.join()
      return trace.words
    }
    #expect(words == Array(repeating: "CancellationError", count: 3) + ["10"])
  }

  @Test("Facts 2 and 3: a handler runs on the loop's thread, once; inner first; at once if late")
  func handlers() async throws {
    let words = try await onLoopAside { () -> [String] in
      let trace = Trace()
      let thread = pthread_self()
      // No sleep: the virtual clock does not wait for other threads.
      var future = eddy_future_t()
      try check(eddy_future_create_at(nil, &future))
      let never = future
      let pending = try spawnC { eddy_future_wait(never, nil) }
      let task = try spawn {
        await withTaskCancellationHandler {
          await withTaskCancellationHandler {
            _ = await outcome { try await pending.value }
          } onCancel: {
            trace.add("inner \(pthread_self() == thread)")
          }
        } onCancel: {
          trace.add("outer \(pthread_self() == thread)")
        }
        await withTaskCancellationHandler {
          trace.add("operation")
        } onCancel: {
          trace.add("late")
        }
      }
      try await sleep(for: .milliseconds(10))
      // From another thread: the core's cancellation comes in on the loop's all the same.
      await Task {
        task.cancel()
        task.cancel()
      }.value
      try await task.join()
      _ = eddy_future_complete(never, nil, nil)
      _ = try await pending.join()
      _ = eddy_future_release(never)
      return trace.words
    }
    #expect(words == ["inner true", "outer true", "late", "operation"])
  }

  @Test("Fact 4: a cancellation alone wakes no continuation of the user's")
  func continuations() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawn {
        await stay(100)
        trace.add("\(now()) \(Task.isCancelled)")
      }
      try await sleep(for: .milliseconds(10))
      task.cancel()
      try await task.join()
      return trace.words
    }
    #expect(words == ["100 true"])
  }

  @Test("Fact 5: the value of a bare Task is no cancel point; that of a handle is")
  func bareTask() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let executor = LoopState.ofThread!.taskExecutor
      let task = try spawn {
        let bare = Task(executorPreference: executor) {
          try? await sleep(for: .milliseconds(100))
          return Task.isCancelled
        }
        let wasCancelled = await bare.value
        trace.add("\(wasCancelled) at \(now())")
        let handle = try spawn { try await sleep(for: .seconds(1)) }
        trace.add("\(await outcome { try await handle.value }) at \(now())")
      }
      try await sleep(for: .milliseconds(10))
      task.cancel()
      try await task.join()
      return trace.words
    }
    #expect(words == ["false at 100", "CancellationError at 100"])
  }

  @Test("Fact 6: what is spawned outside groups in a cancelled task is not cancelled")
  func unstructured() async throws {
    let words = try await onLoopAside { () -> [String] in
      let trace = Trace()
      let task = try spawn {
        _ = await outcome { try await sleep(for: .seconds(1)) }
        let bare = await Task { Task.isCancelled }.value
        trace.add("Task \(bare)")
        let inside = try spawn {
          trace.add("spawn \(Task.isCancelled)")
          try await sleep(for: .milliseconds(5))
        }
        await stay(20)
        trace.add(await outcome { try await inside.value })
      }
      try await sleep(for: .milliseconds(10))
      task.cancel()
      try await task.join()
      return trace.words
    }
    #expect(words == ["Task false", "spawn false", "ok"])
  }

  @Test("Fact 7: a user's own cancelAll is outer to the scopes inside, and nothing foreign")
  func cancelAll() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      await withTaskGroup { group in
        group.addTask {
          let how = await outcome {
            try await withTimeout(.seconds(1)) { try await sleep(for: .seconds(2)) }
          }
          trace.add("timeout \(how) at \(now())")
        }
        group.addTask {
          let how = await outcome {
            try await withGroup { group in
              try group.spawnC { sleepInC(9000) }
              try group.spawn { try await sleep(for: .seconds(2)) }
            }
          }
          trace.add("group \(how) at \(now())")
        }
        group.addTask {
          let task = try? spawnC { sleepInC(9000) }
          trace.add("join \(await outcome { try await task?.join() }) at \(now())")
        }
        try? await sleep(for: .milliseconds(10))
        group.cancelAll()
        trace.add("parent \(Task.isCancelled)")
        group.addTask {
          trace.add("added \(await outcome { try await withShield { Task.isCancelled } })")
        }
      }
      try await sleep(for: .milliseconds(1))
      return trace.words
    }
    #expect(words.first == "parent false")
    #expect(
      Set(words) == [
        "parent false", "timeout CancellationError at 10", "group CancellationError at 10",
        "join CancellationError at 10", "added ok",
      ])
  }

  @Test("Fact 7: a timeout of Eddy reaches the children of a user's own group and async let")
  func userStructureInside() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let how = await outcome {
        try await withTimeout(.milliseconds(10)) {
          async let lane: Void = {
            trace.add("async let \(await outcome { try await sleep(for: .seconds(1)) })")
          }()
          try await withThrowingTaskGroup { group in
            for _ in 0..<2 { group.addTask { try await sleep(for: .seconds(1)) } }
            defer { trace.add("flag \(Task.isCancelled)") }
            try await group.waitForAll()
          }
          await lane
        }
      }
      trace.add("\(how) at \(now()), \(Task.isCancelled)")
      return trace.words
    }
    #expect(Set(words.dropLast()) == ["async let CancellationError", "flag true"])
    #expect(words.last == "TimeoutError at 10, false")
  }

  @Test("Fact 8: Swift's group leaves its body alone when a child fails; Eddy's does not")
  func groupBodies() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      _ = await outcome {
        try await withThrowingTaskGroup { group in
          group.addTask { throw Boom() }
          trace.add("Swift \(await outcome { try await sleep(for: .milliseconds(5)) })")
          try await group.waitForAll()
        }
      }
      _ = await outcome {
        try await withGroup { group in
          try group.spawn { throw Boom() }
          trace.add("Eddy \(await outcome { try await sleep(for: .milliseconds(5)) })")
        }
      }
      return trace.words
    }
    #expect(words == ["Swift ok", "Eddy CancellationError"])
  }

  @Test("Fact 9: a bare Task that is cancelled at once runs its body; Eddy's does not")
  func cancelledAtOnce() async throws {
    let words = try await onLoopAside { () -> [String] in
      let trace = Trace()
      let bare = Task { trace.add("Task \(Task.isCancelled)") }
      bare.cancel()
      await bare.value
      let task = try spawn { trace.add("spawn") }
      task.cancel()
      trace.add(await outcome { try await task.value })
      return trace.words
    }
    #expect(words == ["Task true", "TargetCancelledError"])
  }
}
