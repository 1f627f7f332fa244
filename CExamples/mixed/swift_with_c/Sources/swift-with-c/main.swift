// A Swift program whose groups hold C tasks: both languages in one tree, with one cancellation.
//
// Prints:  Swift and C have counted 7 words
//          C: told to end after 2 words
//          the deadline has passed
//          Swift: told to end: a child of the group failed
//          EDDY_EINVAL: the C side does not like this

import Counting
import Eddy

/// A text that C tasks read; it lives as long as the program.
struct Text: @unchecked Sendable {
  let pointer: UnsafeMutableRawPointer

  init(_ text: String) {
    let bytes = Array(text.utf8) + [0]
    pointer = .allocate(byteCount: bytes.count, alignment: 1)
    pointer.copyMemory(from: bytes, byteCount: bytes.count)
  }
}

let short = Text("one two three")
let long = Text("one two three four five six seven eight nine ten")

try runLoop { [short, long] in
  // Siblings, and what each has found.
  let sum = try await withGroup { group in
    let ofC = try group.spawn(count_words, context: short.pointer)
    let ofSwift = try group.spawn { () -> Int in
      try await sleep(for: .milliseconds(20))
      return 4
    }
    return try await Int(bitPattern: ofC.value) + ofSwift.value
  }
  print("Swift and C have counted \(sum) words")

  // A Swift deadline ends a C task.
  do {
    try await withTimeout(.milliseconds(25)) {
      try await withGroup { group in
        _ = try group.spawn(count_words, context: long.pointer)
      }
    }
  } catch let error as TimeoutError {
    print(error)
  }

  // A failure in C cancels its Swift sibling.
  do {
    try await withGroup { group in
      try group.spawn(fail_soon)
      try group.spawn {
        do {
          try await sleep(for: .seconds(60))
        } catch {
          print("Swift: told to end: \(currentCancelReason?.message ?? "nobody said why")")
          throw error
        }
      }
    }
  } catch let error as GroupError {
    for child in error.errors { print(child) }
  }
}
