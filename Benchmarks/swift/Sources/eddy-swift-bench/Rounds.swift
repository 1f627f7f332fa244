// Rounds in which all subjects and references of one comparison alternate, and the rows that
// Benchmarks/run.sh reads.
//
// Invariants: a figure is a minimum over the rounds, a ratio is the ratio of two such minima; each
// round of each subject begins with operations that are not timed, so that all figures are warm.
// Threads: the main one, and where a subject says so those of Swift's pool.

import Glibc

let roundCount = 21
let warmOperations = 200

func now() -> Int64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

/// Where a subject leaves what it measured. Written by one task, read when that has ended.
final class Stopwatch: @unchecked Sendable {
  fileprivate var best = Double.infinity
  fileprivate var last = 0.0

  /// Times `operations` calls of `step`, after some that are not timed.
  func measure(
    _ operations: Int, isolation: isolated (any Actor)? = #isolation,
    _ step: () async throws -> Void
  ) async rethrows {
    for _ in 0..<warmOperations { try await step() }
    let begin = now()
    for _ in 0..<operations { try await step() }
    last = Double(now() - begin) / Double(operations)
  }

  /// The same for calls that wait on a stack of their own.
  func measureOnStack(_ operations: Int, _ step: () -> Bool) -> Bool {
    for _ in 0..<warmOperations { if !step() { return false } }
    let begin = now()
    for _ in 0..<operations { if !step() { return false } }
    last = Double(now() - begin) / Double(operations)
    return true
  }
}

/// Runs the subjects in turn, `roundCount` times after one round of warming up, and returns each
/// one's least nanoseconds per operation.
func alternate(_ subjects: [(Stopwatch) throws -> Void]) throws -> [Double] {
  let watches = subjects.map { _ in Stopwatch() }
  for round in -1..<roundCount {
    for (subject, watch) in zip(subjects, watches) {
      try subject(watch)
      if round >= 0 { watch.best = min(watch.best, watch.last) }
    }
  }
  return watches.map(\.best)
}

/// A number that is not negative, with `count` digits after the point.
func digits(_ value: Double, _ count: Int) -> String {
  let scale = pow(10, Double(count))
  let whole = Int((value * scale).rounded())
  if count == 0 { return "\(whole)" }
  let fraction = String(whole % Int(scale))
  let zeros = String(repeating: "0", count: count - fraction.count)
  return "\(whole / Int(scale)).\(zeros)\(fraction)"
}

func row(_ figure: String, _ value: Double, _ unit: String, bound: Double?, _ detail: String) {
  let limit = bound.map { digits($0, 1) } ?? "-"
  print("row\t\(figure)\t\(digits(value, 4))\t\(unit)\t\(limit)\t\(detail)")
}
