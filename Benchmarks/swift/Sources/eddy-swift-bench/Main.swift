// Measures the Swift layer of Eddy beside the least that Swift itself needs for the same.
//
// usage: eddy-swift-bench [spawn|hops|timeout|only-spawn|only-minimal|only-timeout [COUNT]]
// A name measures that alone; "only-..." runs the subject COUNT times for a profiler, without rows.
//
// Threads: the main one is the loop's, in turns with the minimal executor's.

import CEddy
import Eddy
import Glibc

@main struct Main {
  static func main() throws {
    let wanted = CommandLine.arguments.dropFirst().first
    let count = CommandLine.arguments.dropFirst(2).first.flatMap { Int($0) } ?? 50
    switch wanted {
    case "only-spawn": for _ in 0..<count { try loopSpawn(Stopwatch()) }
    case "only-minimal": for _ in 0..<count { minimalSpawn(Stopwatch()) }
    case "only-timeout": for _ in 0..<count { try loopTimeout(Stopwatch()) }
    default:
      if wanted == nil || wanted == "spawn" { try spawnRows() }
      if wanted == nil || wanted == "hops" { try hopRows() }
      if wanted == nil || wanted == "timeout" { try timeoutRows() }
    }
  }

  static func spawnRows() throws {
    let ns = try alternate([loopSpawn, minimalSpawn, defaultSpawn, loopJoin])
    row(
      "Swift spawn + value : minimal executor", ns[0] / ns[1], "times", bound: 1.5,
      "1 task, warm: \(digits(ns[0], 0)) ns, minimal custom executor \(digits(ns[1], 0)) ns")
    row(
      "Swift spawn + join : minimal executor", ns[3] / ns[1], "times", bound: 1.5,
      "1 task, warm: \(digits(ns[3], 0)) ns, minimal custom executor \(digits(ns[1], 0)) ns")
    row(
      "Swift spawn + value : default executor", ns[0] / ns[2], "times", bound: 0.9,
      "1 task, warm: \(digits(ns[0], 0)) ns, default from a detached task \(digits(ns[2], 0)) ns")
  }

  static func hopRows() throws {
    let ns = try alternate([cJoinsSwift, swiftJoinsC])
    row(
      "C task spawns + joins a Swift task, per hop", ns[0] / 2, "ns", bound: nil,
      "1 task, warm: \(digits(ns[0], 0)) ns for 2 hops, there and back")
    row(
      "Swift task spawns + joins a C task, per hop", ns[1] / 2, "ns", bound: nil,
      "1 task, warm: \(digits(ns[1], 0)) ns for 2 hops, there and back")
  }

  static func timeoutRows() throws {
    let ns = try alternate([loopTimeout, groupTimeoutOnLoop, groupTimeoutOnDefault])
    row(
      "Swift withTimeout : group + Task.sleep", ns[0] / ns[1], "times", bound: 0.5,
      "1 task, warm: \(digits(ns[0], 0)) ns, group + sleep on the loop \(digits(ns[1], 0)) ns")
    row(
      "Swift withTimeout : the same, default executor", ns[0] / ns[2], "times", bound: 0.5,
      "1 task, warm: \(digits(ns[0], 0)) ns, group + sleep from a detached task "
        + "\(digits(ns[2], 0)) ns")
  }
}
