// Cleanup of scopes: defers, and values that a scope keeps for what it called.
//
// Owns the loop's cleanup records.
// Invariants:
// 1. Defers run last registered first, after the scope's children have ended, in one shield with
//    one grace for all of them.
// 2. Everything that closing needs was made when the first defer was registered.
// 3. Kept values are released after the defers.
// Threads: the loop's, inside a fiber.

import CEddy

extension Ref where Record == LoopRecord {
  /// Registers cleanup with the task's current scope. False when memory is out.
  func addDefer(_ task: TaskRef, _ function: eddy_task_fn, _ context: UnsafeMutableRawPointer?)
    -> Bool
  {
    let scope = task.scope
    guard let record = self.cleanups.take() else { return false }
    if scope.deferShield == nil {
      guard let shield = makeDeferShield(for: scope, task) else {
        self.cleanups.give(record)
        return false
      }
      scope.deferShield = shield
    }
    record.function = function
    record.context = context
    push(record, on: scope)
    return true
  }

  /// Keeps a value until the scope has closed, in a record that was taken for it.
  func keep(
    _ value: UnsafeMutableRawPointer?, _ release: eddy_release_fn, in scope: ScopeRef,
    _ record: Ref<CleanupRecord>
  ) {
    record.release = release
    record.context = value
    push(record, on: scope)
  }

  private func push(_ record: Ref<CleanupRecord>, on scope: ScopeRef) {
    record.next = scope.cleanup
    scope.cleanup = record
  }

  /// A shield that hangs nowhere yet.
  private func makeDeferShield(for scope: ScopeRef, _ task: TaskRef) -> Ref<TimedScope>? {
    guard let timed = self.scopes.take(.scope) else { return nil }
    let shield = timed.scopeRef
    shield.reset(owner: task, site: scope.site)
    shield.isTimed = true
    shield.isBound = true
    shield.hasReservation = true
    timed.prepareTimers(
      graceDuration: scope.isTimed ? scope.timed.graceDuration : self.graceDuration)
    guard core.timers.reserve() else {
      self.scopes.invalidate(timed)
      self.scopes.recycle(timed)
      return nil
    }
    return timed
  }

  /// Runs the defers of a scope that is being closed, then lets go of their shield.
  func runDefers(of scope: ScopeRef, _ task: TaskRef) {
    guard let timed = scope.deferShield else { return }
    scope.deferShield = nil
    let shield = timed.scopeRef
    shield.isShielding = true
    scope.adopt(shield)
    if scope.isEffective { startGrace(of: timed) }
    task.scope = shield
    runDefers(listedIn: scope, under: shield, task)
    task.scope = scope
    releaseKept(of: shield)
    endScope(shield)
  }

  private func runDefers(listedIn scope: ScopeRef, under shield: ScopeRef, _ task: TaskRef) {
    var kept: Ref<CleanupRecord>?
    while let record = scope.cleanup {
      scope.cleanup = record.next
      guard let function = record.function else {
        record.next = kept
        kept = record
        continue
      }
      let context = record.context
      self.cleanups.give(record)
      runDefer(function, context, of: scope, under: shield, task)
    }
    while let record = kept {
      kept = record.next
      push(record, on: scope)
    }
  }

  private func runDefer(
    _ function: eddy_task_fn, _ context: UnsafeMutableRawPointer?, of scope: ScopeRef,
    under shield: ScopeRef, _ task: TaskRef
  ) {
    let outer = task.setReturnAside()
    var status = function(context)
    status = closeLeaks(above: shield, task, status)
    dropReturn(of: task)
    task.restoreReturn(outer)
    if status != EDDY_OK {
      let error = diagnostics.takeError(from: task.at.lastError, for: status)
      diagnostics.report(status, "a deferred function failed", task.subject, error: error)
      diagnostics.release(error)
    }
    guard let nested = shield.deferShield else { return }
    // A defer registered defers of its own: they join the scope's list at its head, so that a chain
    // of them needs no stack.
    shield.deferShield = nil
    endScope(nested.scopeRef)
    guard var last = shield.cleanup else { return }
    while let next = last.next { last = next }
    last.next = scope.cleanup
    scope.cleanup = shield.cleanup
    shield.cleanup = nil
  }

  /// Releases what a scope keeps, last first.
  @inline(__always)
  func releaseKept(of scope: ScopeRef) {
    while let record = scope.cleanup {
      scope.cleanup = record.next
      let value = record.context
      let release = record.release
      self.cleanups.give(record)
      Gate.release(value, with: release)
    }
  }
}

/// What eddy_return has stored so far.
struct ReturnedValue {
  var hasValue: Bool
  var value: UnsafeMutableRawPointer?
  var release: eddy_release_fn?
}

extension Ref where Record == TaskRecord {
  /// Takes the stored value away, so that a call inside the task has its own.
  @inline(__always)
  func setReturnAside() -> ReturnedValue {
    let completion = self.completion
    let returned = ReturnedValue(
      hasValue: completion.hasValue, value: completion.value, release: completion.releaseValue)
    completion.hasValue = false
    completion.value = nil
    completion.releaseValue = nil
    return returned
  }

  @inline(__always)
  func restoreReturn(_ returned: ReturnedValue) {
    completion.hasValue = returned.hasValue
    completion.value = returned.value
    completion.releaseValue = returned.release
  }
}

extension Ref where Record == LoopRecord {
  /// Releases a stored value that nobody will have.
  @inline(__always)
  func dropReturn(of task: TaskRef) {
    guard task.completion.hasValue else { return }
    let returned = task.setReturnAside()
    Gate.release(returned.value, with: returned.release)
  }
}
