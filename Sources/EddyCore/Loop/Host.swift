// A host's own uv_loop_t: Eddy runs inside its iterations.
//
// Owns four libuv handles in one block, which outlives the loop's record until libuv has let go.
// Invariants:
// 1. Rounds run before the poll (prepare) and after it (check), never inside another callback.
// 2. While something is ready the idle handle is active, so that the host's poll does not block;
//    else
//    the wake timer is set to the earliest deadline.
// 3. Only `prepare` is ever referenced, and only while tasks are live and the host wants it so.
// Threads: the one that runs the host's uv_run, which is the loop's.

import CEddy
import Clibuv
import EddySwitch

struct HostHandles {
  var prepare: uv_prepare_t
  var check: uv_check_t
  var idle: uv_idle_t
  var closing: Int32
}

extension Ref where Record == LoopCore {
  /// Puts Eddy's handles onto the host's loop. The core's own timer and bell are open already.
  func openHost(_ run: (@convention(c) (UnsafeMutableRawPointer) -> Void)?)
    -> eddy_status_t
  {
    guard let uv = self.uv, let memory = Memory.allocate(HostHandles.self, count: 1) else {
      return EDDY_ENOMEM
    }
    let host = Ref<HostHandles>(memory)
    self.host = host
    self.runHosted = run
    _ = uv_prepare_init(uv, host.at.prepare)
    _ = uv_check_init(uv, host.at.check)
    _ = uv_idle_init(uv, host.at.idle)
    host.prepare.data = raw
    host.check.data = raw
    _ = uv_prepare_start(host.at.prepare) { handle in
      let core = Ref<LoopCore>(raw: handle.unsafelyUnwrapped.pointee.data)
      core.runHosted.unsafelyUnwrapped(core.raw)
    }
    _ = uv_check_start(host.at.check) { handle in
      let core = Ref<LoopCore>(raw: handle.unsafelyUnwrapped.pointee.data)
      core.runHosted.unsafelyUnwrapped(core.raw)
    }
    unreference(host.at.check)
    if let timer = self.wakeTimer { unreference(timer) }
    return EDDY_OK
  }

  /// Tells the host's loop when Eddy wants to run again, and whether it should go on for its sake.
  func updateHost(hasLiveTasks: Bool) {
    guard let host = self.host, let uv = self.uv, let timer = self.wakeTimer else { return }
    if self.ready.isEmpty {
      _ = uv_idle_stop(host.at.idle)
    } else {
      _ = uv_idle_start(host.at.idle) { _ in }
      unreference(host.at.idle)
    }
    if self.timers.isEmpty {
      _ = uv_timer_stop(timer)
    } else {
      let wait = max(self.timers.earliest &- eddy_sw_clock_ns(), 0)
      uv_update_time(uv)
      _ = uv_timer_start(timer, { _ in }, UInt64(wait &+ 999_999) / 1_000_000, 0)
    }
    if hasLiveTasks, self.keepsHost {
      reference(host.at.prepare)
    } else {
      unreference(host.at.prepare)
    }
  }

  /// Something has become ready on a host's loop. Outside our own half of an iteration the host
  /// must not block before it has run.
  @inline(never)
  func announceReady() {
    guard !self.isRunning, let host = self.host else { return }
    _ = uv_idle_start(host.at.idle) { _ in }
    unreference(host.at.idle)
  }

  /// Has libuv close the host's handles; the block is freed with the last.
  func closeHost() {
    guard let host = self.host else { return }
    self.host = nil
    host.closing = 3
    close(host.at.prepare, host)
    close(host.at.check, host)
    close(host.at.idle, host)
  }

  private func close<Handle>(_ handle: UnsafeMutablePointer<Handle>, _ host: Ref<HostHandles>) {
    handle.withMemoryRebound(to: uv_handle_t.self, capacity: 1) { handle in
      handle.pointee.data = host.raw
      uv_close(handle) { handle in
        let host = Ref<HostHandles>(raw: handle.unsafelyUnwrapped.pointee.data)
        host.closing -= 1
        if host.closing == 0 { Memory.free(host.raw) }
      }
    }
  }
}

func reference<Handle>(_ handle: UnsafeMutablePointer<Handle>) {
  handle.withMemoryRebound(to: uv_handle_t.self, capacity: 1) { uv_ref($0) }
}

func unreference<Handle>(_ handle: UnsafeMutablePointer<Handle>) {
  handle.withMemoryRebound(to: uv_handle_t.self, capacity: 1) { uv_unref($0) }
}
