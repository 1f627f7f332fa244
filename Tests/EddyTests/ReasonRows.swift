// MIX-11: why something was cancelled, told by one language and read by the other.

import CEddy
import Testing

@testable import Eddy

@Suite struct ReasonRows {
  @Test("MIX-11: Swift reads the reason that C gave, the first one")
  func givenByC() throws {
    let reason = try onLoop { () -> CancelReason? in
      let reason = Cell<CancelReason?>(nil)
      let task = try spawn {
        reason.value = currentCancelReason
        #expect(reason.value == nil)
        _ = await outcome { try await sleep(for: .seconds(1)) }
        reason.value = currentCancelReason
      }
      try await sleep(for: .milliseconds(10))
      let fiber = try spawnC {
        _ = eddy_task_cancel(task.task, "C is done")
        _ = eddy_task_cancel(task.task, "again")
        return EDDY_OK
      }
      _ = try await fiber.join()
      task.cancel(reason: "too late")
      try await task.join()
      return reason.value
    }
    #expect(reason == CancelReason(code: EDDY_REASON_REQUEST, message: "C is done"))
  }

  @Test("MIX-11: C reads the reason that Swift gave, the first one")
  func givenBySwift() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let task = try spawnC {
        let status = sleepInC(1000)
        var this = eddy_task_t()
        _ = eddy_task_current(&this)
        trace.add("\(info(this).reason.code) \(message(info(this).reason))")
        return status
      }
      try await sleep(for: .milliseconds(10))
      task.cancel(reason: "Swift is done")
      _ = eddy_task_cancel(task.task, "again")
      trace.add(await outcome { try await task.join() })
      do { _ = try await task.value } catch let error as TargetCancelledError {
        trace.add(error.reason)
      }
      return trace.words
    }
    #expect(words == ["1 Swift is done", "TargetCancelledError", "Swift is done"])
  }

  @Test("MIX-11: a deadline is a reason, and a scope inside reads it from outside")
  func deadlineAsReason() throws {
    let codes = try onLoop { () -> [Int32] in
      let codes = Cell<[Int32]>([])
      _ = await outcome {
        try await withTimeout(.milliseconds(10)) {
          _ = await outcome {
            try await withTimeout(.milliseconds(20)) {
              defer { codes.value.append(currentCancelReason?.code ?? 0) }
              try await sleep(for: .seconds(1))
            }
          }
          codes.value.append(currentCancelReason?.code ?? 0)
        }
      }
      codes.value.append(currentCancelReason?.code ?? 0)
      return codes.value
    }
    #expect(codes == [EDDY_REASON_DEADLINE, EDDY_REASON_DEADLINE, 0])
  }

  @Test("MIX-11: a group's children learn that a sibling failed")
  func siblingAsReason() throws {
    let codes = try onLoop { () -> [Int32] in
      let codes = Cell<[Int32]>([])
      _ = await outcome {
        try await withGroup { group in
          try group.spawn {
            _ = await outcome { try await sleep(for: .seconds(1)) }
            codes.value.append(currentCancelReason?.code ?? 0)
          }
          try group.spawnC { sleepInC(10) == EDDY_OK ? eddy_fail_text(-22, "no") : EDDY_OK }
        }
      }
      return codes.value
    }
    #expect(codes == [EDDY_REASON_CHILD])
  }

  @Test("M8: a joiner that is cancelled passes its reason on, from either language")
  func passedOn() throws {
    let words = try onLoop { () -> [String] in
      let trace = Trace()
      let target = try spawn {
        _ = await outcome { try await sleep(for: .seconds(1)) }
        trace.add(currentCancelReason?.message ?? "none")
      }
      let fiber = try spawnC { eddy_task_join(target.task, nil) }
      let joiner = try spawn { _ = try await fiber.join() }
      try await sleep(for: .milliseconds(10))
      joiner.cancel(reason: "the first to ask")
      _ = await outcome { try await joiner.join() }
      return trace.words
    }
    #expect(words == ["the first to ask"])
  }
}
