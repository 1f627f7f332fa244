// The part of a loop that knows time, readiness and libuv, and nothing of tasks.
//
// Owns the uv_loop_t, its one uv_timer_t, the ready queue and the timer heap.
// Invariants:
// 1. It is the first stored property of the loop's record, so both have one address.
// 2. `now` is the clock as it was at the beginning of the turn.
// Threads: the thread that made the loop.

import Clibuv
import EddySwitch

/// Steps of one turn before I/O is polled again.
#if EDDY_HOSTILE
  let stepsPerTurn: UInt32 = 8
#else
  let stepsPerTurn: UInt32 = 1024
#endif

struct LoopCore {
  var now: Int64
  var ready: ReadyQueue
  var timers: TimerHeap
  /// Steps left in this turn.
  var stepsLeft: UInt32
  var isVirtual: Bool
  var isRunning: Bool
  /// The run ends with the round that runs, or before it begins with the first one.
  var isStopping: Bool
  var number: Int
  var generation: UInt64
  var uv: UnsafeMutablePointer<uv_loop_t>?
  var wake: Ref<WakeHandles>?
  var wakeTimer: UnsafeMutablePointer<uv_timer_t>?
  /// Of a loop on a host's uv_loop_t; nil on one of our own.
  var host: Ref<HostHandles>?
  var keepsHost: Bool
  /// What runs in the host's iterations; set by the layer that knows turns.
  var runHosted: (@convention(c) (UnsafeMutableRawPointer) -> Void)?
  /// Of a loop under test: how long it may block for the outside, nanoseconds; else 0.
  var patience: Int64
  /// What makes a posted record ready: called with the core and the node.
  var receive: (@convention(c) (UnsafeMutableRawPointer, UnsafeMutableRawPointer) -> Void)?
  #if EDDY_HOSTILE
    /// What looks at the whole loop between two rounds; called with the core.
    var audit: (@convention(c) (UnsafeMutableRawPointer) -> Void)?
    /// Records that may be looked at; a round adds some, so that large loops are not looked at in
    /// each.
    var auditCredit: Int
  #endif
}

extension Ref where Record == LoopCore {
  /// The clock now, nanoseconds.
  @inline(__always)
  func readClock() -> Int64 {
    self.isVirtual ? self.now : eddy_sw_clock_ns()
  }

  /// A time from now; saturates, so that EDDY_FOREVER never comes and nothing wraps.
  @inline(__always)
  func deadline(after duration: Int64) -> Int64 {
    let (sum, overflow) = readClock().addingReportingOverflow(duration)
    if overflow { return duration > 0 ? Int64.max : Int64.min }
    return sum
  }

  @inline(__always)
  func makeReady(_ runnable: UnsafeMutablePointer<Runnable>) {
    if self.ready.push(runnable), self.host != nil { announceReady() }
  }

  /// Between two rounds of the hostile build: looks at every invariant.
  @inline(__always)
  func auditBetweenRounds() {
    #if EDDY_HOSTILE
      if self.ready.upcoming == nil, let audit = self.audit { audit(raw) }
    #endif
  }

  /// Begins a turn: reads the clock once, and lets every due timer fire, by deadline and then in
  /// order of arming. Firing only makes ready, behind what is ready already.
  func beginTurn() {
    self.now = readClock()
    self.stepsLeft = stepsPerTurn
    while let timer = self.timers.takeDue(self.now) {
      if let fire = timer.pointee.fire, let owner = timer.pointee.owner { fire(owner) }
    }
  }
}
