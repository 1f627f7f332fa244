// Faults that are planted in the checker's view, to show that it finds them: each is what a broken
// core would look like from the program.
//
// Threads: any.

enum Fault: Int, CaseIterable {
  case none
  /// Each third value is released once more.
  case doubleRelease
  /// Completing F1 says that it worked, and does nothing.
  case lostCompletion
  /// The model takes a scope's own cancellation for more than one from outside.
  case ownBeforeOuter
  /// The second run of a pair has another order.
  case otherOrder
  /// The reference to a task that ended well is forgotten.
  case leakedReference
  /// A callback is called as it is registered.
  case synchronousCallback
  /// A sleep of more than two milliseconds ends one too early.
  case earlyWake
  /// The errors of a group are expected in the reverse order.
  case reversedErrors
  /// A second reader of a task's value gets it no more.
  case lostValue
}
