// Rows of chapter 4 about a group and a cancellation from outside, and about groups in groups.

import CEddy
import Eddy
import Testing

@Suite struct GroupCancelRows {
  @Test("TG-19, TG-20: the parent is cancelled and a child fails: that wins, then the cancellation")
  func failureBeatsCancellation() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawnKnowingItself { itself in
        trace.add(
          await outcome {
            try await withGroup { group in
              try group.spawn {
                _ = await nap(1000)
                throw Boom(number: 1)
              }
              try await sleep(for: .seconds(1))
            }
          })
        trace.add("\(requests(itself)), \(Task.isCancelled), \(await nap(5))")
        throw CancellationError()
      }
      try after(10) { task.cancel() }
      trace.add(await outcome { try await task.join() })
      return trace.words
    }
    #expect(
      words == [
        "Group[Boom1]", "1, true, CancellationError at 10", "TargetCancelledError",
      ])
  }

  @Test("TG-18: cleanup of the children is awaited before the cancellation goes on")
  func cleanupFirst() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawn {
        defer { trace.add("left at \(now())") }
        try await withGroup { group in
          try group.spawn {
            _ = await nap(1000)
            try await withShield { trace.add("cleanup \(await nap(20))") }
          }
          try await sleep(for: .seconds(1))
        }
      }
      try after(10) { task.cancel(reason: "why") }
      trace.add("\(await targetReason { try await task.join() }) \(requests(task))")
      return trace.words
    }
    #expect(words == ["cleanup ok at 30", "left at 30", "why 1"])
  }

  @Test("TG-21: the body turns the outside cancellation into an error: a group error with that")
  func bodyReplacesOutside() throws {
    let how = try onLoop { () -> String in
      let task = try spawn {
        try await withGroup { group in
          try group.spawn { try await sleep(for: .seconds(1)) }
          do { try await sleep(for: .seconds(1)) } catch { throw Boom(number: 2) }
        }
      }
      try after(10) { task.cancel() }
      return await outcome { try await task.join() }
    }
    #expect(how == "Group[Boom2]")
  }

  @Test("TG-22: the body turns the group's cancellation into an error: both, and nothing is left")
  func bodyReplacesOwn() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawnKnowingItself { itself in
        trace.add(
          await outcome {
            try await withGroup { group in
              try group.spawn {
                try await sleep(for: .milliseconds(10))
                throw Boom(number: 1)
              }
              do { try await sleep(for: .seconds(1)) } catch { throw Boom(number: 2) }
            }
          })
        trace.add("\(requests(itself)), \(await nap(1))")
      }
      try await task.join()
      return trace.words
    }
    #expect(words == ["Group[Boom1 Boom2]", "0, ok at 11"])
  }

  @Test("TG-23: the inner group's error is nested in the outer's")
  func innerFails() throws {
    let how = try onLoop {
      await outcome {
        try await withGroup { outer in
          try outer.spawn { try await sleep(for: .seconds(1)) }
          try await withGroup { inner in
            try inner.spawn { throw Boom(number: 1) }
            try await sleep(for: .seconds(1))
          }
        }
      }
    }
    #expect(how == "Group[Group[Boom1]]")
  }

  @Test("TG-23: the outer fails while the inner's body waits: the outer's error alone")
  func outerFails() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      trace.add(
        await outcome {
          try await withGroup { outer in
            try outer.spawn {
              try await sleep(for: .milliseconds(10))
              throw Boom(number: 1)
            }
            let how = await outcome {
              try await withGroup { inner in
                try inner.spawn { try await sleep(for: .seconds(1)) }
                try await sleep(for: .seconds(1))
              }
            }
            trace.add("inner \(how)")
            throw CancellationError()
          }
        })
      return trace.words
    }
    #expect(words == ["inner CancellationError", "Group[Boom1]"])
  }

  @Test("TG-24: both fail in one tick, the inner's error is handled: the outer is cancelled still")
  func bothFail() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawnKnowingItself { itself in
        let how = await outcome {
          try await withGroup { outer in
            try outer.spawn {
              try await sleep(for: .milliseconds(10))
              throw Boom(number: 1)
            }
            let how = await outcome {
              try await withGroup { inner in
                try inner.spawn {
                  try await sleep(for: .milliseconds(10))
                  throw Boom(number: 2)
                }
                try await sleep(for: .seconds(1))
              }
            }
            trace.add("inner \(how), \(requests(itself))")
            trace.add(await nap(5))
          }
        }
        trace.add("outer \(how), \(requests(itself)), \(await nap(1))")
      }
      try await task.join()
      return trace.words
    }
    #expect(
      words == [
        "inner Group[Boom2], 0", "CancellationError at 10", "outer Group[Boom1], 0, ok at 11",
      ])
  }

  @Test("TG-24: the inner fails alone and its error is handled: the outer is not touched")
  func innerHandled() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let how = await outcome {
        try await withGroup { outer in
          try outer.spawn { trace.add("child \(await nap(20))") }
          trace.add(
            await outcome {
              try await withGroup { inner in
                try inner.spawn { throw Boom(number: 2) }
                try await sleep(for: .seconds(1))
              }
            })
          trace.add(await outcome { try await withTimeout(.seconds(1)) { throw Boom(number: 3) } })
          trace.add(await nap(5))
        }
      }
      trace.add("\(how) at \(now())")
      return trace.words
    }
    #expect(words == ["Group[Boom2]", "Boom3", "ok at 5", "child ok at 20", "ok at 20"])
  }

  @Test("TG-25: the parent is cancelled around nested groups that fail: a group error in another")
  func nestedFailures() throws {
    let how = try onLoop { () -> String in
      let task = try spawn {
        try await withGroup { outer in
          try outer.spawn {
            _ = await nap(1000)
            throw Boom(number: 1)
          }
          try await withGroup { inner in
            try inner.spawn {
              _ = await nap(1000)
              await stay(10)
              throw Boom(number: 2)
            }
            try await sleep(for: .seconds(1))
          }
        }
      }
      try after(10) { task.cancel() }
      return await outcome { try await task.join() }
    }
    #expect(how == "Group[Boom1 Group[Boom2]]")
  }

  @Test("TG-26: cancelled again and again: children are told once, requests count, the group waits")
  func repeatedly() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawn {
        try await withGroup { group in
          try group.spawn {
            await withTaskCancellationHandler {
              await stay(100)
            } onCancel: {
              trace.add("told at \(now())")
            }
            trace.add("child ends at \(now())")
          }
          try await sleep(for: .seconds(1))
        }
      }
      for time in [10, 20, 30] as [Int64] { try after(time) { task.cancel() } }
      trace.add("\(await outcome { try await task.join() }) at \(now()), \(requests(task))")
      return trace.words
    }
    #expect(
      words == ["told at 10", "child ends at 100", "TargetCancelledError at 100, 3"])
  }

  @Test("TG-31: a child cancels the parent: the siblings are cancelled, and so the group ends")
  func childCancelsParent() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawnKnowingItself { itself in
        let how = await outcome {
          try await withGroup { group in
            try group.spawn { trace.add("sibling \(await nap(1000))") }
            try group.spawn {
              try await sleep(for: .milliseconds(10))
              itself.cancel(reason: "a child")
            }
          }
        }
        trace.add("group \(how)")
        throw CancellationError()
      }
      trace.add("\(await targetReason { try await task.join() }) \(requests(task))")
      return trace.words
    }
    #expect(
      words == ["sibling CancellationError at 10", "group CancellationError", "a child 1"])
  }

  @Test("TG-33: a group that is cancelled by itself ends without an error, however often asked")
  func cancelledByItself() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let kept = Cell<Group?>(nil)
      try await withGroup { group in
        kept.value = group
        try group.spawn {
          trace.add("child \(await nap(1000)), \(currentCancelReason?.message ?? "none")")
        }
        try await sleep(for: .milliseconds(10))
        group.cancel(reason: "enough")
        group.cancel(reason: "again")
        trace.add("body \(await nap(1000))")
      }
      kept.value?.cancel()
      trace.add("\(Task.isCancelled), \(await nap(1))")
      return trace.words
    }
    #expect(
      Set(words.prefix(2)) == [
        "child CancellationError at 10, enough", "body CancellationError at 10",
      ])
    #expect(words.dropFirst(2) == ["false, ok at 11"])
  }

  @Test("TG-34: cancelled by itself and from outside: the outside cancellation survives")
  func cancelledByBoth() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawn {
        let how = await outcome {
          try await withGroup { group in
            try group.spawn {
              _ = await nap(1000)
              await stay(20)
            }
            try await sleep(for: .milliseconds(10))
            group.cancel(reason: "by itself")
            try await sleep(for: .seconds(1))
          }
        }
        trace.add("\(how) at \(now()), \(await nap(1))")
        throw CancellationError()
      }
      try after(20) { task.cancel(reason: "outside") }
      trace.add(await targetReason { try await task.join() })
      return trace.words
    }
    #expect(words == ["CancellationError at 30, CancellationError at 30", "outside"])
  }

  @Test("TG-35: a deadline around a group: all are awaited, then the timeout alone")
  func deadlineAround() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawnKnowingItself { itself in
        let how = await outcome {
          try await withTimeout(.milliseconds(10)) {
            try await withGroup { group in
              try group.spawn {
                _ = await nap(1000)
                await stay(5)
                trace.add("child ends at \(now())")
              }
              try await sleep(for: .seconds(1))
            }
          }
        }
        trace.add("\(how), \(requests(itself)), \(await nap(1))")
      }
      try await task.join()
      return trace.words
    }
    #expect(words == ["child ends at 15", "TimeoutError, 0, ok at 16"])
  }

  @Test("TG-35: a child turns it into an error: the group error alone")
  func deadlineAroundFailure() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      trace.add(
        await outcome {
          try await withTimeout(.milliseconds(10)) {
            try await withGroup { group in
              try group.spawn {
                _ = await nap(1000)
                throw Boom(number: 1)
              }
              try await sleep(for: .seconds(1))
            }
          }
        })
      trace.add(await nap(1))
      return trace.words
    }
    #expect(words == ["Group[Boom1]", "ok at 11"])
  }
}
