// Callbacks of the loop: called once in a later round, at a time, or whenever a descriptor is
// ready.
//
// Owns the freeing of CallRecords.
// Invariants:
// 1. A callback is never called inside the call that registers it, nor after it was cancelled, even
//    by one before it in the same round.
// 2. Its context is released exactly once: after it has run, or when it is cancelled or dropped; of
//    a descriptor's that runs, when it has returned.
// 3. A record is in order, or freed, before a release function runs: that may end its last
//    reference.
// Threads: the loop's.

import CEddy

extension Ref where Record == LoopRecord {
  /// A pending callback that nothing calls yet; nil when memory or slots are out.
  @inline(never)
  func makeCall(_ request: CallRequest) -> CallRef? {
    guard let call = self.calls.take(.callback) else { return nil }
    self.lastCall &+= 1
    call.ready = Runnable(
      next: nil, run: { raw in Loop.running.perform(CallRef(raw: raw)) },
      owner: call.raw, isQueued: false, isTask: false, kind: .call)
    call.timer = Timer(
      position: 0, fire: { raw in Loop.running.core.makeReady(CallRef(raw: raw).at.ready) },
      owner: call.raw)
    call.state = .pending
    call.isRepeated = false
    call.isRunning = false
    call.function = request.function
    call.context = request.context
    call.release = request.release
    call.contextPlace = contextForLater(request.sharing)
    call.contextNumber = 0
    call.site = request.site
    call.when = core.now
    call.serial = self.lastCall
    return call
  }

  /// Called in the next round.
  func callSoon(_ request: CallRequest) -> CallRef? {
    guard let call = makeCall(request) else { return nil }
    core.makeReady(call.at.ready)
    return call
  }

  /// Called when a time on the loop's clock has come. Nil when memory is out.
  func callLater(_ request: CallRequest, at when: Int64) -> CallRef? {
    guard let call = makeCall(request) else { return nil }
    call.when = when
    if when == Int64.max || core.timers.armOutOfLine(call.at.timer, at: when) {
      if core.host != nil { core.announceReady() }
      return call
    }
    call.release = nil
    _ = cancelCall(call)
    return nil
  }

  /// False if it has run, runs, or was cancelled before.
  func cancelCall(_ call: CallRef) -> Bool {
    guard call.state == .pending else { return false }
    call.state = .cancelled
    core.timers.disarmOutOfLine(call.at.timer)
    if !call.isRunning { letGo(of: call) }
    return true
  }

  /// Ends what a callback holds that will not be called again, and the record if nobody has it.
  private func letGo(of call: CallRef) {
    let context = call.context
    let release = call.release
    let place = call.contextPlace
    call.release = nil
    call.contextPlace = .empty
    freeIfUnused(call)
    contexts.drop(place)
    Gate.release(context, with: release)
  }

  /// Ends a reference of the user's; false if there is none.
  func releaseReference(_ call: CallRef) -> Bool {
    if call.slot.word == 0 { return false }
    call.slot.word &-= 1
    freeIfUnused(call)
    return true
  }

  private func freeIfUnused(_ call: CallRef) {
    guard call.state != .pending, call.slot.word == 0, !call.ready.isQueued, !call.isRunning else {
      return
    }
    self.calls.invalidate(call)
    self.calls.recycle(call)
  }

  private func perform(_ call: CallRef) {
    if call.state != .pending { return freeIfUnused(call) }
    if call.isRepeated { return performAgain(call) }
    let record = call.pointer.pointee
    call.state = .done
    call.release = nil
    call.contextPlace = .empty
    freeIfUnused(call)
    invoke(
      record.function.unsafelyUnwrapped, record.context, record.release,
      in: record.contextPlace, record.site)
  }

  /// A descriptor's turn. What the function sets in its context stays for the next one.
  private func performAgain(_ call: CallRef) {
    if self.isClosing { return }
    call.isRunning = true
    let outer = contexts.beginCallback(in: call.contextPlace)
    if call.contextNumber == 0 { call.contextNumber = contexts.outside.id }
    contexts.outside.id = call.contextNumber
    let status = call.function.unsafelyUnwrapped(call.context)
    if status != EDDY_OK { reportCallback(status, call.site) }
    call.contextPlace = contexts.outside.place
    contexts.outside = outer
    call.isRunning = false
    if call.state != .pending { letGo(of: call) }
  }

  /// Calls a function once, in a context that is its own, and releases what it was given.
  @inline(__always)
  func invoke(
    _ function: eddy_task_fn, _ context: UnsafeMutableRawPointer?, _ release: eddy_release_fn?,
    in place: ContextPlace, _ site: UnsafePointer<CChar>?
  ) {
    let outer = contexts.beginCallback(in: place)
    let status = self.isClosing ? EDDY_OK : function(context)
    if status != EDDY_OK { reportCallback(status, site) }
    contexts.endCallback(outer)
    if release != nil { Gate.release(context, with: release) }
  }

  /// A callback has failed; its context is still the current one.
  @inline(never)
  func reportCallback(_ status: eddy_status_t, _ site: UnsafePointer<CChar>?) {
    var subject = ReportSubject.none
    subject.site = site
    if status > 0 {
      let text = staticText("a callback gave a positive status")
      diagnostics.report(EDDY_EINVAL, text, subject, error: nil)
      return
    }
    let error = diagnostics.takeError(from: self.at.lastError, for: status)
    diagnostics.report(status, staticText("a callback failed"), subject, error: error)
    diagnostics.release(error)
  }

  /// Drops what has not run; then, at loop close, ends the references and returns how many.
  func dropCalls(endingReferences: Bool) -> Int {
    var left = 0
    for position in 0..<self.calls.positions {
      let call = self.calls.record(at: position)
      guard self.calls.isLive(call), !cancelCall(call), endingReferences else { continue }
      left &+= Int(call.slot.word)
      call.slot.word = 0
      freeIfUnused(call)
    }
    return left
  }
}
