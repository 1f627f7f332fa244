// The main actor while the main thread is a loop.
//
// The main actor's jobs wait in the main queue of libdispatch, which only the main thread may
// drain. When that thread is a loop, nobody else would, and code of the main actor that a loop task
// awaits would never run. So the loop waits for the queue's descriptor and drains it, as a run loop
// would.
//
// Owns nothing: the descriptor is libdispatch's. It is found by name at run time; where it is not
// there, nothing of the main actor runs before the loop ends.
// Invariant: the queue is drained by a posted callback, on the loop's own stack, never on a
// fiber's.
// Threads: the main one.

import CEddy
import Glibc

enum MainActorDriver {
  /// Whether this thread, as a loop, can run the main actor's code.
  static var canDrive: Bool { isMainThread && descriptor >= 0 && drain != nil }

  /// Spawns the task that waits for the main queue, if this is the main thread. It ends when the
  /// loop shuts down.
  static func start() {
    guard canDrive else { return }
    _ = eddy_task_spawn_at(nil, waitForQueue, nil, nil, nil)
  }

  /// The main thread has the number of the process; its own number has no call that Swift imports.
  private static var isMainThread: Bool {
    guard let symbol = dlsym(nil, "gettid") else { return false }
    return unsafeBitCast(symbol, to: GetNumber.self)() == getpid()
  }

  private typealias GetNumber = @convention(c) () -> Int32
  fileprivate typealias Drain = @convention(c) (UnsafeMutableRawPointer?) -> Void

  fileprivate static let descriptor: Int32 = {
    guard let symbol = dlsym(nil, "_dispatch_get_main_queue_handle_4CF") else { return -1 }
    return unsafeBitCast(symbol, to: GetNumber.self)()
  }()

  fileprivate static let drain: Drain? = dlsym(nil, "_dispatch_main_queue_callback_4CF").map {
    unsafeBitCast($0, to: Drain.self)
  }
}

private let waitForQueue: eddy_task_fn = { _ in
  while true {
    let status = eddy_fd_wait(MainActorDriver.descriptor, EDDY_READABLE, nil)
    if status != EDDY_OK { return status }
    let posted = eddy_post(drainQueue, nil, nil)
    if posted != EDDY_OK { return posted }
    let yielded = eddy_yield()
    if yielded != EDDY_OK { return yielded }
  }
}

private let drainQueue: eddy_task_fn = { _ in
  var count: UInt64 = 0
  _ = read(MainActorDriver.descriptor, &count, 8)
  MainActorDriver.drain?(nil)
  return EDDY_OK
}
