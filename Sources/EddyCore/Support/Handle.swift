// What a handle's 64 bits mean: kind 4, loop 8, index 24, generation 28, from the top.
//
// Invariants:
// 1. Kind 0 is no handle, so {0} is null, whatever the rest.
// 2. Loop numbers begin at 1 and generations at 1.
// Threads: any; this is arithmetic.

enum HandleKind: UInt64 {
  case none = 0
  case loop = 1
  case task = 2
  case future = 3
  case scope = 4
  /// A task's root scope: the task's index and generation under another kind.
  case rootScope = 5
  case error = 6
  case context = 7
  case token = 8
  case completions = 9
  case callback = 10
}

enum Handle {
  static let kindShift: UInt64 = 60
  static let loopShift: UInt64 = 52
  static let indexShift: UInt64 = 28
  static let kindMask: UInt64 = 0xF << 60
  static let generationMask: UInt64 = (1 << 28) &- 1
  static let indexMask: UInt64 = (1 << 24) &- 1
  static let maximumGeneration: UInt32 = (1 << 28) &- 1
  static let maximumIndex = 1 << 24

  @inline(__always)
  static func kind(_ id: UInt64) -> UInt64 { id >> kindShift }

  @inline(__always)
  static func loopNumber(_ id: UInt64) -> Int { Int((id >> loopShift) & 0xFF) }

  @inline(__always)
  static func index(_ id: UInt64) -> Int { Int((id >> indexShift) & indexMask) }

  @inline(__always)
  static func with(kind: HandleKind, _ id: UInt64) -> UInt64 {
    (id & ~kindMask) | (kind.rawValue << kindShift)
  }
}
