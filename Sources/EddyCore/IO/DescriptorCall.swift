// Callbacks of descriptors: a reader and a writer each, called in a round of each turn in which the
// descriptor is ready, until they are removed.
//
// Invariants:
// 1. A registered callback is pending, and its record's place is its descriptor's alone.
// 2. It is never called inside libuv's callback: that only makes it ready.
// 3. A refused registration leaves the callback that was there.
// Threads: the loop's.

import CEddy
import Clibuv

extension Ref where Record == LoopRecord {
  /// Has a descriptor call a function; what it called before is cancelled.
  func addDescriptorCall(
    _ number: Int32, isWriter: Bool, _ request: CallRequest
  ) -> eddy_status_t {
    if number < 0 { return EDDY_EINVAL }
    guard let table = descriptorTable(), let call = makeCall(request) else { return EDDY_ENOMEM }
    call.isRepeated = true
    let opened = table.find(Int(number), core.uv.unsafelyUnwrapped)
    var status = opened.status
    if let record = opened.record {
      let place = record.place(isWriter: isWriter)
      let old = place.pointee
      place.pointee = call
      status = record.arm()
      if status == EDDY_OK {
        if let old { _ = cancelCall(old) }
        return EDDY_OK
      }
      place.pointee = old
      _ = record.arm()
    }
    // The context is still the caller's.
    call.release = nil
    _ = cancelCall(call)
    return status
  }

  /// False if the descriptor has none.
  @inline(never)
  func removeDescriptorCall(_ number: Int32, isWriter: Bool) -> Bool {
    guard let raw = self.descriptors else { return false }
    let records = Ref<DescriptorTable>(raw: raw).records
    guard Int(number) < records.count, let record = records[Int(number)] else { return false }
    let place = record.place(isWriter: isWriter)
    guard let old = place.pointee else { return false }
    place.pointee = nil
    _ = record.arm()
    return cancelCall(old)
  }
}

extension Ref where Record == DescriptorTable {
  /// At loop close: cancels what is registered.
  func dropCalls(_ loop: Loop) {
    for index in 0..<self.records.count {
      _ = loop.removeDescriptorCall(Int32(index), isWriter: false)
      _ = loop.removeDescriptorCall(Int32(index), isWriter: true)
    }
  }
}

extension Ref where Record == DescriptorRecord {
  fileprivate func place(isWriter: Bool) -> UnsafeMutablePointer<CallRef?> {
    isWriter ? self.at.writer : self.at.reader
  }

  /// What the callbacks are to be called for.
  var callEvents: Int32 {
    (self.reader == nil ? 0 : EDDY_READABLE) | (self.writer == nil ? 0 : EDDY_WRITABLE)
  }

  /// Makes the callbacks ready whose events have come.
  func makeCallsReady(_ came: Int32) {
    let ready = came & callEvents
    if ready & EDDY_READABLE != 0, let reader = self.reader { makeReady(reader) }
    if ready & EDDY_WRITABLE != 0, let writer = self.writer { makeReady(writer) }
  }

  private func makeReady(_ call: CallRef) {
    if !call.ready.isQueued { Loop.running.core.makeReady(call.at.ready) }
  }
}
