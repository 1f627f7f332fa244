// The header's calls about several futures at once. Threads: the loop's.

import CEddy

public typealias Futures = UnsafePointer<eddy_future_t>
public typealias FutureOut = UnsafeMutablePointer<eddy_future_t>

/// Why a thread without a usable loop is refused; the first handle says whose it is.
private func refuseThread(_ futures: Futures?, _ count: Int) -> eddy_status_t {
  guard count > 0, let futures else { return Gate.refusal }
  return refuseThread(futures.pointee.id)
}

extension Ref where Record == LoopRecord {
  /// Every handle is a future's or a task's.
  fileprivate func checkMembers(_ futures: Futures?, _ count: Int) -> eddy_status_t {
    guard let futures, count > 0 else { return count == 0 ? EDDY_OK : fail(EDDY_EINVAL) }
    for index in 0..<count where lookUp(futures[index].id) == nil {
      return refuseHandle(futures[index].id)
    }
    return EDDY_OK
  }
}

/// A wait of a fiber; the caller releases the future that it gets.
@inline(never)
private func wait(
  _ futures: Futures?, _ count: Int, _ mode: CombinationMode, _ timeout: Int64
) -> (status: eddy_status_t, future: CompletionRef?) {
  guard let loop = Loop.ofThread else { return (refuseThread(futures, count), nil) }
  let refusal = loop.checkMembers(futures, count)
  if refusal != EDDY_OK { return (refusal, nil) }
  guard let (_, task) = enterFiber() else { return (refuseFiber(), nil) }
  let request = CombinationRequest(
    handles: futures, count: count, mode: mode, timeout: timeout, task: task)
  return loop.waitForSeveral(request, task)
}

/// The twin that gives a future.
@inline(never)
private func start(
  _ futures: Futures?, _ count: Int, _ mode: CombinationMode, _ timeout: Int64,
  _ ret_id: UnsafeMutableRawPointer?
) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return refuseThread(futures, count) }
  let refusal = loop.checkMembers(futures, count)
  if refusal != EDDY_OK { return refusal }
  guard let ret_id, mode != .none else { return loop.fail(EDDY_EINVAL) }
  let request = CombinationRequest(
    handles: futures, count: count, mode: mode, timeout: timeout, task: nil)
  let made = loop.combine(request)
  guard let future = made.future else { return made.status }
  ret_id.storeBytes(of: future.completion.slot.id, as: UInt64.self)
  return EDDY_OK
}

/// A combined future that is done, or why it cannot be read.
@inline(never)
private func finished(
  _ future: eddy_future_t, _ first: CombinationMode, _ last: CombinationMode
) -> (status: eddy_status_t, completion: CompletionRef?) {
  guard let loop = Loop.ofThread else { return (refuseThread(future.id), nil) }
  guard let completion = loop.lookUp(future.id) else {
    return (loop.refuseHandle(future.id), nil)
  }
  let mode = completion.isTask ? CombinationMode.none : FutureRef(completion).mode
  guard mode.rawValue >= first.rawValue, mode.rawValue <= last.rawValue else {
    return (loop.fail(EDDY_EINVAL), nil)
  }
  let status = loop.read(completion, nil, nil)
  return (status, status == EDDY_OK ? completion : nil)
}

@inline(never)
private func gather(
  _ futures: Futures?, _ count: Int, _ mode: CombinationMode,
  _ ret_statuses: UnsafeMutablePointer<eddy_status_t>?, _ ret_values: ValueOut?
) -> eddy_status_t {
  let waited = wait(futures, count, mode, Int64.max)
  guard let future = waited.future else { return waited.status }
  let status = Loop.running.readMembers(future, ret_statuses, ret_values)
  Loop.running.drop(future)
  return status
}

@c @implementation
public func eddy_gather(
  _ futures: Futures?, _ count: Int, _ ret_values: ValueOut?
) -> eddy_status_t {
  gather(futures, count, .gather, nil, ret_values)
}

@c @implementation
public func eddy_gather_all(
  _ futures: Futures?, _ count: Int, _ ret_statuses: UnsafeMutablePointer<eddy_status_t>?,
  _ ret_values: ValueOut?
) -> eddy_status_t {
  gather(futures, count, .gatherAll, ret_statuses, ret_values)
}

@c @implementation
public func eddy_gather_start(
  _ futures: Futures?, _ count: Int, _ flags: UInt32, _ ret_future: FutureOut?
) -> eddy_status_t {
  let mode: CombinationMode =
    flags == 0 ? .gather : flags == EDDY_GATHER_ALL ? .gatherAll : .none
  return start(futures, count, mode, Int64.max, ret_future)
}

@c @implementation
public func eddy_gather_finish(
  _ future: eddy_future_t, _ ret_statuses: UnsafeMutablePointer<eddy_status_t>?,
  _ ret_values: ValueOut?
) -> eddy_status_t {
  let found = finished(future, .gather, .gatherAll)
  guard let completion = found.completion else { return found.status }
  return Loop.running.readMembers(completion, ret_statuses, ret_values)
}

@inline(never)
private func wait(
  _ futures: Futures?, _ count: Int, until mode: CombinationMode, _ timeout: Int64,
  _ ret_done: UnsafeMutablePointer<UInt8>?, _ ret_done_count: UnsafeMutablePointer<Int>?
) -> eddy_status_t {
  let waited = wait(futures, count, mode, timeout)
  guard let future = waited.future else { return waited.status }
  Loop.running.readDone(future, ret_done, ret_done_count)
  Loop.running.drop(future)
  return EDDY_OK
}

@c @implementation
public func eddy_wait_all(
  _ futures: Futures?, _ count: Int, _ timeout_ns: Int64,
  _ ret_done: UnsafeMutablePointer<UInt8>?, _ ret_done_count: UnsafeMutablePointer<Int>?
) -> eddy_status_t {
  wait(futures, count, until: .all, timeout_ns, ret_done, ret_done_count)
}

@c @implementation
public func eddy_wait_any(
  _ futures: Futures?, _ count: Int, _ timeout_ns: Int64,
  _ ret_done: UnsafeMutablePointer<UInt8>?, _ ret_done_count: UnsafeMutablePointer<Int>?
) -> eddy_status_t {
  wait(futures, count, until: .firstDone, timeout_ns, ret_done, ret_done_count)
}

@c @implementation
public func eddy_wait_first_error(
  _ futures: Futures?, _ count: Int, _ timeout_ns: Int64,
  _ ret_done: UnsafeMutablePointer<UInt8>?, _ ret_done_count: UnsafeMutablePointer<Int>?
) -> eddy_status_t {
  wait(futures, count, until: .error, timeout_ns, ret_done, ret_done_count)
}

@c @implementation
public func eddy_wait_start(
  _ futures: Futures?, _ count: Int, _ until: Int32, _ timeout_ns: Int64,
  _ ret_future: FutureOut?
) -> eddy_status_t {
  let mode: CombinationMode =
    switch until {
    case EDDY_UNTIL_ALL: .all
    case EDDY_UNTIL_ANY: .firstDone
    case EDDY_UNTIL_ERROR: .error
    default: .none
    }
  return start(futures, count, mode, timeout_ns, ret_future)
}

@c @implementation
public func eddy_wait_finish(
  _ future: eddy_future_t, _ ret_done: UnsafeMutablePointer<UInt8>?,
  _ ret_done_count: UnsafeMutablePointer<Int>?
) -> eddy_status_t {
  let found = finished(future, .all, .error)
  guard let completion = found.completion else { return found.status }
  Loop.running.readDone(completion, ret_done, ret_done_count)
  return EDDY_OK
}

@c @implementation
public func eddy_wait_for(
  _ future: eddy_future_t, _ timeout_ns: Int64, _ ret_value: ValueOut?
) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return refuseThread(future.id) }
  guard let completion = loop.lookUp(future.id) else {
    return loop.refuseHandle(future.id)
  }
  guard let (_, fiber) = enterFiber() else { return refuseFiber() }
  return loop.waitFor(completion, timeout_ns, fiber, ret_value)
}

@c @implementation
public func eddy_wait_for_start(
  _ future: eddy_future_t, _ timeout_ns: Int64, _ ret_future: FutureOut?
) -> eddy_status_t {
  withUnsafePointer(to: future) { start($0, 1, .limit, timeout_ns, ret_future) }
}

private func selectMode(_ flags: UInt32) -> CombinationMode {
  flags == 0 ? .select : flags == EDDY_SELECT_CANCEL ? .race : .none
}

@c @implementation
public func eddy_select(
  _ futures: Futures?, _ count: Int, _ flags: UInt32, _ ret_index: UnsafeMutablePointer<Int>?
) -> eddy_status_t {
  let mode = selectMode(flags)
  if mode == .none, let loop = Loop.ofThread { return loop.fail(EDDY_EINVAL) }
  let waited = wait(futures, count, mode, Int64.max)
  guard let future = waited.future else { return waited.status }
  if let combination = FutureRef(future).combination { ret_index?.pointee = combination.first }
  Loop.running.drop(future)
  return EDDY_OK
}

@c @implementation
public func eddy_select_start(
  _ futures: Futures?, _ count: Int, _ flags: UInt32, _ ret_future: FutureOut?
) -> eddy_status_t {
  start(futures, count, selectMode(flags), Int64.max, ret_future)
}

@c @implementation
public func eddy_select_finish(
  _ future: eddy_future_t, _ ret_index: UnsafeMutablePointer<Int>?
) -> eddy_status_t {
  var found = finished(future, .race, .race)
  if found.status == EDDY_EINVAL { found = finished(future, .select, .select) }
  guard let completion = found.completion else { return found.status }
  ret_index?.pointee = Int(bitPattern: completion.value)
  return EDDY_OK
}

@c @implementation
public func eddy_as_completed(
  _ futures: Futures?, _ count: Int, _ timeout_ns: Int64,
  _ ret_completions: UnsafeMutablePointer<eddy_completions_t>?
) -> eddy_status_t {
  start(futures, count, .completions, timeout_ns, ret_completions)
}

extension Ref where Record == LoopRecord {
  fileprivate func findCompletions(_ id: UInt64) -> CompletionRef? {
    guard Handle.kind(id) == HandleKind.completions.rawValue else { return nil }
    return self.futures.find(id).map { CompletionRef($0) }
  }
}

@c @implementation
public func eddy_completions_next(
  _ completions: eddy_completions_t, _ ret_index: UnsafeMutablePointer<Int>?
) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return refuseThread(completions.id) }
  guard let completion = loop.findCompletions(completions.id) else {
    return loop.refuseHandle(completions.id)
  }
  guard let (_, fiber) = enterFiber() else { return refuseFiber() }
  return loop.waitForNext(completion, fiber, ret_index)
}

@c @implementation
public func eddy_completions_next_start(
  _ completions: eddy_completions_t, _ ret_future: FutureOut?
) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return refuseThread(completions.id) }
  guard let completion = loop.findCompletions(completions.id) else {
    return loop.refuseHandle(completions.id)
  }
  guard let ret_future else { return loop.fail(EDDY_EINVAL) }
  guard let future = loop.startNext(completion) else { return loop.fail(EDDY_ENOMEM) }
  ret_future.pointee = eddy_future_t(id: future.completion.slot.id)
  return EDDY_OK
}

@c @implementation
public func eddy_completions_next_finish(
  _ future: eddy_future_t, _ ret_index: UnsafeMutablePointer<Int>?
) -> eddy_status_t {
  let found = finished(future, .next, .next)
  guard let completion = found.completion else { return found.status }
  completion.isTaken = true
  ret_index?.pointee = Int(bitPattern: completion.value)
  return EDDY_OK
}

@c @implementation
public func eddy_completions_release(_ completions: eddy_completions_t) -> eddy_status_t {
  if completions.id == 0 { return EDDY_OK }
  guard let loop = Loop.boundToThread else { return refuseThread(completions.id) }
  guard let completion = loop.findCompletions(completions.id), completion.slot.word > 0 else {
    return loop.refuseHandle(completions.id)
  }
  loop.drop(completion)
  return EDDY_OK
}
