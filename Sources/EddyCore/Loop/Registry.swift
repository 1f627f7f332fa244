// The process's loops: which numbers are live, and where the generations of the next one begin.
//
// Owns the meaning of eddy_sw_loop_words. A word, from the top: bit 63 live, 28 bits generation of
// the loop's own handle, 28 bits first generation of its slots.
// Invariants:
// 1. A number is claimed with one atomic exchange, and given back by its owner with one store.
// 2. A reused number begins above every generation that its predecessor gave out; one whose
//    generations are spent is not used again.
// Threads: any.

import EddySwitch
import Synchronization

enum Registry {
  private static let liveBit: UInt64 = 1 << 63

  private static func word(_ number: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
    eddy_sw_loop_words_address(number).assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  struct Claim {
    let number: Int
    let generation: UInt64
    let firstGeneration: UInt32
  }

  /// A free number, the least used one first; nil when all are taken or spent.
  static func claim() -> Claim? {
    while true {
      var best = 0
      var bestWord: UInt64 = 0
      for number in 1..<Int(EDDY_SW_LOOP_LIMIT) {
        let value = word(number).pointee.load(ordering: .acquiring)
        let floor = value & Handle.generationMask
        if value & liveBit != 0 || floor >= UInt64(Handle.maximumGeneration) { continue }
        if (value >> 28) & Handle.generationMask >= UInt64(Handle.maximumGeneration) { continue }
        if best == 0 || floor < bestWord & Handle.generationMask {
          best = number
          bestWord = value
          if floor == 0 { break }
        }
      }
      if best == 0 { return nil }
      let generation = ((bestWord >> 28) & Handle.generationMask) &+ 1
      let floor = bestWord & Handle.generationMask
      let claimed = liveBit | (generation << 28) | floor
      let exchange = word(best).pointee.compareExchange(
        expected: bestWord, desired: claimed, ordering: .acquiringAndReleasing)
      if exchange.exchanged {
        return Claim(
          number: best, generation: generation, firstGeneration: max(UInt32(floor), 1))
      }
    }
  }

  /// Gives a number back. `nextGeneration` is where its successor's slots begin.
  static func giveBack(_ number: Int, generation: UInt64, nextGeneration: UInt32) {
    let value = (generation << 28) | UInt64(min(nextGeneration, Handle.maximumGeneration))
    word(number).pointee.store(value, ordering: .releasing)
  }

  /// Whether the loop with this number is live, on whatever thread.
  static func isLive(_ number: Int) -> Bool {
    guard number > 0, number < Int(EDDY_SW_LOOP_LIMIT) else { return false }
    return word(number).pointee.load(ordering: .acquiring) & liveBit != 0
  }

  /// The id of the live loop with this number, or 0.
  static func id(of number: Int) -> UInt64 {
    guard number > 0, number < Int(EDDY_SW_LOOP_LIMIT) else { return 0 }
    let value = word(number).pointee.load(ordering: .acquiring)
    return value & liveBit == 0
      ? 0 : id(number: number, generation: (value >> 28) & Handle.generationMask)
  }

  static func id(number: Int, generation: UInt64) -> UInt64 {
    Handle.with(kind: .loop, (UInt64(number) << Handle.loopShift) | generation)
  }
}
