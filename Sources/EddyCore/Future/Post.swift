// What is posted to a loop, from its own thread or another: a callback, or the outcome of a future.
//
// Owns the records: those of the loop's thread come from its pool, those of others from the heap.
// Invariants:
// 1. A record begins with its RemoteNode.
// 2. Its context, or value, is released exactly once: after the callback, by the future, or when
//    the
//    loop is closed first.
// Threads: making and pushing a remote record any; all else the loop's.

import CEddy

extension Ref where Record == LoopRecord {
  /// A callback in a later round. False when memory is out.
  @inline(__always)
  func post(
    _ function: eddy_task_fn, _ context: UnsafeMutableRawPointer?, _ release: eddy_release_fn?
  ) -> Bool {
    guard let post = self.posts.take() else { return false }
    post.function = function
    post.context = context
    post.release = release
    post.contextPlace = contextForLater(nil)
    makeReady(post)
    return true
  }

  /// A record that came through the door.
  static func receive(_ core: UnsafeMutableRawPointer, _ node: UnsafeMutableRawPointer) {
    Loop(raw: core).makeReady(Ref<PostRecord>(raw: node))
  }

  /// One that came through the door and has nowhere to go.
  static func drop(_ node: UnsafeMutableRawPointer) {
    let record = Ref<PostRecord>(raw: node).pointer.pointee
    Memory.free(node)
    Memory.free(record.message)
    Gate.release(record.context, with: record.release)
  }

  @inline(__always)
  private func makeReady(_ post: Ref<PostRecord>) {
    post.ready = Runnable(
      next: nil, run: { raw in Loop.running.perform(Ref<PostRecord>(raw: raw)) },
      owner: post.raw, isQueued: false, isTask: false, kind: .post)
    core.makeReady(post.at.ready)
  }

  private func perform(_ post: Ref<PostRecord>) {
    let record = post.pointer.pointee
    if record.isRemote { Memory.free(post.raw) } else { self.posts.give(post) }
    if record.kind == .call {
      call(record)
    } else {
      settle(record)
    }
    Memory.free(record.message)
  }

  /// What came through the door has no context of this loop's: it gets a copy of the loop's own.
  private func call(_ record: PostRecord) {
    let place = record.isRemote ? contextForLater(nil) : record.contextPlace
    let outer = contexts.beginCallback(in: place)
    let status =
      self.isClosing ? EDDY_OK : record.function.unsafelyUnwrapped(record.context)
    contexts.endCallback(outer)
    if record.release != nil { Gate.release(record.context, with: record.release) }
    if status == EDDY_OK { return }
    let error = diagnostics.takeError(from: self.at.lastError, for: status)
    diagnostics.report(status, "a posted callback failed", .none, error: error)
    diagnostics.release(error)
  }

  private func settle(_ record: PostRecord) {
    let message = record.message.map { UnsafePointer($0) }
    guard let completion = findCompletion(record.target) else {
      Gate.release(record.context, with: record.release)
      return
    }
    // Through the door the first one wins, and nothing is said of the others.
    if completion.state != .pending, record.kind != .cancel {
      Gate.release(record.context, with: record.release)
      return
    }
    switch record.kind {
    case .complete: _ = complete(completion, record.context, record.release)
    case .fail: _ = failFuture(completion, record.status, message)
    case .cancel: _ = cancelFuture(completion, message)
    case .call: break
    }
  }

  /// Posts from any thread, to the loop with this number and generation. What is refused is
  /// released here.
  static func postRemotely(
    _ record: PostRecord, number: Int, generation: UInt64
  ) -> eddy_status_t {
    var status = EDDY_ENOMEM
    if let memory = Memory.allocate(PostRecord.self, count: 1) {
      memory.pointee = record
      memory.pointee.isRemote = true
      let node = UnsafeMutableRawPointer(memory).assumingMemoryBound(to: RemoteNode.self)
      if RemoteQueue.push(node, number: number, generation: generation) { return EDDY_OK }
      Memory.free(memory)
      status = EDDY_EBADHANDLE
    }
    Memory.free(record.message)
    Gate.release(record.context, with: record.release)
    return status
  }
}
