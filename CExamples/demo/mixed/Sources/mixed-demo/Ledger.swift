// Who is there and whom they wait for.
//
// The core knows what each C task waits for (eddy_task_info). What a Swift task awaits is known to
// Swift alone, so the clients write it down here before they wait.
// Owns a handle of each task in it, so that ended ones can still be asked. Threads: the loop's.

import CEddy
import DemoC
import Eddy

final class Entry {
  var name: String
  let isSwift: Bool
  /// Set as soon as the task is spawned, which is before it runs.
  var task = eddy_task_t()
  var handle: Any?
  /// What a Swift task awaits at this moment.
  var awaits: String?

  init(_ name: String = "", isSwift: Bool) {
    self.name = name
    self.isSwift = isSwift
  }

  var info: eddy_task_info_t {
    var info = eddy_task_info_t()
    info.size = UInt32(MemoryLayout<eddy_task_info_t>.size)
    let status = eddy_task_info(task, &info)
    if status != EDDY_OK { fail("eddy_task_info of \(name): \(status)") }
    return info
  }

  var isLive: Bool { info.state <= EDDY_TASK_WAITING }
}

/// One thread uses it, the loop's.
final class Ledger: @unchecked Sendable {
  private var entries: [Entry] = []

  /// Spawns a Swift task into the group and enters it.
  func spawn(
    _ name: String, in group: Group, _ body: @escaping @Sendable (Entry) async throws -> Void
  ) throws -> TaskHandle<Void> {
    let entry = Entry(name, isSwift: true)
    nonisolated(unsafe) let own = entry
    let handle = try group.spawn(name: name) { try await body(own) }
    enter(entry, handle, handle.task)
    return handle
  }

  /// Spawns a C task into the group and enters it.
  func spawn(
    _ name: String, in group: Group, _ function: eddy_task_fn, _ context: UnsafeMutableRawPointer?
  ) throws -> TaskHandle<UnsafeMutableRawPointer?> {
    let handle = try group.spawn(name: name, function, context: context)
    enter(Entry(name, isSwift: false), handle, handle.task)
    return handle
  }

  private func enter(_ entry: Entry, _ handle: Any, _ task: eddy_task_t) {
    entry.handle = handle
    entry.task = task
    entries.append(entry)
  }

  /// Ended tasks that are of no further interest.
  func forgetEnded() { entries.removeAll { !$0.isLive } }

  /// All entries, and the server's tasks, which it has spawned itself.
  var all: [Entry] {
    entries
      + (0..<demo_task_count()).map { index in
        let entry = Entry(isSwift: false)
        entry.task = demo_task(index)
        entry.name = text(entry.info.name)
        return entry
      }
  }

  func name(of task: eddy_task_t) -> String {
    if let entry = all.first(where: { $0.task.id == task.id }) { return entry.name }
    return task.id == 0 ? "the loop" : "a task that has ended"
  }

  /// What an entry waits for, in words; C's from the core, Swift's from its own account.
  func waiting(_ entry: Entry, now: Int64) -> String {
    let info = entry.info
    if let awaits = entry.awaits { return awaits }
    let since = " for \((now - info.since_ns) / 1_000_000) ms"
    switch info.wait_kind {
    case EDDY_WAIT_FD: return "fd \(info.wait_target)" + since
    case EDDY_WAIT_JOIN: return name(of: eddy_task_t(id: info.wait_target)) + since
    case EDDY_WAIT_SLEEP: return "a time" + since
    case EDDY_WAIT_SCOPE: return "its children" + since
    case EDDY_WAIT_FUTURE: return "a future" + since
    default: return entry.isSwift ? "nothing that it told" : "nothing"
    }
  }
}

/// The text of a fixed array of C.
func text<Chars>(_ chars: Chars) -> String {
  withUnsafeBytes(of: chars) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
}
