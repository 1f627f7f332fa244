// Which context is current, and what a task or a callback begins with.
//
// Invariants:
// 1. A task's steps run in the context in its own place, whoever made it ready.
// 2. A new place has a copy of the current context, unless a context is given to be shared.
// Threads: the loop's.

import CEddy

extension Ref where Record == LoopRecord {
  @inline(__always)
  var contexts: Ref<ContextCore> { Ref<ContextCore>(self.at.contexts) }

  /// Where the current context is kept: in the running task, or outside tasks in the loop.
  @inline(__always)
  var contextPlace: UnsafeMutablePointer<ContextPlace> {
    if let task = self.current { return task.at.contextPlace }
    return Ref<OutsideContext>(contexts.at.outside).at.place
  }

  /// Tells the current context from all others, as tokens need it: the id of a context with a
  /// handle, of the task, or of what is outside tasks.
  var contextID: UInt64 {
    contextPlace.pointee.shared?.slot.id ?? self.current?.id ?? contexts.outside.id
  }

  /// What something that is spawned or registered now will run in.
  @inline(__always)
  func contextForLater(_ given: ContextRef?) -> ContextPlace {
    if let given { return contexts.share(given) }
    return contexts.copy(contextPlace.pointee)
  }

  /// Ends what a task's place held.
  @inline(__always)
  func dropContext(of task: TaskRef) {
    let place = task.contextPlace
    if place.isEmpty { return }
    task.contextPlace = .empty
    contexts.drop(place)
  }
}
