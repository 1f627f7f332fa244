// An error as people read it: a tree, one line for each error, its causes before its children.
//
//   EDDY_EGROUP: a group failed
//   |- child: EINVAL: bad port 0 [reader, main.c:30]
//   |  `- cause: EDDY_ECANCELED: stop [asked by main-task]
//   `- child: EIO: disk is gone [writer, main.c:31]
//
// Owns nothing. Invariant: the depth, the width and the whole are bounded, and the text says what
// was left out: a deep tree cannot overflow a task's stack, and none fills the memory. Threads: the
// loop's.

import CEddy
import EddySwitch

private let depthLimit = 32
private let widthLimit = 100
/// Errors shown in all. Some can be reached by many ways: two who join the same two, layer upon
/// layer, double the tree each time.
private let errorLimit = 1000

/// Where a line of the tree stands: bit d says that something follows at depth d.
private struct Branch {
  var depth = 0
  var goesOn: UInt64 = 0

  func child(isLast: Bool) -> Branch {
    Branch(depth: depth &+ 1, goesOn: isLast ? goesOn : goesOn | 1 << UInt64(depth))
  }
}

private struct ErrorWriter {
  var sink: TextSink
  let isColoured: Bool
  /// How many more errors are shown.
  var room = errorLimit

  mutating func write(_ error: ErrorRef, _ branch: Branch, label: StaticString) {
    put(label)
    style("\u{1b}[1;31m")
    sink.put(statusName(error.status))
    style("\u{1b}[0m")
    put(": ")
    putMessage(of: error, branch)
    put("\n")
    let causes = error.causes.count
    let count = causes &+ error.children.count
    let limit = branch.depth == depthLimit ? 0 : min(count, widthLimit)
    var index = 0
    while index < limit, room > 0 {
      room &-= 1
      let isCause = index < causes
      let next = isCause ? error.causes[index] : error.children[index &- causes]
      index &+= 1
      indent(branch)
      put(index == count ? "`- " : "|- ")
      write(next, branch.child(isLast: index == count), label: isCause ? "cause: " : "child: ")
    }
    if index < count { putOmission(count &- index, branch) }
  }

  private mutating func putOmission(_ count: Int, _ branch: Branch) {
    indent(branch)
    put("`- (")
    sink.put(count)
    put(" more are left out)\n")
  }

  private mutating func indent(_ branch: Branch) {
    for depth in 0..<branch.depth {
      put(branch.goesOn >> UInt64(depth) & 1 == 1 ? "|  " : "   ")
    }
  }

  /// With who failed after its first line; the further ones stand below that.
  private mutating func putMessage(of error: ErrorRef, _ branch: Branch) {
    var rest = UnsafePointer(error.message) ?? statusText(error.status)
    while rest.pointee != 0, rest.pointee != 10 {
      sink.put(byte: rest.pointee)
      rest += 1
    }
    putOrigin(of: error)
    while rest.pointee != 0 {
      sink.put(byte: rest.pointee)
      if rest.pointee == 10 { indent(branch) }
      rest += 1
    }
  }

  /// The task that failed, or that asked for a cancellation, and where it was made.
  private mutating func putOrigin(of error: ErrorRef) {
    if error.taskSerial == 0 { return }
    style("\u{1b}[2m")
    put(error.isReason ? " [asked by " : " [")
    writeTaskName(to: &sink, error.taskName, serial: error.taskSerial)
    if let site = error.site {
      put(", ")
      sink.put(site)
    }
    put("]")
    style("\u{1b}[0m")
  }

  private mutating func style(_ code: StaticString) { if isColoured { sink.put(code) } }

  private mutating func put(_ text: StaticString) { sink.put(text) }
}

extension Ref where Record == ErrorRecord {
  @inline(never)
  func write(to sink: inout TextSink, isColoured: Bool = false) {
    var writer = ErrorWriter(sink: sink, isColoured: isColoured)
    writer.write(self, Branch(), label: "")
    sink = writer.sink
  }

  /// The text on stderr, in colours if that is a terminal. Without memory for all of it, its
  /// beginning.
  @inline(never)
  func printToStandardError(after prefix: StaticString) {
    let isColoured = eddy_sw_stderr_has_colours() != 0
    var measure = TextSink(nil, capacity: 0)
    measure.put(prefix)
    write(to: &measure, isColoured: isColoured)
    let needed = measure.finish()
    withTextBuffer(needed) { buffer, capacity in
      var sink = TextSink(buffer, capacity: capacity)
      sink.put(prefix)
      write(to: &sink, isColoured: isColoured)
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
