// The header's calls that wait for time, turns and descriptors. Threads: the loop's, inside a task.

import CEddy

@c @implementation @_optimize(speed)
public func eddy_sleep(_ duration_ns: Int64) -> eddy_status_t {
  guard let (loop, task) = enterFiber() else { return refuseFiber() }
  return duration_ns <= 0 ? loop.yield(task) : loop.sleep(task, duration_ns)
}

@c @implementation @_optimize(speed)
public func eddy_yield() -> eddy_status_t {
  guard let (loop, task) = enterFiber() else { return refuseFiber() }
  return loop.yield(task)
}

@c @implementation @_optimize(speed)
public func eddy_checkpoint() -> eddy_status_t {
  guard let (loop, task) = enterFiber() else { return refuseFiber() }
  return loop.checkpoint(task)
}

@c @implementation
public func eddy_cancelled() -> Int32 {
  guard let task = Loop.ofThread?.current else { return 0 }
  return task.scope.isEffective ? 1 : 0
}

@c @implementation
public func eddy_fd_wait(
  _ fd: Int32, _ events: Int32, _ ret_events: UnsafeMutablePointer<Int32>?
) -> eddy_status_t {
  guard let (loop, task) = enterFiber() else { return refuseFiber() }
  return loop.waitForDescriptor(fd, events, task, ret_events)
}

@c @implementation
public func eddy_sleep_start(
  _ duration_ns: Int64, _ ret_future: UnsafeMutablePointer<eddy_future_t>?
) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return Gate.refusal }
  guard let ret_future else { return loop.fail(EDDY_EINVAL) }
  guard let future = loop.makeSleep(duration_ns) else { return loop.fail(EDDY_ENOMEM) }
  ret_future.pointee = eddy_future_t(id: future.completion.slot.id)
  return EDDY_OK
}
