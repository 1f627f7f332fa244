// Rows of chapter 4 about the children of one group, and what its body does.

import CEddy
import Eddy
import Testing

@Suite struct GroupChildRows {
  @Test("TG-01: a group waits for all children, those added meanwhile too; results stay readable")
  func waitsForAll() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let late = Cell<TaskHandle<Int>?>(nil)
      let first = try await withGroup { group in
        let first = try group.spawn { () -> Int in
          try await sleep(for: .milliseconds(10))
          late.value = try group.spawn {
            try await sleep(for: .milliseconds(10))
            return 4
          }
          return 3
        }
        trace.add("body ends at \(now())")
        return first
      }
      trace.add("group ends at \(now())")
      trace.add("\(try await first.value) \(try await late.value!.join())")
      return trace.words
    }
    #expect(words == ["body ends at 0", "group ends at 20", "3 4"])
  }

  @Test("TG-02: an early return from the body waits as well")
  func earlyReturn() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let value = try await withGroup { group -> Int in
        for number in 1...3 {
          try group.spawn { trace.add("child \(await nap(10))") }
          if number == 2 { return number }
        }
        return 0
      }
      trace.add("\(value) at \(now())")
      return trace.words
    }
    #expect(words == ["child ok at 10", "child ok at 10", "2 at 10"])
  }

  @Test("TG-03, TO-02: outside a loop no group and no timeout can be opened")
  func outsideALoop() async {
    let ran = Cell(false)
    #expect(await outcome { try await withGroup { _ in ran.value = true } } == "ENOTTASK")
    #expect(await outcome { try await withTimeout(.seconds(1)) { ran.value = true } } == "ENOTTASK")
    #expect(!ran.value)
  }

  @Test("TG-03, TG-04: a group that has closed is of no more use, and lets the body go")
  func afterItsClose() throws {
    let released = Cell(0)
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let group = try await withGroup { $0 }
      do {
        let held = Held(released)
        trace.add(await outcome { try group.spawn { [held] in trace.add("ran \(held)") } })
      }
      trace.add(await outcome { try group.spawnC { EDDY_OK } })
      group.cancel()
      trace.add("released \(released.value), \(await nap(1))")
      return trace.words
    }
    #expect(words == ["EBADHANDLE", "EBADHANDLE", "released 1, ok at 1"])
  }

  @Test("TG-04: a cancelled group refuses those outside it with ECLOSED, and lets the body go")
  func cancelledSeenFromOutside() throws {
    let released = Cell(0)
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let kept = Cell<TaskHandle<Void>?>(nil)
      try await withGroup { group in
        kept.value = try spawn {
          try await sleep(for: .milliseconds(10))
          let held = Held(released)
          trace.add(await outcome { try group.spawn { [held] in trace.add("ran \(held)") } })
          trace.add(await outcome { try group.spawnC { EDDY_OK } })
        }
        group.cancel()
        await stay(20)
      }
      try await kept.value!.join()
      return trace.words
    }
    #expect(words == ["ECLOSED", "ECLOSED"])
    #expect(released.value == 1)
  }

  @Test("TG-05: other tasks and children spawn into a group while any child is alive")
  func spawnedFromElsewhere() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let kept = Cell<Group?>(nil)
      let stranger = try spawn {
        try await sleep(for: .milliseconds(5))
        try kept.value!.spawn { trace.add("stranger's \(await nap(15))") }
        try kept.value!.spawnC {
          trace.add("stranger's in C \(name(sleepInC(10)))")
          return EDDY_OK
        }
        try await sleep(for: .milliseconds(20))
        trace.add("late \(await outcome { try kept.value!.spawn { trace.add("ran") } })")
      }
      try await withGroup { group in
        kept.value = group
        try group.spawn {
          try await sleep(for: .milliseconds(10))
          try group.spawn { trace.add("child's \(now())") }
        }
      }
      trace.add("closed at \(now())")
      try await stranger.join()
      return trace.words
    }
    #expect(
      words == [
        "child's 10", "stranger's in C OK", "stranger's ok at 20", "closed at 20",
        "late EBADHANDLE",
      ])
  }

  @Test("TG-06: what a child holds is let go when it ends, while the group is open")
  func letGoAtItsEnd() throws {
    let counts = try onLoop { () -> [Int] in
      let released = Cell(0)
      var counts: [Int] = []
      try await withGroup { group in
        for _ in 0..<10 {
          for _ in 0..<100 {
            let held = Held(released)
            try group.spawn { [held] in withExtendedLifetime(held) {} }
          }
          try await sleep(for: .milliseconds(1))
          counts.append(released.value)
        }
      }
      return counts
    }
    #expect(counts == (1...10).map { $0 * 100 })
  }

  @Test("TG-07, TG-37: a child fails while the body runs: siblings and body are cancelled")
  func failsWhileTheBodyRuns() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawnKnowingItself { itself in
        let how = await outcome {
          try await withGroup { group in
            try group.spawn {
              try await sleep(for: .milliseconds(10))
              throw Boom(number: 1)
            }
            try group.spawn {
              trace.add("sibling \(await nap(1000))")
              await stay(5)
              trace.add("sibling ends at \(now())")
            }
            trace.add("body \(await nap(1000))")
          }
        }
        trace.add("\(how) at \(now()), \(Task.isCancelled), \(requests(itself))")
        trace.add(await nap(1))
      }
      try await task.join()
      return trace.words
    }
    #expect(
      Set(words.prefix(2)) == ["sibling CancellationError at 10", "body CancellationError at 10"])
    #expect(
      words.dropFirst(2) == ["sibling ends at 15", "Group[Boom1] at 15, false, 0", "ok at 16"])
  }

  @Test("TG-08: a child fails after the body has ended: siblings are cancelled, nothing is left")
  func failsAfterTheBody() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawnKnowingItself { itself in
        let how = await outcome {
          try await withGroup { group in
            try group.spawn {
              try await sleep(for: .milliseconds(10))
              throw Boom(number: 1)
            }
            try group.spawn { trace.add("sibling \(await nap(1000))") }
          }
        }
        trace.add("\(how), \(Task.isCancelled), \(requests(itself)), \(await nap(1))")
      }
      try await task.join()
      return trace.words
    }
    #expect(words == ["sibling CancellationError at 10", "Group[Boom1], false, 0, ok at 11"])
  }

  @Test("TG-09: several fail: one error, in the order of their ends; cancelled ones add nothing")
  func severalFail() throws {
    let how = try onLoop {
      await outcome {
        try await withGroup { group in
          try group.spawn {
            _ = await nap(1000)
            await stay(20)
            throw Boom(number: 3)
          }
          try group.spawn { try await sleep(for: .seconds(1)) }
          try group.spawn {
            _ = await nap(1000)
            await stay(10)
            throw Boom(number: 2)
          }
          try group.spawn {
            try await sleep(for: .milliseconds(10))
            throw Boom(number: 1)
          }
        }
      }
    }
    #expect(how == "Group[Boom1 Boom2 Boom3]")
  }

  @Test("TG-10, TG-12: the body fails: its error comes last, and is wrapped if it is alone")
  func bodyFails() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      trace.add(
        await outcome {
          try await withGroup { group in
            try group.spawn {
              trace.add("child \(await nap(1000))")
              await stay(5)
              throw Boom(number: 1)
            }
            try await sleep(for: .milliseconds(10))
            throw Boom(number: 2)
          }
        })
      trace.add("at \(now())")
      trace.add(await outcome { try await withGroup { _ in throw Boom(number: 4) } })
      return trace.words
    }
    #expect(
      words == ["child CancellationError at 10", "Group[Boom1 Boom2]", "at 15", "Group[Boom4]"])
  }

  @Test("TG-11: the body fails before the children have started: they never run")
  func bodyFailsFirst() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      trace.add(
        await outcome {
          try await withGroup { group in
            try group.spawn { trace.add("Swift ran") }
            try group.spawnC {
              trace.add("C ran")
              return EDDY_OK
            }
            throw Boom(number: 1)
          }
        })
      return trace.words
    }
    #expect(words == ["Group[Boom1]"])
  }

  @Test("TG-13, TG-16: a child that is cancelled alone is no error, and the join of it tells")
  func cancelledAlone() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      try await withGroup { group in
        let own = Cell<TaskHandle<Void>?>(nil)
        own.value = try group.spawn {
          own.value?.cancel(reason: "itself")
          try await sleep(for: .seconds(1))
        }
        let child = try group.spawn { try await sleep(for: .seconds(1)) }
        try group.spawn { trace.add("sibling \(await nap(20))") }
        try await sleep(for: .milliseconds(10))
        child.cancel(reason: "alone")
        trace.add(await targetReason { try await child.join() })
        trace.add(await targetReason { try await own.value!.join() })
        own.value = nil
        trace.add("body \(await nap(5)), \(Task.isCancelled)")
      }
      trace.add("closed at \(now())")
      return trace.words
    }
    #expect(
      words == ["alone", "itself", "body ok at 15, false", "sibling ok at 20", "closed at 20"])
  }

  @Test("TG-27: the body swallows the group's cancellation: each later wait fails, no more spawns")
  func bodySwallows() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      trace.add(
        await outcome {
          try await withGroup { group in
            try group.spawn {
              try await sleep(for: .milliseconds(10))
              throw Boom(number: 1)
            }
            for _ in 0..<3 { trace.add(await nap(50)) }
            let how = await outcome { try group.spawn { trace.add("ran") } }
            trace.add("refused \(how != "ok")")
          }
        })
      trace.add(await nap(1))
      return trace.words
    }
    let failed = "CancellationError at 10"
    #expect(words == [failed, failed, failed, "refused true", "Group[Boom1]", "ok at 11"])
  }

  @Test("TG-28: a child ignores the cancellation: the group waits, and it ended with its value")
  func ignoringChild() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let kept = Cell<TaskHandle<Int>?>(nil)
      trace.add(
        await outcome {
          try await withGroup { group in
            kept.value = try group.spawn {
              await stay(50)
              return 7
            }
            try await sleep(for: .milliseconds(10))
            throw Boom(number: 1)
          }
        })
      trace.add("\(now()) \(try await kept.value!.value)")
      return trace.words
    }
    #expect(words == ["Group[Boom1]", "50 7"])
  }
}
