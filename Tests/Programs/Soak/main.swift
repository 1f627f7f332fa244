// Random programs on one loop, checked against the law.
//
// usage: eddy-soak run FIRST STEP SECONDS COUNT    runs FIRST, FIRST + STEP ... until either is up
//        eddy-soak show NUMBER [FAULT]             one run, with all that happens
//        eddy-soak shrink NUMBER [FAULT]           the smallest program found that still fails
//        eddy-soak find FAULT COUNT                the first run that a planted fault fails
//        eddy-soak try NUMBER FAULT CUTS           one run of a program with parts left out
//
// Exit status: 0 no violation, 1 a violation, 2 a signal or a hang, 64 usage.
// Threads: one, so that a deadlock is seen as one.

import Glibc

private func run(_ arguments: [String]) -> Int32 {
  func number(_ index: Int) -> UInt64 {
    index < arguments.count ? UInt64(arguments[index]) ?? 0 : 0
  }
  let fault = Fault(rawValue: Int(number(3))) ?? .none
  guard arguments.count > 2 else { return 64 }
  switch arguments[1] {
  case "run":
    return soak(
      first: number(2), step: max(number(3), 1), seconds: number(4),
      count: arguments.count > 5 ? number(5) : UInt64.max)
  case "show":
    return show(Run(number: number(2), fault: fault))
  case "shrink":
    return Shrinker(number: number(2), fault: fault).run()
  case "find":
    return find(Fault(rawValue: Int(number(2))) ?? .none, count: number(3))
  case "try":
    return attempt(number(2), fault, arguments.count > 4 ? arguments[4] : "")
  default:
    return 64
  }
}

watchSignals()
exit(run(CommandLine.arguments))
