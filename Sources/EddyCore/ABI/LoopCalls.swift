// The header's calls about loops. Threads: as each says in the header.

import CEddy
import EddySwitch

@c @implementation
public func eddy_run_versioned(
  _ version: Int32, _ options: UnsafePointer<eddy_loop_options_t>?, _ fn: eddy_task_fn?,
  _ context: UnsafeMutableRawPointer?
) -> eddy_status_t {
  var signal: Int32 = 0
  return runProgram(version, options, fn, context, printsFailure: false, &signal)
}

@c @implementation
public func eddy_main_versioned(
  _ version: Int32, _ fn: eddy_task_fn?, _ context: UnsafeMutableRawPointer?
) -> Int32 {
  var signal: Int32 = 0
  let status = runProgram(version, nil, fn, context, printsFailure: true, &signal)
  if status == EDDY_EINTERRUPT { return 128 &+ signal }
  return status == EDDY_OK ? 0 : 1
}

private func runProgram(
  _ version: Int32, _ options: UnsafePointer<eddy_loop_options_t>?, _ fn: eddy_task_fn?,
  _ context: UnsafeMutableRawPointer?, printsFailure: Bool, _ signal: inout Int32
) -> eddy_status_t {
  let made = fn == nil ? (status: EDDY_EINVAL, loop: nil) : makeLoop(version, options, nil)
  guard let fn, let loop = made.loop else {
    if printsFailure { printBareFailure(made.status) }
    return made.status
  }
  var status = EDDY_ENOMEM
  if let root = loop.makeRoot(loop.rootRequest(context), fn) {
    status = loop.run(root: root)
    if status == EDDY_EINTERRUPT { signal = root.signal }
  }
  // Whoever has sent a signal knows that it was sent.
  if printsFailure, status != EDDY_OK, signal == 0 { printFailure(status, loop) }
  if loop.shutDown() != EDDY_OK {
    loop.abandon()
    return EDDY_EGRACE
  }
  loop.close()
  return status
}

private func printFailure(_ status: eddy_status_t, _ loop: Loop) {
  if let error = loop.lastError.error {
    error.printToStandardError(after: "eddy: ")
  } else {
    printBareFailure(status)
  }
}

private func printBareFailure(_ status: eddy_status_t) {
  func compose(_ sink: inout TextSink) {
    sink.put("eddy: ")
    sink.put(statusName(status))
    sink.put(": ")
    sink.put(statusText(status))
    sink.put("\n")
  }
  withTextBuffer(256) { buffer, capacity in
    var sink = TextSink(buffer, capacity: capacity)
    compose(&sink)
    let length = min(sink.length, capacity &- 1)
    _ = sink.finish()
    eddy_sw_write_stderr(buffer, length)
  }
}

@c @implementation
public func eddy_loop_create_versioned(
  _ version: Int32, _ options: UnsafePointer<eddy_loop_options_t>?,
  _ ret_loop: UnsafeMutablePointer<eddy_loop_t>?
) -> eddy_status_t {
  guard let ret_loop else { return Loop.ofThread?.fail(EDDY_EINVAL) ?? EDDY_EINVAL }
  let made = makeLoop(version, options, nil)
  guard let loop = made.loop else { return made.status }
  ret_loop.pointee = eddy_loop_t(id: loop.publicID)
  return EDDY_OK
}

private func makeLoop(
  _ version: Int32, _ source: UnsafePointer<eddy_loop_options_t>?,
  _ host: UnsafeMutableRawPointer?
) -> (status: eddy_status_t, loop: Loop?) {
  if let loop = Loop.ofThread { return (loop.fail(EDDY_EBUSY), nil) }
  if Gate.refusal == EDDY_EBUSY { return (EDDY_EBUSY, nil) }
  if version > libraryVersion { return (EDDY_EVERSION, nil) }
  var options = eddy_loop_options_t()
  var allocator = eddy_stack_allocator_t()
  var status = readLoopOptions(source, &options)
  if status == EDDY_OK, let stacks = options.stacks {
    status = readAllocator(stacks, &allocator)
  }
  let hosted = options.flags & EDDY_LOOP_UNREF != 0
  let virtual = options.flags & EDDY_LOOP_VIRTUAL_CLOCK != 0
  if status == EDDY_OK, host == nil ? hosted : virtual { status = EDDY_EINVAL }
  if status != EDDY_OK { return (status, nil) }
  if options.flags & debugFlags == 0, eddy_sw_wants_debug() != 0 {
    options.flags |= EDDY_LOOP_DEBUG
  }
  let made = Loop.make(options, allocator, host: host)
  if options.flags & EDDY_LOOP_TRACE != 0 { made.loop?.startTrace() }
  #if EDDY_HOSTILE
    made.loop?.watchInvariants()
  #endif
  return made
}

func readAllocator(
  _ source: UnsafePointer<eddy_stack_allocator_t>, _ allocator: inout eddy_stack_allocator_t
) -> eddy_status_t {
  let status = read(source, into: &allocator)
  if status != EDDY_OK { return status }
  let isWhole = allocator.allocate != nil && allocator.deallocate != nil
  return isWhole && allocator.reserved == 0 ? EDDY_OK : EDDY_EINVAL
}

private let debugFlags = EDDY_LOOP_DEBUG | EDDY_LOOP_NO_DEBUG

func readLoopOptions(
  _ source: UnsafePointer<eddy_loop_options_t>?, _ options: inout eddy_loop_options_t
) -> eddy_status_t {
  let status = read(source, into: &options)
  if status != EDDY_OK { return status }
  let known =
    EDDY_LOOP_VIRTUAL_CLOCK | EDDY_LOOP_SEEDED_ORDER | EDDY_LOOP_UNREF | EDDY_LOOP_TRACE
    | EDDY_LOOP_NO_SIGNALS | debugFlags
  guard options.flags & ~known == 0, options.reserved == 0, options.grace_ns >= EDDY_NONE,
    isStackSize(options.stack_bytes), options.first_generation <= Handle.maximumGeneration,
    options.flags & debugFlags != debugFlags, options.slow_ns >= 0, options.blocked_ns >= EDDY_NONE
  else { return EDDY_EINVAL }
  return EDDY_OK
}

/// 0 for the default, or a size that is offered.
func isStackSize(_ bytes: Int64) -> Bool {
  bytes == 0 || (bytes >= Int64(smallestStack) && bytes <= Int64(largestStack))
}

@c @implementation
public func eddy_loop_shutdown(_ loop: eddy_loop_t) -> eddy_status_t {
  let found = findLoop(loop)
  guard let record = found.loop else { return found.status }
  return record.core.isRunning ? record.fail(EDDY_EBUSY) : record.shutDown()
}

@c @implementation
public func eddy_loop_close(_ loop: eddy_loop_t) -> eddy_status_t {
  let found = findLoop(loop)
  guard let record = found.loop else { return found.status }
  if record.core.host != nil { return record.fail(EDDY_EPERM) }
  if record.isInUse { return record.fail(EDDY_EBUSY) }
  record.close()
  return EDDY_OK
}

@c @implementation
public func eddy_loop_attach_versioned(
  _ version: Int32, _ host: UnsafeMutableRawPointer?,
  _ options: UnsafePointer<eddy_loop_options_t>?, _ ret_loop: UnsafeMutablePointer<eddy_loop_t>?
) -> eddy_status_t {
  guard let ret_loop, let host else { return Loop.ofThread?.fail(EDDY_EINVAL) ?? EDDY_EINVAL }
  let made = makeLoop(version, options, host)
  guard let loop = made.loop else { return made.status }
  ret_loop.pointee = eddy_loop_t(id: loop.publicID)
  return EDDY_OK
}

@c @implementation
public func eddy_loop_detach(_ loop: eddy_loop_t) -> eddy_status_t {
  let found = findLoop(loop)
  guard let record = found.loop else { return found.status }
  if record.core.isRunning { return record.fail(EDDY_EBUSY) }
  if record.core.host == nil {
    if !record.hasStubbornTasks { return record.fail(EDDY_EPERM) }
    record.abandon()
    return EDDY_OK
  }
  if record.isInUse { return record.fail(EDDY_EBUSY) }
  record.close()
  return EDDY_OK
}

@c @implementation
public func eddy_loop_current(_ ret_loop: UnsafeMutablePointer<eddy_loop_t>?) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return Gate.refusal }
  guard let ret_loop else { return loop.fail(EDDY_EINVAL) }
  ret_loop.pointee = eddy_loop_t(id: loop.publicID)
  return EDDY_OK
}

@c @implementation
public func eddy_loop_is_debug(_ loop: eddy_loop_t) -> Int32 {
  guard let record = Loop.ofThread, record.publicID == loop.id else { return 0 }
  return record.stepWatch == nil ? 0 : 1
}

@c @implementation
public func eddy_now(_ ret_ns: UnsafeMutablePointer<Int64>?) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return Gate.refusal }
  guard let ret_ns else { return loop.fail(EDDY_EINVAL) }
  ret_ns.pointee = loop.core.readClock()
  return EDDY_OK
}

func findLoop(_ handle: eddy_loop_t) -> (status: eddy_status_t, loop: Loop?) {
  let isLive = handle.id != 0 && Registry.id(of: Handle.loopNumber(handle.id)) == handle.id
  guard let loop = Loop.ofThread else {
    let refusal = Gate.refusal
    if refusal != EDDY_EWRONGTHREAD { return (refusal, nil) }
    return (isLive ? EDDY_EWRONGTHREAD : EDDY_EBADHANDLE, nil)
  }
  if loop.publicID == handle.id { return (EDDY_OK, loop) }
  return (loop.fail(isLive ? EDDY_EWRONGTHREAD : EDDY_EBADHANDLE), nil)
}
