// Spawning a task that does nothing and waiting for its value: on a loop, on the minimal executor,
// on Swift's default executor, and across the two languages.
//
// Threads: the main one, but for `defaultSpawn`.

import CEddy
import Eddy
import Glibc

private let operations = 5000

/// What each task returns, so that none is empty.
@inline(never) private func work() -> Int { 1 }

func loopSpawn(_ watch: Stopwatch) throws {
  try runLoop {
    try await watch.measure(operations) { _ = try await spawn { work() }.value }
  }
}

func loopJoin(_ watch: Stopwatch) throws {
  try runLoop {
    try await watch.measure(operations) { _ = try await spawn { work() }.join() }
  }
}

private let minimal = MinimalExecutor()

func minimalSpawn(_ watch: Stopwatch) {
  let executor = minimal
  executor.run {
    await watch.measure(operations) {
      _ = await Task(executorPreference: executor) { work() }.value
    }
  }
}

func defaultSpawn(_ watch: Stopwatch) {
  onDefaultExecutor {
    await watch.measure(operations) { _ = await Task { work() }.value }
  }
}

/// Runs `body` in a detached task and blocks this thread until it ends.
func onDefaultExecutor(_ body: @escaping @Sendable () async -> Void) {
  nonisolated(unsafe) let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
  sem_init(semaphore, 0, 0)
  Task.detached {
    await body()
    sem_post(semaphore)
  }
  while sem_wait(semaphore) != 0 {}
  sem_destroy(semaphore)
  semaphore.deallocate()
}

// ---- Across the languages ----

/// A C task that spawns Swift tasks and joins each.
private let joiner: eddy_task_fn = { context in
  let watch = Unmanaged<Stopwatch>.fromOpaque(context!).takeUnretainedValue()
  let good = watch.measureOnStack(operations) {
    guard let handle = try? spawn({ work() }) else { return false }
    return eddy_task_join(handle.task, nil) == EDDY_OK
  }
  return good ? EDDY_OK : EDDY_EINVAL
}

func cJoinsSwift(_ watch: Stopwatch) throws {
  try runLoop {
    _ = try await spawn(joiner, context: Unmanaged.passUnretained(watch).toOpaque()).join()
  }
}

private let nothing: eddy_task_fn = { _ in EDDY_OK }

func swiftJoinsC(_ watch: Stopwatch) throws {
  try runLoop {
    try await watch.measure(operations) { _ = try await spawn(nothing).join() }
  }
}
