// All unfinished tasks of a loop in the order in which they were spawned, and who looks at a
// completion.
//
// Owns nothing; the caller's array is the only memory used. Threads: the loop's.

import CEddy

extension Ref where Record == LoopRecord {
  /// Fills in the oldest `capacity` unfinished tasks, oldest first; returns how many there are.
  func listTasks(_ list: UnsafeMutablePointer<eddy_task_t>?, _ capacity: Int) -> Int {
    var count = 0
    for position in 0..<self.tasks.positions {
      let task = self.tasks.record(at: position)
      guard self.tasks.isLive(task), task.completion.state == .pending else { continue }
      if let list, count < capacity {
        list[count] = eddy_task_t(id: task.id)
        siftUp(list, from: count)
      } else if let list, capacity > 0, task.serial < serial(of: list[0]) {
        list[0] = eddy_task_t(id: task.id)
        siftDown(list, capacity)
      }
      count &+= 1
    }
    if let list { sort(list, min(count, capacity)) }
    return count
  }

  private func serial(of task: eddy_task_t) -> UInt64 { self.tasks.find(task.id)?.serial ?? 0 }

  /// From a heap with the youngest first to an array with the oldest first.
  private func sort(_ list: UnsafeMutablePointer<eddy_task_t>, _ count: Int) {
    var end = count
    while end > 1 {
      end &-= 1
      let youngest = list[0]
      list[0] = list[end]
      list[end] = youngest
      siftDown(list, end)
    }
  }

  private func siftUp(_ list: UnsafeMutablePointer<eddy_task_t>, from start: Int) {
    var index = start
    while index > 0 {
      let parent = (index &- 1) >> 1
      if serial(of: list[index]) < serial(of: list[parent]) { return }
      exchange(list, index, parent)
      index = parent
    }
  }

  private func siftDown(_ list: UnsafeMutablePointer<eddy_task_t>, _ count: Int) {
    var index = 0
    while true {
      var best = index &* 2 &+ 1
      if best >= count { return }
      if best &+ 1 < count, serial(of: list[best]) < serial(of: list[best &+ 1]) { best &+= 1 }
      if serial(of: list[best]) < serial(of: list[index]) { return }
      exchange(list, index, best)
      index = best
    }
  }

  private func exchange(_ list: UnsafeMutablePointer<eddy_task_t>, _ one: Int, _ other: Int) {
    let kept = list[one]
    list[one] = list[other]
    list[other] = kept
  }
}

extension Ref where Record == Completion {
  /// Fills the public form, whose memory is zero.
  func describe(to info: UnsafeMutablePointer<eddy_future_info_t>) {
    switch self.state {
    case .pending: info.pointee.state = EDDY_FUTURE_PENDING
    case .done: info.pointee.state = EDDY_FUTURE_DONE
    case .failed: info.pointee.state = EDDY_FUTURE_FAILED
    case .cancelled: info.pointee.state = EDDY_FUTURE_CANCELED
    }
    info.pointee.is_task = self.isTask ? 1 : 0
    info.pointee.observed = self.isRead || self.firstWaiter != nil ? 1 : 0
    info.pointee.site = self.site
    var cursor = self.firstWaiter
    while let waiter = cursor {
      cursor = waiter.pointee.next
      if waiter.pointee.isCallback || waiter.pointee.isMember {
        info.pointee.callbacks += 1
      } else {
        info.pointee.waiters += 1
      }
    }
  }
}
