// MIX-06 and 07, and what else a group owes: children of both languages, and who is to blame.

import CEddy
import Testing

@testable import Eddy

@Suite struct GroupRows {
  @Test("MIX-06, TG-14: a CancellationError out of no cancelled scope fails the group")
  func foreignCancellation() throws {
    let how = try onLoop { () -> String in
      await outcome {
        try await withGroup { group in
          try group.spawn { throw CancellationError() }
        }
      }
    }
    #expect(how == "Group[EFOREIGNCANCEL]")
  }

  @Test("MIX-06, TSK-24, TG-15, TO-26: so does one in a timeout, shield, body or task")
  func foreignCancellationInScopes() throws {
    let words = try onLoop { () -> [String] in
      [
        await outcome { try await withTimeout(.seconds(1)) { throw CancellationError() } },
        await outcome { try await withShield { throw CancellationError() } },
        await outcome { try await withGroup { _ in throw CancellationError() } },
        await outcome { try await spawn { throw CancellationError() }.join() },
      ]
    }
    let foreign = "EFOREIGNCANCEL"
    #expect(words == [foreign, foreign, "Group[\(foreign)]", foreign])
  }

  @Test("MIX-07: a Swift child fails: fibers and Swift children are cancelled and awaited")
  func swiftChildFails() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let how = await outcome {
        try await withGroup { group in
          try group.spawn {
            try await sleep(for: .milliseconds(10))
            throw Boom(number: 1)
          }
          try group.spawnC {
            let status = sleepInC(9000)
            trace.add("C \(name(status)) at \(now())")
            return status
          }
          try group.spawn {
            await withTaskCancellationHandler {
              _ = await outcome { try await sleep(for: .seconds(9)) }
              await stay(5)
              trace.add("Swift ends at \(now())")
            } onCancel: {
              trace.add("Swift cancel at \(now())")
            }
          }
          trace.add("body \(await outcome { try await sleep(for: .seconds(9)) }) at \(now())")
        }
      }
      trace.add("\(how) at \(now()), \(Task.isCancelled)")
      return trace.words
    }
    #expect(
      Set(words.prefix(3)) == [
        "C ECANCELED at 10", "Swift cancel at 10", "body CancellationError at 10",
      ])
    #expect(words.dropFirst(3) == ["Swift ends at 15", "Group[Boom1] at 15, false"])
  }

  @Test("MIX-07: a C child fails: one error of all, in the order of their ends")
  func cChildFails() throws {
    let how = try onLoop { () -> String in
      await outcome {
        try await withGroup { group in
          // The last to end comes first in the text, the first to end last.
          try group.spawn {
            _ = await outcome { try await sleep(for: .seconds(9)) }
            await stay(20)
            throw Boom(number: 4)
          }
          try group.spawnC {
            _ = sleepInC(9000)
            var shield = eddy_scope_t()
            _ = eddy_shield_open_at(nil, &shield, nil)
            _ = eddy_scope_close(shield, sleepInC(10))
            return eddy_fail_text(-5, "third")
          }
          try group.spawn {
            _ = await outcome { try await sleep(for: .seconds(9)) }
            throw Boom(number: 2)
          }
          try group.spawnC {
            _ = sleepInC(10)
            return eddy_fail_text(-22, "first")
          }
          _ = await outcome { try await sleep(for: .seconds(9)) }
          throw Boom(number: 5)
        }
      }
    }
    #expect(how == "Group[EINVAL Boom2 EIO Boom4 Boom5]")
  }

  @Test("MIX-07: a group that C opened holds a Swift child, whose error comes back as itself")
  func groupOfC() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let state = LoopState.ofThread!
      let fiber = try spawnC {
        var scope = eddy_scope_t()
        _ = eddy_group_open_at(nil, &scope, nil)
        let group = Group(scope: scope, state: state)
        _ = try? group.spawn {
          try await sleep(for: .milliseconds(10))
          throw Boom(number: 6)
        }
        _ = try? group.spawn {
          trace.add("\(await outcome { try await sleep(for: .seconds(9)) }) at \(now())")
        }
        let status = sleepInC(9000)
        trace.add("C \(name(status)) at \(now())")
        return eddy_scope_close(scope, status)
      }
      trace.add(await outcome { try await fiber.join() })
      return trace.words
    }
    #expect(
      Set(words.prefix(2)) == ["C ECANCELED at 10", "CancellationError at 10"])
    #expect(words.last == "Group[Boom6]")
  }

  @Test("TG-17: a body that joins a failing child and lets its error through names it once")
  func bodyJoinsAFailingChild() throws {
    let words = try onLoop { () -> [String] in
      [
        await outcome {
          try await withGroup { group in
            try await group.spawn { throw Boom(number: 1) }.join()
          }
        },
        await outcome {
          try await withGroup { group in
            _ = try await group.spawnC { eddy_fail_text(-22, "no") }.value
          }
        },
      ]
    }
    #expect(words == ["Group[Boom1]", "Group[EINVAL]"])
  }

  @Test("TG-18: the parent is cancelled and all children end well")
  func cancelledParent() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let parent = try spawn {
        try await withGroup { group in
          try group.spawn { _ = await outcome { try await sleep(for: .seconds(9)) } }
          try group.spawnC {
            _ = sleepInC(9000)
            return EDDY_OK
          }
        }
      }
      try await sleep(for: .milliseconds(10))
      parent.cancel()
      trace.add("\(await outcome { try await parent.join() }) at \(now())")
      return trace.words
    }
    #expect(words == ["TargetCancelledError at 10"])
  }

  @Test("M5: a group that is cancelled on its own account ends without an error of its own")
  func groupCancelsItself() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      trace.add(
        await outcome {
          try await withGroup { group in
            try group.spawnC { sleepInC(9000) }
            group.cancel(reason: "enough")
            try await sleep(for: .seconds(9))
          }
        })
      trace.add(
        await outcome {
          try await withGroup { group -> Int in
            try group.spawnC { sleepInC(9000) }
            group.cancel(reason: "enough")
            return 4
          }
        })
      do {
        _ = try await withGroup { group -> Int in
          group.cancel(reason: "enough")
          try await sleep(for: .seconds(9))
          return 4
        }
      } catch let error as TargetCancelledError {
        // There is no value to end with, and it was not the caller who was cancelled (M9).
        trace.add(error.reason)
      }
      trace.add("\(Task.isCancelled) at \(now())")
      return trace.words
    }
    #expect(words == ["ok", "ok", "enough", "false at 0"])
  }

  @Test("TG-04: a group that is cancelled takes no more children")
  func cancelledGroupRefuses() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      try await withGroup { group in
        group.cancel()
        trace.add(await outcome { try group.spawn { trace.add("ran") } })
        trace.add(await outcome { try group.spawnC { EDDY_OK } })
      }
      let kept = try await withGroup { $0 }
      trace.add(await outcome { try kept.spawn { trace.add("ran") } })
      return trace.words
    }
    #expect(words.count == 3)
    #expect(words.last == "EBADHANDLE")
    #expect(!words.contains("ran") && !words.contains("ok"))
  }

  @Test("TSK-10: what is cancelled before its first step never runs")
  func cancelledBeforeItsFirstStep() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawn { trace.add("Swift ran") }
      task.cancel()
      trace.add(await outcome { try await task.join() })
      let other = try spawnC {
        trace.add("C ran")
        return EDDY_OK
      }
      other.cancel()
      trace.add(await outcome { try await other.value })
      try await withGroup { group in
        try group.spawn { trace.add("child ran") }.cancel()
        try group.spawnC {
          trace.add("C child ran")
          return EDDY_OK
        }.cancel()
      }
      return trace.words
    }
    #expect(words == ["TargetCancelledError", "TargetCancelledError"])
  }
}
