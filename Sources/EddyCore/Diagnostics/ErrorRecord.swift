// The error object: a status with a message, causes and children.
//
// Owned by the loop's table of errors. Code of the runtime that keeps an ErrorRef counts in
// `holds`; the user's references are counted apart, in the slot, so that a release too many is
// found.
// Invariants:
// 1. A record is freed when both counts are 0; it then lets go of its causes and children.
// 2. Causes and children are errors of the same loop, and the links make no cycle, since an error
//    is linked only from newer ones or from the group that is being closed.
// 3. Without memory an error is nil; the status stands without it.
// Threads: the loop's.

import CEddy

typealias ErrorRef = Ref<ErrorRecord>

struct ErrorRecord {
  var slot: SlotHeader
  var holds: UInt32
  var status: eddy_status_t
  /// It tells why something was cancelled.
  var isReason: Bool
  /// The task that failed with it first, or that asked for the cancellation: its serial, or 0.
  var taskSerial: UInt64
  var taskName: UnsafeMutablePointer<CChar>?
  var site: UnsafePointer<CChar>?
  var message: UnsafeMutablePointer<CChar>?
  var payload: UnsafeMutableRawPointer?
  var releasePayload: eddy_release_fn?
  /// Of a copy: the error that it stands for, and whose payload it shows.
  var original: ErrorRef?
  var causes: Vector<ErrorRef>
  var children: Vector<ErrorRef>
  /// Links records whose last reference has gone.
  var nextDoomed: ErrorRef?
}

struct DiagnosticsCore {
  var errors: SlotTable<ErrorRecord>
  var doomed: ErrorRef?
  var isSweeping: Bool
  var report: eddy_report_fn?
  var reportContext: UnsafeMutableRawPointer?
  /// How many gates are closed where the hook runs; 0 where it does not.
  var hookDepth: Int32
}

extension Ref where Record == DiagnosticsCore {
  /// A new error with one hold, or nil when memory is out.
  func makeError(_ status: eddy_status_t, _ message: UnsafePointer<CChar>?) -> ErrorRef? {
    guard let error = self.errors.take(.error) else { return nil }
    error.holds = 1
    error.status = status
    error.isReason = false
    error.taskSerial = 0
    error.taskName = nil
    error.site = nil
    error.message = copyText(message)
    error.payload = nil
    error.releasePayload = nil
    error.original = nil
    error.causes = Vector()
    error.children = Vector()
    error.nextDoomed = nil
    return error
  }

  /// The error of one who waited for what was cancelled: why, and below it who asked if known.
  @inline(never)
  func makeTargetCancelled(_ cause: ErrorRef?) -> ErrorRef? {
    let message = cause?.message.map { UnsafePointer($0) }
    let error = makeError(EDDY_ETARGETCANCELED, message)
    if let cause, cause.isReason, error?.addCause(cause.retained()) == false { release(cause) }
    return error
  }

  /// Ends a hold.
  func release(_ error: ErrorRef?) {
    guard let error else { return }
    error.holds &-= 1
    freeIfUnused(error)
  }

  /// Ends a reference of the user's; false if there is none.
  func releaseReference(_ error: ErrorRef) -> Bool {
    if error.slot.word == 0 { return false }
    error.slot.word &-= 1
    freeIfUnused(error)
    return true
  }

  /// Freeing is a loop, not a recursion: trees of errors can be deep.
  private func freeIfUnused(_ error: ErrorRef) {
    guard error.holds == 0, error.slot.word == 0 else { return }
    error.nextDoomed = self.doomed
    self.doomed = error
    if self.isSweeping { return }
    self.isSweeping = true
    while let next = self.doomed {
      self.doomed = next.nextDoomed
      free(next)
    }
    self.isSweeping = false
  }

  private func free(_ error: ErrorRef) {
    for index in 0..<error.causes.count { release(error.causes[index]) }
    for index in 0..<error.children.count { release(error.children[index]) }
    release(error.original)
    error.causes.free()
    error.children.free()
    Memory.free(error.message)
    Memory.free(error.taskName)
    let payload = error.payload
    let releasePayload = error.releasePayload
    self.errors.invalidate(error)
    self.errors.recycle(error)
    Gate.release(payload, with: releasePayload)
  }
}

extension Ref where Record == DiagnosticsCore {
  /// An error that may be added to without others seeing it: itself if nobody else has it, else a
  /// copy. Takes over the hold; without memory for a copy, the error itself.
  func unshared(_ error: ErrorRef) -> ErrorRef {
    if error.holds == 1, error.slot.word == 0 { return error }
    guard let copy = makeError(error.status, error.message.map { UnsafePointer($0) }) else {
      return error
    }
    copy.isReason = error.isReason
    copy.taskSerial = error.taskSerial
    copy.taskName = copyText(error.taskName.map { UnsafePointer($0) })
    copy.site = error.site
    copy.payload = error.payload
    for index in 0..<error.causes.count {
      if copy.addCause(error.causes[index].retained()) { continue }
      release(error.causes[index])
    }
    for index in 0..<error.children.count {
      if copy.addChild(error.children[index].retained()) { continue }
      release(error.children[index])
    }
    copy.original = error
    if let first = error.original {
      copy.original = first.retained()
      release(error)
    }
    return copy
  }
}

private func isSameFunction(_ left: eddy_release_fn, _ right: eddy_release_fn) -> Bool {
  unsafeBitCast(left, to: UInt.self) == unsafeBitCast(right, to: UInt.self)
}

extension Ref where Record == ErrorRecord {
  /// Whether a payload may be attached: nobody else has the error, and it carries and copies none.
  var isFreeToCarry: Bool {
    self.holds == 1 && self.slot.word == 0 && self.original == nil && self.payload == nil
      && self.releasePayload == nil
  }

  /// The payload if it was given with this release function, or with any for nil.
  func payload(givenWith release: eddy_release_fn?) -> UnsafeMutableRawPointer? {
    guard let release else { return self.payload }
    let own = (self.original ?? self).releasePayload
    guard let own, isSameFunction(own, release) else { return nil }
    return self.payload
  }

  /// Whether two are one error, or copies of one.
  func isSame(as other: ErrorRef) -> Bool {
    (self.original ?? self) == (other.original ?? other)
  }

  @inline(__always)
  func retained() -> ErrorRef {
    self.holds &+= 1
    return self
  }

  /// The handle of an error that is given out with a reference.
  func handedOut() -> eddy_error_t {
    self.slot.word &+= 1
    return eddy_error_t(id: self.slot.id)
  }

  /// Takes over one hold of `cause`. False when memory is out; the hold stays the caller's.
  func addCause(_ cause: ErrorRef) -> Bool { self.causes.append(cause) }

  func addChild(_ child: ErrorRef) -> Bool { self.children.append(child) }
}

/// The current error of a task, or of the loop for code outside tasks: the last failure's status,
/// and its error object if it had one.
struct ErrorSlot {
  var status: eddy_status_t
  var error: ErrorRef?
}

extension Ref where Record == DiagnosticsCore {
  /// Replaces the current error. Takes over the hold.
  @inline(__always)
  func replace(
    _ slot: UnsafeMutablePointer<ErrorSlot>, _ status: eddy_status_t, _ error: ErrorRef?
  ) {
    let old = slot.pointee.error
    slot.pointee = ErrorSlot(status: status, error: error)
    if old != nil { release(old) }
  }

  /// A call has succeeded after all: the error that was set aside is the current one again, unless
  /// another has come.
  func putBack(
    _ error: ErrorRef?, into slot: UnsafeMutablePointer<ErrorSlot>, for status: eddy_status_t
  ) {
    if error != nil, slot.pointee.status == status, slot.pointee.error == nil {
      slot.pointee.error = error
    } else {
      release(error)
    }
  }

  /// Takes the error out of a slot if it goes with this status; the caller then has the hold.
  func takeError(from slot: UnsafeMutablePointer<ErrorSlot>, for status: eddy_status_t) -> ErrorRef?
  {
    guard status != EDDY_OK, slot.pointee.status == status else { return nil }
    let error = slot.pointee.error
    slot.pointee.error = nil
    return error
  }
}
