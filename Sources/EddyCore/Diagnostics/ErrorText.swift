// An error as people read it: one line each for itself, its causes and its children, indented.
//
//   EDDY_EGROUP: a group failed [task-1, main.c:12]
//     child: EINVAL: bad port 0 [reader, main.c:30]
//       cause: EDDY_ECANCELED: stop
//
// Owns nothing. Invariant: the depth printed is bounded, and the text says where it was cut, so
// that a deep tree cannot overflow a task's stack. Threads: the loop's.

import CEddy
import EddySwitch

private let depthLimit = 32

extension Ref where Record == ErrorRecord {
  func write(to sink: inout TextSink) { write(to: &sink, depth: 0, label: "") }

  private func write(to sink: inout TextSink, depth: Int, label: StaticString) {
    for _ in 0..<depth { sink.put("  ") }
    sink.put(label)
    sink.put(statusName(self.status))
    sink.put(": ")
    if let message = self.message { sink.put(message) } else { sink.put(statusText(self.status)) }
    writeOrigin(to: &sink)
    sink.put("\n")
    if depth == depthLimit {
      if self.causes.count &+ self.children.count > 0 { sink.put("  (deeper ones are left out)\n") }
      return
    }
    for index in 0..<self.causes.count {
      self.causes[index].write(to: &sink, depth: depth &+ 1, label: "cause: ")
    }
    for index in 0..<self.children.count {
      self.children[index].write(to: &sink, depth: depth &+ 1, label: "child: ")
    }
  }

  private func writeOrigin(to sink: inout TextSink) {
    if self.taskSerial == 0 { return }
    sink.put(" [")
    writeTaskName(to: &sink, self.taskName, serial: self.taskSerial)
    if let site = self.site {
      sink.put(", ")
      sink.put(site)
    }
    sink.put("]")
  }

  /// The text on stderr after "eddy: ". Without memory for all of it, its beginning.
  func printToStandardError() {
    var measure = TextSink(nil, capacity: 0)
    measure.put("eddy: ")
    write(to: &measure)
    let needed = measure.finish()
    withTextBuffer(needed) { buffer, capacity in
      var sink = TextSink(buffer, capacity: capacity)
      sink.put("eddy: ")
      write(to: &sink)
      _ = sink.finish()
      eddy_sw_write_stderr(buffer, min(needed &- 1, capacity &- 1))
    }
  }
}

func writeTaskName(
  to sink: inout TextSink, _ name: UnsafeMutablePointer<CChar>?, serial: UInt64
) {
  if let name {
    sink.put(name)
  } else {
    sink.put("task-")
    sink.put(UInt(serial))
  }
}

/// Runs `body` with room for `needed` bytes, or for 512 when memory is out.
@inline(__always)
func withTextBuffer(_ needed: Int, _ body: (UnsafeMutablePointer<CChar>, Int) -> Void) {
  if let buffer = Memory.allocate(CChar.self, count: needed) {
    body(buffer, needed)
    Memory.free(buffer)
  } else {
    var room = InlineText()
    withUnsafeMutableBytes(of: &room) { bytes in
      body(bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: CChar.self), bytes.count)
    }
  }
}

/// 512 bytes of room on the stack.
private struct InlineText {
  typealias Row = (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)
  private let zero: Row = (0, 0, 0, 0, 0, 0, 0, 0)
  private let one: Row = (0, 0, 0, 0, 0, 0, 0, 0)
  private let two: Row = (0, 0, 0, 0, 0, 0, 0, 0)
  private let three: Row = (0, 0, 0, 0, 0, 0, 0, 0)
  private let four: Row = (0, 0, 0, 0, 0, 0, 0, 0)
  private let five: Row = (0, 0, 0, 0, 0, 0, 0, 0)
  private let six: Row = (0, 0, 0, 0, 0, 0, 0, 0)
  private let seven: Row = (0, 0, 0, 0, 0, 0, 0, 0)
}
