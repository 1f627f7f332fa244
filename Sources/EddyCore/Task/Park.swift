// The one blocking primitive. Everything that waits on a fiber goes through here, and says what it
// waits for, on what, and since when.
//
// Owns each fiber's Park, which stands on its stack.
// States and transitions, each a named function:
//   running   -park->    waiting
//   waiting   -wake->    woken(completed)      what was waited for has come
//   waiting   -cancel->  woken(cancelled)      the hook answered DETACHED: unlinked, nothing pends
//   waiting   -cancel->  passed                the hook answered PENDING: the request is passed on
//   passed    -wake->    woken(completed)
//   woken     -cancel->  woken                 the level is seen at the next cancel point
//   woken     -resume->  running
// Invariants:
// 1. A parked task is resumed exactly once for each park; a woken one is in the ready queue.
// 2. The cancel hook of one park is called at most once.
// 3. `waiter` is linked only while waiting or passed.
// Threads: the loop's.

import CEddy
import EddySwitch

enum WaitKind: UInt8 {
  case none = 0
  case yield = 1
  case sleep = 2
  case future = 3
  case join = 4
  case scope = 5
  case descriptor = 6
  case several = 7
}

enum ParkState: UInt8 {
  case running = 0
  case waiting = 1
  case passed = 2
  case completed = 3
  case cancelled = 4
}

/// What a cancel hook has done: unlinked the waiter, or passed the request on.
enum CancelAnswer: UInt8 {
  case detached
  case pending
}

/// Called with the parked task when a cancellation becomes visible to it. A wait without a hook has
/// nobody to pass the request on to, and answers PENDING.
typealias CancelHook = @convention(c) (UnsafeMutableRawPointer) -> UInt8

struct Park {
  var kind: WaitKind
  var state: ParkState
  /// The completion, scope or descriptor record that is waited for.
  var target: UnsafeMutableRawPointer?
  var hook: CancelHook?
  var since: Int64
  var waiter: Waiter
  var timer: Timer
}

extension ParkState {
  /// waiting or passed, and what was waited for has come.
  @inline(__always)
  var afterWake: ParkState { self == .waiting || self == .passed ? .completed : self }

  @inline(__always)
  func afterCancel(_ answer: CancelAnswer) -> ParkState {
    switch (self, answer) {
    case (.waiting, .detached): .cancelled
    case (.waiting, .pending): .passed
    default: self
    }
  }
}

extension Ref where Record == LoopRecord {
  /// Parks the running fiber until it is woken. Returns whether what it waited for has come.
  @inline(__always)
  func park(
    _ task: TaskRef, _ kind: WaitKind, _ target: UnsafeMutableRawPointer?, hook: CancelHook?
  ) -> ParkState {
    let park = task.park
    park.kind = kind
    park.state = .waiting
    park.hook = hook
    park.target = target
    park.since = core.now
    switchAway(from: task)
    let outcome = park.state
    park.kind = .none
    park.state = .running
    return outcome
  }

  /// What a parked task waited for has come.
  @inline(__always)
  func wake(_ task: TaskRef) {
    let park = task.park
    guard park.state == .waiting || park.state == .passed else { return }
    park.state = park.state.afterWake
    core.makeReady(task.at.ready)
  }

  /// A cancellation has become visible to a parked task.
  func cancelPark(of task: TaskRef) {
    // A fiber in its last step has no stack left to be parked on.
    guard task.stack != nil, task.park.state == .waiting else { return }
    let park = task.park
    let answer = park.hook.flatMap { CancelAnswer(rawValue: $0(task.raw)) } ?? .pending
    park.state = park.state.afterCancel(answer)
    if park.state == .cancelled { core.makeReady(task.at.ready) }
  }

  /// Lets everything that is ready run first. The task is in the ready queue meanwhile, so no
  /// cancel hook is called; the caller looks at the scope afterwards.
  @inline(__always)
  func yieldNow(_ task: TaskRef) {
    let park = task.park
    park.kind = .yield
    park.state = .completed
    park.target = nil
    park.since = core.now
    core.makeReady(task.at.ready)
    switchAway(from: task)
    park.kind = .none
    park.state = .running
  }
}
