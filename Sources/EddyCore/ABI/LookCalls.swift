// The header's calls that look at futures and tasks: their state, who waits, names, all tasks.
// Threads: the loop's.

import CEddy

@c @implementation
public func eddy_future_info(
  _ future: eddy_future_t, _ ret_info: UnsafeMutablePointer<eddy_future_info_t>?
) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return refuseThread(future.id) }
  guard let completion = loop.findCompletion(future.id) else {
    return loop.refuseHandle(future.id)
  }
  let status = checkOutput(ret_info)
  guard status == EDDY_OK, let ret_info else { return loop.fail(status) }
  var info = eddy_future_info_t()
  completion.describe(to: &info)
  write(&info, to: ret_info)
  return EDDY_OK
}

@c @implementation
public func eddy_future_observe(_ future: eddy_future_t) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return refuseThread(future.id) }
  guard let completion = loop.findCompletion(future.id) else {
    return loop.refuseHandle(future.id)
  }
  completion.isRead = true
  return EDDY_OK
}

@c @implementation
public func eddy_task_set_name(
  _ task: eddy_task_t, _ name: UnsafePointer<CChar>?
) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return refuseThread(task.id) }
  guard let record = loop.tasks.find(task.id) else { return loop.refuseHandle(task.id) }
  let copy = copyText(name)
  if name != nil, copy == nil { return loop.fail(EDDY_ENOMEM) }
  Memory.free(record.name)
  record.name = copy
  return EDDY_OK
}

@c @implementation
public func eddy_task_list(
  _ ret_tasks: UnsafeMutablePointer<eddy_task_t>?, _ capacity: Int,
  _ ret_count: UnsafeMutablePointer<Int>?
) -> eddy_status_t {
  guard let loop = Loop.ofThread else { return Gate.refusal }
  guard let ret_count, capacity >= 0, ret_tasks != nil || capacity == 0 else {
    return loop.fail(EDDY_EINVAL)
  }
  ret_count.pointee = loop.listTasks(ret_tasks, capacity)
  return EDDY_OK
}

@c @implementation
public func eddy_task_is_inside(_ task: eddy_task_t, _ outer: eddy_task_t) -> Int32 {
  guard let loop = Loop.ofThread, let record = loop.tasks.find(task.id),
    let target = loop.findCompletion(outer.id), record.completion.state == .pending
  else { return 0 }
  return loop.isSelfOrAncestor(target, of: record) ? 1 : 0
}
