// Runs tasks of Eddy in both languages, and says how many threads the process then has.
//
// A program of its own, since a test runner has threads. Prints one number, and fails if the tasks
// did.

import CEddy
import Eddy
import Glibc

private nonisolated let sleepInC: eddy_task_fn = { _ in eddy_sleep(1_000_000) }

private actor Counter {
  var number = 0
  func add() { number += 1 }
}

private func threads() -> Int {
  guard let folder = opendir("/proc/self/task") else { return 0 }
  defer { closedir(folder) }
  var count = 0
  while let entry = readdir(folder) {
    if entry.pointee.d_name.0 != CChar(UInt8(ascii: ".")) { count += 1 }
  }
  return count
}

private func work() async throws -> Int {
  let counter = Counter()
  try await withTimeout(.seconds(5)) {
    try await withGroup { group in
      for _ in 0..<20 {
        try group.spawn(sleepInC)
        try group.spawn {
          async let one: Void = Eddy.sleep(for: .milliseconds(1))
          await counter.add()
          try await one
          await withTaskGroup { group in
            for _ in 0..<3 { group.addTask { await counter.add() } }
          }
          try await withShield { try await Eddy.sleep(for: .milliseconds(1)) }
        }
      }
    }
  }
  do {
    try await withTimeout(.milliseconds(1)) { try await Eddy.sleep(for: .seconds(60)) }
  } catch is TimeoutError {}
  return await counter.number
}

private nonisolated func count() throws -> (number: Int, threads: Int) {
  try runLoop { (try await work(), threads()) }
}

let result = try count()
precondition(result.number == 80)
print(result.threads)
