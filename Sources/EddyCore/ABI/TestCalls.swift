// The header's calls of the test kit. Threads: any without a loop; of the trace, the loop's.

import CEddy
import EddySwitch

@c @implementation
public func eddy_test_trace_hash(_ ret_hash: UnsafeMutablePointer<UInt64>?) -> eddy_status_t {
  var hash = eddy_sw_this_thread().unsafelyUnwrapped.pointee.trace
  if let loop = Loop.ofThread {
    hash = loop.watch.trace
    guard hash != 0, ret_hash != nil else { return loop.fail(EDDY_EINVAL) }
  } else if Gate.refusal != EDDY_EWRONGTHREAD || hash == 0 {
    return Gate.refusal
  }
  guard let ret_hash else { return EDDY_EINVAL }
  ret_hash.pointee = hash
  return EDDY_OK
}

@c @implementation
public func eddy_test_cancel_everywhere(
  _ fn: eddy_task_fn?, _ context: UnsafeMutableRawPointer?,
  _ options: UnsafePointer<eddy_test_options_t>?,
  _ ret_finding: UnsafeMutablePointer<eddy_test_finding_t>?
) -> eddy_status_t {
  runSearch(fn, context, options, ret_finding, failsMemory: false)
}

@c @implementation
public func eddy_test_fail_allocations(
  _ fn: eddy_task_fn?, _ context: UnsafeMutableRawPointer?,
  _ options: UnsafePointer<eddy_test_options_t>?,
  _ ret_finding: UnsafeMutablePointer<eddy_test_finding_t>?
) -> eddy_status_t {
  runSearch(fn, context, options, ret_finding, failsMemory: true)
}

@inline(never)
private func runSearch(
  _ fn: eddy_task_fn?, _ context: UnsafeMutableRawPointer?,
  _ options: UnsafePointer<eddy_test_options_t>?,
  _ ret_finding: UnsafeMutablePointer<eddy_test_finding_t>?, failsMemory: Bool
) -> eddy_status_t {
  if let loop = Loop.ofThread { return loop.fail(EDDY_EBUSY) }
  if Gate.refusal == EDDY_EBUSY { return EDDY_EBUSY }
  guard let fn, let ret_finding else { return EDDY_EINVAL }
  var status = checkOutput(ret_finding)
  if status != EDDY_OK { return status }
  var request = TestRequest(
    function: fn, context: context, options: eddy_test_options_t(),
    loopOptions: eddy_loop_options_t(), allocator: eddy_stack_allocator_t(),
    failsMemory: failsMemory)
  status = readTestOptions(options, &request)
  if status != EDDY_OK { return status }
  var finding = eddy_test_finding_t()
  status = search(request, &finding)
  write(&finding, to: ret_finding)
  return status
}

private func readTestOptions(
  _ source: UnsafePointer<eddy_test_options_t>?, _ request: inout TestRequest
) -> eddy_status_t {
  var status = read(source, into: &request.options)
  if status != EDDY_OK { return status }
  let options = request.options
  let always = EDDY_TEST_OUTLIVE | EDDY_TEST_ENDLESS | EDDY_TEST_THREADS
  let known = request.failsMemory ? always : always | EDDY_TEST_DEADLINE
  guard options.flags & ~known == 0, options.max_runs >= 0, options.max_steps >= 0,
    options.patience_ns >= 0
  else { return EDDY_EINVAL }
  status = readLoopOptions(options.loop, &request.loopOptions)
  if status == EDDY_OK, let stacks = request.loopOptions.stacks {
    status = readAllocator(stacks, &request.allocator)
  }
  if status != EDDY_OK { return status }
  return request.loopOptions.flags & EDDY_LOOP_UNREF == 0 ? EDDY_OK : EDDY_EINVAL
}
