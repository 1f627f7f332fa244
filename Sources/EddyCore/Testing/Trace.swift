// The trace of a loop: one number that stands for the order of all that has happened.
//
// Owns the hash in LoopRecord.watch.
// Invariants:
// 1. Nothing enters it that differs between two processes that run the same program with the same
//    seed: no address, no handle, no real time. Tasks are told by their serials.
// 2. An untraced loop pays one branch for each outcome and none for a step: steps are seen a round
//    at a time, before it runs, when what woke each is known.
// Threads: the loop's.

import CEddy

/// What an entry of the trace is about.
private enum TraceEvent: UInt64 {
  case round = 1
  case fiber = 2
  case foreign = 3
  case callback = 4
  case post = 5
  case deadline = 6
  case other = 7
  case outcome = 8
  case call = 9
}

extension Ref where Record == LoopRecord {
  /// Begins the trace.
  func startTrace() {
    self.watch.trace = 0x6564_6479
    watchRounds()
    self.watch.settled = { completion, loop in
      Loop(raw: loop).traceOutcome(CompletionRef(raw: completion))
    }
  }

  /// Has this file, and a search if there is one, see each round.
  func watchRounds() {
    core.ready.setWatch(raw) { raw, first in
      let loop = Loop(raw: raw)
      let first = first.assumingMemoryBound(to: Runnable.self)
      if loop.watch.trace != 0 { loop.traceRound(first) }
      if let test = loop.watch.test { Ref<TestRecord>(raw: test).count(first) }
    }
  }

  private func mix(_ event: TraceEvent, _ first: UInt64, _ second: UInt64) {
    var hash = self.watch.trace ^ (event.rawValue &* 0x9E37_79B9_7F4A_7C15)
    hash = (hash ^ first) &* 0xBF58_476D_1CE4_E5B9
    hash ^= hash >> 29
    hash = (hash ^ second) &* 0x94D0_49BB_1331_11EB
    hash ^= hash >> 32
    self.watch.trace = hash == 0 ? 1 : hash
  }

  private func traceRound(_ first: UnsafeMutablePointer<Runnable>) {
    mix(.round, core.isVirtual ? UInt64(bitPattern: core.now) : 0, 0)
    var cursor: UnsafeMutablePointer<Runnable>? = first
    while let place = cursor {
      cursor = place.pointee.next
      guard let owner = place.pointee.owner else { continue }
      if place.pointee.isTask {
        trace(TaskRef(raw: owner))
      } else {
        trace(place.pointee.kind, owner)
      }
    }
  }

  private func trace(_ task: TaskRef) {
    if task.isForeign {
      mix(.foreign, task.serial, UInt64(task.foreignPhase.rawValue))
      return
    }
    var outcome: UInt64 = 0
    let kind = task.park.kind
    if kind == .future || kind == .join || kind == .several, let target = task.park.target {
      outcome = CompletionRef(raw: target).outcome
    }
    let wake = UInt64(task.park.kind.rawValue) << 8 | UInt64(task.park.state.rawValue)
    mix(.fiber, task.serial, outcome << 16 | wake)
  }

  private func trace(_ kind: RunnableKind, _ owner: UnsafeMutableRawPointer) {
    switch kind {
    case .callback:
      mix(.callback, Ref<CallbackRecord>(raw: owner).completion?.outcome ?? 0, 0)
    case .post:
      mix(.post, UInt64(Ref<PostRecord>(raw: owner).kind.rawValue), 0)
    case .deadline:
      let timed = Ref<TimedScope>(raw: owner)
      mix(.deadline, self.scopes.isLive(timed) ? timed.scope.owner?.serial ?? 0 : 0, 0)
    case .call:
      mix(.call, Ref<CallRecord>(raw: owner).serial, 0)
    case .other:
      mix(.other, 0, 0)
    }
  }

  private func traceOutcome(_ completion: CompletionRef) {
    let serial = completion.isTask ? TaskRef(raw: completion.raw).serial : 0
    mix(.outcome, serial, completion.outcome)
  }
}

extension Ref where Record == Completion {
  fileprivate var outcome: UInt64 {
    UInt64(self.state.rawValue) << 32 | UInt64(UInt32(bitPattern: self.status))
  }
}
