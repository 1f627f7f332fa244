// What swift_tasks.h declares: async closures of Swift as eddy_task_t.
//
// C calls these on a thread that runs a loop, from a task or a callback; there `spawn` finds the
// loop by itself. Threads: the loop's.

import CEddy
import Eddy

struct TooMuch: Error, CustomStringConvertible {
  var description: String { "Swift has had enough" }
}

@c(swift_sum)
public func sum(
  _ numbers: UnsafePointer<Int32>, _ count: Int, _ retTask: UnsafeMutablePointer<eddy_task_t>
) -> eddy_status_t {
  let copy = Array(UnsafeBufferPointer(start: numbers, count: count))
  return give(retTask) {
    // A pointer is a value that C can read.
    try spawn(name: "swift_sum") { () -> UnsafeMutableRawPointer? in
      var sum = 0
      for number in copy {
        try await sleep(for: .milliseconds(1))
        sum += Int(number)
      }
      return UnsafeMutableRawPointer(bitPattern: sum)
    }
  }
}

@c(swift_sleeper)
public func sleeper(_ retTask: UnsafeMutablePointer<eddy_task_t>) -> eddy_status_t {
  give(retTask) {
    try spawn(name: "swift_sleeper") {
      do {
        try await sleep(for: .seconds(3600))
      } catch {
        print("Swift: told to end: \(currentCancelReason?.message ?? "nobody said why")")
        throw error
      }
    }
  }
}

@c(swift_failure)
public func failure(
  _ group: eddy_scope_t, _ afterNanoseconds: Int64, _ retTask: UnsafeMutablePointer<eddy_task_t>
) -> eddy_status_t {
  give(retTask) {
    try Group(scope: group).spawn(name: "swift_failure") {
      try await sleep(for: .nanoseconds(afterNanoseconds))
      throw TooMuch()
    }
  }
}

/// Gives C a reference of its own to what was spawned; the handle's ends with the handle.
private func give<Value>(
  _ retTask: UnsafeMutablePointer<eddy_task_t>, _ spawn: () throws -> TaskHandle<Value>
) -> eddy_status_t {
  do {
    let handle = try spawn()
    let status = eddy_task_retain(handle.task)
    if status == EDDY_OK { retTask.pointee = handle.task }
    return status
  } catch {
    return (error as? EddyError)?.status ?? EDDY_EFOREIGN
  }
}
