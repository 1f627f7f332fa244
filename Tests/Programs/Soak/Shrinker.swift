// Finds a small program that still fails: leaves out operations, then takes scopes from around
// their bodies, as long as the run still fails. Each attempt is a process of its own, since a run
// that fails may crash, hang, or leave a loop behind.
//
// Threads: the main one.

import Glibc

extension Cuts {
  init(_ text: String) {
    for word in text.split(separator: " ") {
      guard let number = Int(word.dropFirst()) else { continue }
      if word.first == "d" { dropped.insert(number) } else { unwrapped.insert(number) }
    }
  }

  var text: String {
    let words = dropped.sorted().map { "d\($0)" } + unwrapped.sorted().map { "u\($0)" }
    return words.joined(separator: " ")
  }
}

struct Shrinker {
  let number: UInt64
  let fault: Fault
  /// How the process of the whole program ends: tells kinds of violations apart.
  private var wanted: Int32 = 0

  init(number: UInt64, fault: Fault) {
    self.number = number
    self.fault = fault
  }

  /// Prints the smallest program found. Returns 1 if it fails, as it should, else 0.
  func run() -> Int32 {
    var shrinker = self
    var cuts = Cuts()
    shrinker.wanted = status(cuts)
    guard shrinker.wanted != 0 else {
      print("run \(number) does not fail by itself")
      return 0
    }
    let program = Generator.program(number / Run.orders)
    var isSmaller = true
    while isSmaller {
      isSmaller = false
      for scope in cuts.applied(to: program).numbers.scopes {
        isSmaller = shrinker.keep(&cuts) { $0.unwrapped.insert(scope) } || isSmaller
      }
      var size = max(cuts.applied(to: program).numbers.all.count / 2, 1)
      while true {
        isSmaller = shrinker.drop(&cuts, from: program, by: size) || isSmaller
        if size == 1 { break }
        size /= 2
      }
    }
    let small = cuts.applied(to: program)
    print("\(small.numbers.all.count) of \(program.opCount) operations left:")
    print(small.text)
    let run = Run(number: number, fault: fault, cuts: cuts, isVerbose: true)
    print("what happens:")
    let outcome = run.checked(small, repeats: true)
    print("violation: \(outcome.violation ?? "in a process of its own only")")
    return 1
  }

  /// Leaves out so many operations at a time.
  private func drop(_ cuts: inout Cuts, from program: Program, by size: Int) -> Bool {
    let all = cuts.applied(to: program).numbers.all
    var isSmaller = false
    for begin in stride(from: 0, to: all.count, by: size) {
      let part = all[begin..<min(begin + size, all.count)]
      if part.allSatisfy({ cuts.dropped.contains($0) }) { continue }
      isSmaller = keep(&cuts) { $0.dropped.formUnion(part) } || isSmaller
    }
    return isSmaller
  }

  /// Makes a change if the run still fails with it.
  private func keep(_ cuts: inout Cuts, _ change: (inout Cuts) -> Void) -> Bool {
    var changed = cuts
    change(&changed)
    guard changed.text != cuts.text, status(changed) == wanted else { return false }
    cuts = changed
    return true
  }

  /// How a process ends that makes the run with so much left out.
  private func status(_ cuts: Cuts) -> Int32 {
    let texts = ["eddy-soak", "try", "\(number)", "\(fault.rawValue)", cuts.text]
    var words: [UnsafeMutablePointer<CChar>?] = texts.map { strdup($0) }
    words.append(nil)
    defer { for word in words { free(word) } }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    var process = pid_t()
    guard posix_spawn(&process, "/proc/self/exe", &actions, nil, words, environ) == 0 else {
      return 0
    }
    var status: Int32 = 0
    waitpid(process, &status, 0)
    return status
  }
}
