// The reference: the least that a custom task executor can be. One array of jobs, drained by the
// thread that also enqueues: no lock, no wake, no I/O, no timers.
//
// Threads: one; it is in `run` for as long as anything of it lives.

final class MinimalExecutor: TaskExecutor, @unchecked Sendable {
  private var jobs: [UnownedJob] = []
  private var isFinished = false

  func enqueue(_ job: consuming ExecutorJob) { jobs.append(UnownedJob(job)) }

  /// Runs `body` as a task of this executor, on this thread, until it ends.
  func run(_ body: @escaping @Sendable () async -> Void) {
    isFinished = false
    Task(executorPreference: self) { [self] in
      await body()
      isFinished = true
    }
    var batch: [UnownedJob] = []
    while !isFinished {
      precondition(!jobs.isEmpty, "the body waits for something that is not of this executor")
      swap(&batch, &jobs)
      for job in batch { job.runSynchronously(on: asUnownedTaskExecutor()) }
      batch.removeAll(keepingCapacity: true)
    }
  }
}
