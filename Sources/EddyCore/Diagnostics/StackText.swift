// A stack as people read it, one frame a line, innermost first:
//
//     #0 eddy_sleep+0x41 (libeddy.so.0)
//     #1 stubborn+0x1c (program)
//
// A name comes from the symbol table of the file, else from what it exports; where both are missing
// the frame is an offset in the file, which addr2line takes. Frames of this library's inside are
// left out.
// Owns nothing. Threads: any.

import EddySwitch

/// Frames that a report shows.
let frameLimit = 48

/// Return addresses, innermost first, kept on the stack of whoever asked for them.
struct StackFrames {
  var addresses: UnsafePointer<UInt>?
  var count: Int

  static var none: StackFrames { StackFrames(addresses: nil, count: 0) }
}

@inline(never)
func writeFrames(_ frames: UnsafePointer<UInt>, _ count: Int, to sink: inout TextSink) {
  var shown = 0
  for index in 0..<count {
    if writeFrame(frames[index], number: shown, to: &sink) { shown &+= 1 }
  }
  if shown == 0 { sink.put("    (it has no stack to show)\n") }
  if count == frameLimit { sink.put("    (further frames are left out)\n") }
}

/// False for a frame that is not for the reader.
private func writeFrame(_ address: UInt, number: Int, to sink: inout TextSink) -> Bool {
  var object = eddy_sw_object()
  // The address that a call returns to may be the first of the next function.
  let call = address &- 1
  if eddy_sw_find_object(call, &object) == 0 {
    put(number, to: &sink)
    sink.put("0x")
    put(hex: address, to: &sink)
    sink.put("\n")
    return true
  }
  let table = object.path.flatMap { SymbolTable(path: $0) }
  var found = table?.find(call &- object.bias)
  if found == nil, let symbol = object.symbol {
    found = (name: symbol, offset: call &- object.symbol_address)
  }
  let isShown = found.map { !isInside($0.name) } ?? (object.is_own == 0)
  if isShown {
    put(number, to: &sink)
    if let found {
      put(name: found.name, to: &sink)
      sink.put("+0x")
      put(hex: found.offset &+ 1, to: &sink)
      sink.put(" (")
      if let label = object.label { sink.put(label) }
    } else {
      if let label = object.label { sink.put(label) }
      sink.put("(+0x")
      put(hex: address &- object.bias, to: &sink)
    }
    sink.put(")\n")
  }
  table?.close()
  return isShown
}

/// Names of this library that its users did not call: the assembly's, the core's own Swift ones as
/// both builds mangle them, and the Swift layer's.
private func isInside(_ name: UnsafePointer<CChar>) -> Bool {
  starts(name, with: "eddy_sw_") || starts(name, with: "$s8EddyCore")
    || starts(name, with: "$e8EddyCore")
    || starts(name, with: "$s4Eddy") && eddy_sw_may_be_extension(name) == 0
}

private func starts(_ text: UnsafePointer<CChar>, with prefix: StaticString) -> Bool {
  for index in 0..<prefix.utf8CodeUnitCount {
    if UInt8(bitPattern: text[index]) != prefix.utf8Start[index] { return false }
  }
  return true
}

private func put(_ number: Int, to sink: inout TextSink) {
  sink.put("    #")
  sink.put(number)
  sink.put(" ")
}

private func put(name: UnsafePointer<CChar>, to sink: inout TextSink) {
  withTextBuffer(512) { buffer, capacity in
    let isSwift = eddy_sw_demangle(name, buffer, capacity) != 0
    sink.put(isSwift ? UnsafePointer(buffer) : name)
  }
}

private func put(hex number: UInt, to sink: inout TextSink) {
  if number >= 16 { put(hex: number / 16, to: &sink) }
  let digit = number % 16
  sink.put(byte: CChar(truncatingIfNeeded: digit < 10 ? 48 &+ digit : 87 &+ digit))
}
