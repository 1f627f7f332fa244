// Waiting until a descriptor is ready: one uv_poll_t for each descriptor that somebody waits for or
// has a callback on (DescriptorCall.swift).
//
// Owns the loop's table of awaited descriptors and its pools.
// Invariants:
// 1. A descriptor has a DescriptorRecord in the table while a task waits for it or it has a
//    callback, and the poll's events are the union of theirs.
// 2. When the last of these ends, the poll handle is stopped and closed at once, so that a
//    descriptor number that is closed and reused is never confused with its predecessor. The record
//    is reused only after libuv has said that it is closed.
// 3. A wait's first field is the descriptor's number (TaskInfo reads it).
// Threads: the loop's.

import CEddy
import Clibuv

struct DescriptorWait {
  var number: UInt32
  var events: Int32
  var result: Int32
  var isLinked: Bool
  var task: TaskRef?
  var record: Ref<DescriptorRecord>?
  var next: Ref<DescriptorWait>?
}

struct DescriptorRecord {
  var poll: uv_poll_t
  var number: Int32
  var armed: Int32
  var first: Ref<DescriptorWait>?
  var reader: CallRef?
  var writer: CallRef?
  var table: Ref<DescriptorTable>?
}

struct DescriptorTable {
  /// By descriptor number.
  var records: Vector<Ref<DescriptorRecord>?>
  var recordPool: Pool<DescriptorRecord>
  var waitPool: Pool<DescriptorWait>
  /// Handles that libuv has not let go of yet.
  var closing: Int
  /// The loop is gone; the last handle's end frees the table.
  var isOrphaned: Bool
}

private let knownEvents = EDDY_READABLE | EDDY_WRITABLE | EDDY_DISCONNECTED

extension Ref where Record == LoopRecord {
  /// Parks the task until one of `events` has come to the descriptor.
  func waitForDescriptor(
    _ number: Int32, _ events: Int32, _ task: TaskRef, _ result: UnsafeMutablePointer<Int32>?
  ) -> eddy_status_t {
    guard number >= 0, events != 0, events & ~knownEvents == 0 else { return fail(EDDY_EINVAL) }
    if task.scope.isEffective { return failCancelPoint(task) }
    guard let table = descriptorTable(), let wait = table.waitPool.take() else {
      return fail(EDDY_ENOMEM)
    }
    wait.number = UInt32(number)
    wait.events = events
    wait.task = task
    let status = table.add(wait, core.uv.unsafelyUnwrapped)
    if status != EDDY_OK {
      table.waitPool.give(wait)
      return fail(status)
    }
    let outcome = park(task, .descriptor, wait.raw) { raw in
      let wait = Ref<DescriptorWait>(raw: TaskRef(raw: raw).park.target.unsafelyUnwrapped)
      wait.record.unsafelyUnwrapped.remove(wait)
      return CancelAnswer.detached.rawValue
    }
    let came = wait.result
    table.waitPool.give(wait)
    if outcome == .cancelled { return failAfterWait(task) }
    result?.pointee = came
    return EDDY_OK
  }

  func descriptorTable() -> Ref<DescriptorTable>? {
    if let raw = self.descriptors { return Ref<DescriptorTable>(raw: raw) }
    guard let memory = Memory.allocate(DescriptorTable.self, count: 1) else { return nil }
    let table = Ref<DescriptorTable>(memory)
    table.records = Vector()
    table.recordPool = Pool()
    table.waitPool = Pool()
    table.closing = 0
    table.isOrphaned = false
    self.descriptors = table.raw
    self.freeDescriptors = { raw in
      let loop = Loop(raw: raw)
      guard let memory = loop.descriptors else { return }
      let table = Ref<DescriptorTable>(raw: memory)
      table.dropCalls(loop)
      loop.descriptors = nil
      table.isOrphaned = true
      if table.closing == 0 { table.free() }
    }
    return table
  }
}

extension Ref where Record == LoopRecord {
  /// A descriptor that is still polled, or -1.
  var polledDescriptor: Int {
    guard let raw = self.descriptors else { return -1 }
    let records = Ref<DescriptorTable>(raw: raw).records
    for index in 0..<records.count where records[index] != nil { return index }
    return -1
  }
}

extension Ref where Record == DescriptorTable {
  fileprivate func free() {
    self.records.free()
    self.recordPool.free()
    self.waitPool.free()
    Memory.free(raw)
  }

  /// Links a wait and has its events polled.
  func add(_ wait: Ref<DescriptorWait>, _ uv: UnsafeMutablePointer<uv_loop_t>) -> eddy_status_t {
    let opened = find(Int(wait.number), uv)
    guard let record = opened.record else { return opened.status }
    wait.record = record
    wait.isLinked = true
    wait.next = nil
    if var last = record.first {
      while let next = last.next { last = next }
      last.next = wait
    } else {
      record.first = wait
    }
    let status = record.arm()
    if status != EDDY_OK { record.remove(wait) }
    return status
  }

  /// The record of a descriptor; a new one if nobody waits for it yet. libuv is asked first, so the
  /// table grows only for descriptors that are open.
  func find(_ index: Int, _ uv: UnsafeMutablePointer<uv_loop_t>)
    -> (status: eddy_status_t, record: Ref<DescriptorRecord>?)
  {
    if index < self.records.count, let record = self.records[index] { return (EDDY_OK, record) }
    guard let record = self.recordPool.take() else { return (EDDY_ENOMEM, nil) }
    let status = uv_poll_init(uv, record.at.poll, Int32(index))
    if status != 0 {
      self.recordPool.give(record)
      return (status == UV_EEXIST.rawValue ? EDDY_EBUSY : status, nil)
    }
    record.poll.data = record.raw
    record.number = Int32(index)
    record.table = self
    guard self.records.reserve(index &+ 1) else {
      record.closeHandle()
      return (EDDY_ENOMEM, nil)
    }
    while self.records.count <= index { _ = self.records.append(nil) }
    self.records[index] = record
    return (EDDY_OK, record)
  }
}

extension Ref where Record == DescriptorRecord {
  /// Has the union of the waits' events polled; closes the handle when there are none.
  func arm() -> eddy_status_t {
    var events = self.callEvents
    var cursor = self.first
    while let wait = cursor {
      events |= wait.events
      cursor = wait.next
    }
    if events == 0 {
      close()
      return EDDY_OK
    }
    if events == self.armed { return EDDY_OK }
    self.armed = events
    return uv_poll_start(self.at.poll, libuvEvents(events)) { handle, status, events in
      let record = Ref<DescriptorRecord>(raw: handle.unsafelyUnwrapped.pointee.data)
      // After an error libuv has stopped polling: what is left has to be begun again.
      if status < 0 { record.armed = 0 }
      record.deliver(status < 0 ? knownEvents : eddyEvents(events))
    }
  }

  func remove(_ wait: Ref<DescriptorWait>) {
    guard wait.isLinked else { return }
    wait.isLinked = false
    if self.first == wait {
      self.first = wait.next
    } else {
      var cursor = self.first
      while let previous = cursor, previous.next != wait { cursor = previous.next }
      cursor?.next = wait.next
    }
    wait.next = nil
    _ = arm()
  }

  /// Makes the callbacks ready and wakes those whose events have come.
  private func deliver(_ came: Int32) {
    makeCallsReady(came)
    var kept: Ref<DescriptorWait>?
    var keptLast: Ref<DescriptorWait>?
    var cursor = self.first
    while let wait = cursor {
      cursor = wait.next
      wait.next = nil
      if wait.events & came != 0 {
        wait.result = wait.events & came
        wait.isLinked = false
        Loop.running.wake(wait.task.unsafelyUnwrapped)
      } else {
        if let last = keptLast { last.next = wait } else { kept = wait }
        keptLast = wait
      }
    }
    self.first = kept
    _ = arm()
  }

  private func close() {
    _ = uv_poll_stop(self.at.poll)
    self.table.unsafelyUnwrapped.records[Int(self.number)] = nil
    closeHandle()
  }

  /// Has libuv let go of the handle; the record is free once it has.
  fileprivate func closeHandle() {
    self.table.unsafelyUnwrapped.closing += 1
    self.at.poll.withMemoryRebound(to: uv_handle_t.self, capacity: 1) { handle in
      uv_close(handle) { handle in
        let record = Ref<DescriptorRecord>(raw: handle.unsafelyUnwrapped.pointee.data)
        let table = record.table.unsafelyUnwrapped
        table.recordPool.give(record)
        table.closing -= 1
        if table.isOrphaned, table.closing == 0 { table.free() }
      }
    }
  }
}

private func libuvEvents(_ events: Int32) -> Int32 {
  var result: Int32 = 0
  if events & EDDY_READABLE != 0 { result |= Int32(UV_READABLE.rawValue) }
  if events & EDDY_WRITABLE != 0 { result |= Int32(UV_WRITABLE.rawValue) }
  if events & EDDY_DISCONNECTED != 0 { result |= Int32(UV_DISCONNECT.rawValue) }
  return result
}

private func eddyEvents(_ events: Int32) -> Int32 {
  var result: Int32 = 0
  if events & Int32(UV_READABLE.rawValue) != 0 { result |= EDDY_READABLE }
  if events & Int32(UV_WRITABLE.rawValue) != 0 { result |= EDDY_WRITABLE }
  if events & Int32(UV_DISCONNECT.rawValue) != 0 { result |= EDDY_DISCONNECTED }
  return result
}
