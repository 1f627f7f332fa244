// libuv under the loop: made or adopted, polled once a turn, and closed.
//
// Owns the uv_loop_t unless it is a host's, and in one block the wake timer and the bell (the
// uv_async_t that other threads ring).
// Invariants:
// 1. The timer is armed only while the loop is about to block; its 1 ms steps are rounded up, so a
//    wake is never early, and deadlines are judged by our own clock afterwards.
// 2. Neither handle is referenced but while we block for them, so they keep no uv_run going.
// 3. Nothing depends on libuv's order of timers.
// Threads: the loop's.

import CEddy
import Clibuv
import EddySwitch

struct WakeHandles {
  var timer: uv_timer_t
  var bell: uv_async_t
  var closing: Int32
}

/// The time that a poll may take is over. libuv before 1.45 looks at its timers before it polls:
/// one that is due by then is gone, and without the stop the poll would have no end.
private let endPoll: uv_timer_cb = { timer in
  uv_stop(timer.unsafelyUnwrapped.pointee.loop)
}

extension Ref where Record == LoopCore {
  /// Makes the uv_loop_t, or adopts the host's, and the wake handles on it. 0 or a negative errno,
  /// and then nothing is left.
  func openPoll(host: UnsafeMutableRawPointer?) -> eddy_status_t {
    guard let memory = Memory.allocate(WakeHandles.self, count: 1) else { return EDDY_ENOMEM }
    let wake = Ref<WakeHandles>(memory)
    var status = EDDY_OK
    if let host {
      self.uv = host.assumingMemoryBound(to: uv_loop_t.self)
    } else {
      status = makeLoop()
    }
    if status == EDDY_OK, let uv = self.uv {
      _ = uv_timer_init(uv, wake.at.timer)
      status = uv_async_init(uv, wake.at.bell) { handle in
        Ref<LoopCore>(raw: handle.unsafelyUnwrapped.pointee.data).answerBell()
      }
      if status != EDDY_OK, host == nil { freeLoop() }
    }
    if status != EDDY_OK {
      Memory.free(memory)
      return status
    }
    wake.bell.data = raw
    unreference(wake.at.bell)
    self.wake = wake
    self.wakeTimer = wake.at.timer
    RemoteQueue.open(self.number, generation: self.generation, bell: wake.at.bell)
    return EDDY_OK
  }

  private func makeLoop() -> eddy_status_t {
    guard let loop = Memory.allocate(uv_loop_t.self, count: 1) else { return EDDY_ENOMEM }
    let status = uv_loop_init(loop)
    if status == 0 { self.uv = loop } else { Memory.free(loop) }
    return status
  }

  private func freeLoop() {
    guard let uv = self.uv else { return }
    self.uv = nil
    while uv_run(uv, UV_RUN_NOWAIT) != 0 {}
    if uv_loop_close(uv) != 0 { eddy_sw_abort("a libuv handle was left open at loop close") }
    Memory.free(uv)
  }

  /// Has libuv close the wake handles; a uv_loop_t of our own goes with them. The door is closed
  /// before.
  func closePoll(ownsLoop: Bool) {
    guard let wake = self.wake else { return }
    self.wake = nil
    self.wakeTimer = nil
    wake.closing = 2
    closeWake(wake.at.timer, wake)
    closeWake(wake.at.bell, wake)
    if ownsLoop { freeLoop() }
  }

  private func closeWake<Handle>(
    _ handle: UnsafeMutablePointer<Handle>, _ wake: Ref<WakeHandles>
  ) {
    handle.withMemoryRebound(to: uv_handle_t.self, capacity: 1) { handle in
      handle.pointee.data = wake.raw
      uv_close(handle) { handle in
        let wake = Ref<WakeHandles>(raw: handle.unsafelyUnwrapped.pointee.data)
        wake.closing -= 1
        if wake.closing == 0 { Memory.free(wake.raw) }
      }
    }
  }

  /// Other threads have posted: what they posted becomes ready.
  func answerBell() {
    var list = RemoteQueue.drain(self.number, generation: self.generation)
    while let node = list {
      list = node.pointee.next
      self.receive.unsafelyUnwrapped(raw, UnsafeMutableRawPointer(node))
    }
  }

  /// What the outside has for us, without waiting. libuv does not look at the bell while nothing is
  /// referenced, so the door is asked itself.
  func pollWithoutWaiting() {
    guard let loop = self.uv else { return }
    _ = uv_run(loop, UV_RUN_NOWAIT)
    if RemoteQueue.hasNews(self.number) { answerBell() }
  }

  /// Waits for the outside or the earliest deadline. False if neither can ever come.
  func pollWaiting() -> Bool {
    guard let loop = self.uv else { return false }
    if self.timers.isEmpty {
      if self.patience != 0 { return waitPatiently(loop) }
      if uv_loop_alive(loop) != 0 {
        _ = uv_run(loop, UV_RUN_ONCE)
        return true
      }
      return waitForBell(loop)
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
      _ = uv_timer_start(timer, endPoll, milliseconds, 0)
      _ = uv_run(loop, UV_RUN_ONCE)
      _ = uv_timer_stop(timer)
    }
    return true
  }

  /// Nothing outside can make anything ready: no descriptor is polled, no thread can post.
  var hearsNothing: Bool {
    guard let loop = self.uv else { return true }
    return uv_loop_alive(loop) == 0 && eddy_sw_is_single_threaded() != 0
      && !RemoteQueue.hasNews(self.number)
  }

  /// Keeps SIGINT and SIGTERM for this loop, if its thread is the main one.
  func watchSignals() {
    let ring: @convention(c) (UnsafeMutablePointer<uv_async_t>?) -> Int32 = uv_async_send
    typealias Ring = @convention(c) (UnsafeMutableRawPointer?) -> Int32
    eddy_sw_signals_watch(self.number, unsafeBitCast(ring, to: Ring.self))
  }

  /// Only another thread or a signal can help now. False if there is none.
  private func waitForBell(_ loop: UnsafeMutablePointer<uv_loop_t>) -> Bool {
    pollWithoutWaiting()
    if !self.ready.isEmpty { return true }
    if eddy_sw_is_single_threaded() != 0, !waitsForSignal { return hearsLast() }
    guard let wake = self.wake else { return false }
    reference(wake.at.bell)
    _ = uv_run(loop, UV_RUN_ONCE)
    unreference(wake.at.bell)
    return true
  }

  /// Something sleeps without end, which is a wait for SIGINT or SIGTERM where they are handled.
  private var waitsForSignal: Bool {
    self.timers.endless > 0 && !self.isVirtual && eddy_sw_signals_watched(self.number) != 0
  }

  /// Lets in what threads have posted that are gone by now. False if there is nothing.
  private func hearsLast() -> Bool {
    guard RemoteQueue.hasNews(self.number) else { return false }
    answerBell()
    return true
  }

  /// Waits for a descriptor or another thread, but not for ever. False if nothing has come.
  private func waitPatiently(_ loop: UnsafeMutablePointer<uv_loop_t>) -> Bool {
    pollWithoutWaiting()
    let end = eddy_sw_clock_ns() &+ self.patience
    while self.ready.isEmpty, let timer = self.wakeTimer {
      if uv_loop_alive(loop) == 0, eddy_sw_is_single_threaded() != 0 { return hearsLast() }
      let wait = end &- eddy_sw_clock_ns()
      if wait <= 0 { return false }
      uv_update_time(loop)
      _ = uv_timer_start(timer, endPoll, UInt64(wait &- 1) / 1_000_000 &+ 1, 0)
      _ = uv_run(loop, UV_RUN_ONCE)
      _ = uv_timer_stop(timer)
      if RemoteQueue.hasNews(self.number) { answerBell() }
    }
    return true
  }
}
