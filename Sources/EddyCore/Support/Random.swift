// The one source of random numbers: a seeded sequence (splitmix64), the same for the same seed.
//
// Owns its state. Threads: the loop's.

struct RandomSequence {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// A number from 0 up to, but not including, `bound`, which is above 0. The bias of the remainder
  /// is below one part in 2^32 for the sizes of a round.
  mutating func next(below bound: Int) -> Int {
    Int(next() % UInt64(bound))
  }
}
