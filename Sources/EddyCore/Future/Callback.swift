// Callbacks on completions: called in a later round, in the order of registration, outside tasks.
//
// Owns the loop's callback records.
// Invariants:
// 1. A callback is never called inside the call that caused it.
// 2. Its context is released exactly once, after it has run or when it was refused.
// 3. It holds a pin on its completion until it has run.
// Threads: the loop's.

import CEddy

extension Ref where Record == LoopRecord {
  /// It runs in a copy of the current context, or in the one that is given to be shared. False when
  /// memory is out; then nothing has been kept.
  @_optimize(speed)
  func addCallback(
    _ completion: CompletionRef, _ function: eddy_done_fn, _ context: UnsafeMutableRawPointer?,
    _ release: eddy_release_fn?, sharing given: ContextRef? = nil
  ) -> Bool {
    guard let callback = self.callbacks.take() else { return false }
    callback.completion = completion
    callback.function = function
    callback.context = context
    callback.releaseContext = release
    callback.contextPlace = contextForLater(given)
    callback.ready = Runnable(
      next: nil, run: { raw in Loop.running.run(Ref<CallbackRecord>(raw: raw)) },
      owner: callback.raw, isQueued: false, isTask: false, kind: .callback)
    pin(completion)
    if completion.state != .pending {
      core.makeReady(callback.at.ready)
      return true
    }
    callback.waiter = Waiter(
      next: nil, previous: nil,
      wake: { raw in
        let callback = Ref<CallbackRecord>(raw: raw)
        Loop.running.core.makeReady(callback.at.ready)
      }, owner: callback.raw, isCallback: true)
    completion.link(callback.at.waiter)
    return true
  }

  /// Takes back what has not been made ready yet; returns how many there were.
  func removeCallbacks(
    _ completion: CompletionRef, _ function: eddy_done_fn, _ context: UnsafeMutableRawPointer?
  ) -> Int {
    var count = 0
    let wanted = unsafeBitCast(function, to: UInt.self)
    var cursor = completion.firstWaiter
    while let waiter = cursor {
      cursor = waiter.pointee.next
      guard waiter.pointee.isCallback, let owner = waiter.pointee.owner else { continue }
      let callback = Ref<CallbackRecord>(raw: owner)
      guard callback.context == context, let own = callback.function,
        unsafeBitCast(own, to: UInt.self) == wanted
      else { continue }
      completion.unlink(waiter)
      let release = callback.releaseContext
      let place = callback.contextPlace
      self.callbacks.give(callback)
      contexts.drop(place)
      Gate.release(context, with: release)
      count += 1
    }
    for _ in 0..<count { unpin(completion) }
    return count
  }

  @_optimize(speed)
  private func run(_ callback: Ref<CallbackRecord>) {
    let completion = callback.completion.unsafelyUnwrapped
    let context = callback.context
    let release = callback.releaseContext
    let function = callback.function
    let outer = contexts.beginCallback(in: callback.contextPlace)
    self.callbacks.give(callback)
    // Not before: one that is taken back has seen nothing.
    completion.isRead = true
    let status =
      self.isClosing
      ? EDDY_OK : function.unsafelyUnwrapped(context, eddy_future_t(id: completion.slot.id))
    if status != EDDY_OK { reportCallback(status, completion.site) }
    contexts.endCallback(outer)
    Gate.release(context, with: release)
    unpin(completion)
  }
}
