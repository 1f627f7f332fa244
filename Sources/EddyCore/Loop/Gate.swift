// The gate: while a release function or the report hook runs, the library is closed to it.
//
// Owns the thread's state word. The hot path pays nothing: closing the gate hides the loop from the
// thread, and a call that finds no loop asks here why.
// Invariant: every `close` is followed by one `open` on the same thread.
// Threads: each has its own.

import CEddy
import EddySwitch

enum Gate {
  static func close() {
    let thread = eddy_sw_this_thread().unsafelyUnwrapped
    thread.pointee.depth += 1
    thread.pointee.loop = nil
    if thread.pointee.state == EDDY_SW_THREAD_OPEN { thread.pointee.state = EDDY_SW_THREAD_GATED }
  }

  static func open() {
    let thread = eddy_sw_this_thread().unsafelyUnwrapped
    thread.pointee.depth -= 1
    if thread.pointee.depth == 0, thread.pointee.state == EDDY_SW_THREAD_GATED {
      thread.pointee.state = EDDY_SW_THREAD_OPEN
      thread.pointee.loop = thread.pointee.bound
    }
  }

  /// How many are closed.
  static var depth: Int32 { eddy_sw_this_thread().unsafelyUnwrapped.pointee.depth }

  /// Calls a release function with the gate closed.
  static func release(_ value: UnsafeMutableRawPointer?, with function: eddy_release_fn?) {
    guard let function else { return }
    close()
    function(value)
    open()
  }

  /// Why this thread has no loop to use.
  static var refusal: eddy_status_t {
    switch eddy_sw_this_thread().unsafelyUnwrapped.pointee.state {
    case EDDY_SW_THREAD_GATED: EDDY_EBUSY
    case EDDY_SW_THREAD_FORKED: EDDY_EFORKED
    default: EDDY_EWRONGTHREAD
    }
  }
}
