// libuv under the loop: made, polled once a turn, and closed.
//
// Invariants:
// 1. The uv_timer_t is armed only while the loop is about to block; its 1 ms steps are rounded up,
//    so a wake is never early, and deadlines are judged by our own clock afterwards.
// 2. Nothing depends on libuv's order of timers.
// Threads: the loop's.

import CEddy
import Clibuv
import EddySwitch

extension Ref where Record == LoopCore {
  /// Makes the uv_loop_t; 0 or a negative errno, and then nothing is left.
  func openPoll() -> eddy_status_t {
    guard let loop = Memory.allocate(uv_loop_t.self, count: 1) else { return EDDY_ENOMEM }
    guard let timer = Memory.allocate(uv_timer_t.self, count: 1) else {
      Memory.free(loop)
      return EDDY_ENOMEM
    }
    let status = uv_loop_init(loop)
    if status != 0 {
      Memory.free(loop)
      Memory.free(timer)
      return status
    }
    _ = uv_timer_init(loop, timer)
    self.uv = loop
    self.wakeTimer = timer
    return EDDY_OK
  }

  /// Closes the uv_loop_t; every handle of it but the timer has been closed before.
  func closePoll() {
    guard let loop = self.uv, let timer = self.wakeTimer else { return }
    timer.withMemoryRebound(to: uv_handle_t.self, capacity: 1) { uv_close($0, nil) }
    while uv_run(loop, UV_RUN_NOWAIT) != 0 {}
    if uv_loop_close(loop) != 0 { eddy_sw_abort("a libuv handle was left open at loop close") }
    Memory.free(loop)
    Memory.free(timer)
    self.uv = nil
    self.wakeTimer = nil
  }

  /// What the outside has for us, without waiting.
  func pollWithoutWaiting() {
    guard let loop = self.uv, uv_loop_alive(loop) != 0 else { return }
    _ = uv_run(loop, UV_RUN_NOWAIT)
  }

  /// Waits for the outside or the earliest deadline. False if neither can ever come.
  func pollWaiting() -> Bool {
    guard let loop = self.uv else { return false }
    if self.timers.isEmpty {
      guard uv_loop_alive(loop) != 0 else { return false }
      _ = uv_run(loop, UV_RUN_ONCE)
      return true
    }
    if self.isVirtual {
      pollWithoutWaiting()
      if self.ready.isEmpty { self.now = max(self.now, self.timers.earliest) }
      return true
    }
    let wait = self.timers.earliest &- eddy_sw_clock_ns()
    if wait <= 0 {
      pollWithoutWaiting()
      return true
    }
    if let timer = self.wakeTimer {
      let milliseconds = UInt64(wait &- 1) / 1_000_000 &+ 1
      uv_update_time(loop)
      _ = uv_timer_start(timer, { _ in }, milliseconds, 0)
      _ = uv_run(loop, UV_RUN_ONCE)
      _ = uv_timer_stop(timer)
    }
    return true
  }
}
