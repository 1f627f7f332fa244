// Where the library departs from the law, found by this program and not mended yet.
//
// Each is a shrunk program's violation. When one is mended, its line goes, and the model is strict.
//
// Threads: any.

import Glibc

/// What the library is known to do otherwise, until that is mended; the model follows it.
///
/// EDDY_SOAK_STRICT names those that the model is not to follow, or "all".
enum Known {
  private static func isFollowed(_ name: String) -> Bool {
    guard let words = getenv("EDDY_SOAK_STRICT").map({ String(cString: $0) }) else { return true }
    return !words.split(separator: " ").contains { $0 == name || $0 == "all" }
  }

  /// A Swift scope inside a group's body is the group's child for the core, so its failure is the
  /// group's, even if the body catches it.
  static let nestedScopeFailsGroup = isFollowed("nestedScopeFailsGroup")
  /// A Swift task that spawns into a cancelled group that it is inside gets ECLOSED, as if it were
  /// outside, since the core does not see which Swift task calls.
  static let swiftSpawnsFromOutside = isFollowed("swiftSpawnsFromOutside")
  /// A body that throws TargetCancelledError out of a Swift scope is taken for a scope that was
  /// cancelled and left: nothing is thrown.
  static let targetCancelledIsLost = isFollowed("targetCancelledIsLost")
  /// A shield that is opened by a cancelled Swift task of a loop that shuts down is refused with
  /// ECLOSED, and its body does not run.
  static let lateShieldIsRefused = isFollowed("lateShieldIsRefused")
  /// A scope that a Swift task opens after the core has cancelled it, and before Swift was told, is
  /// refused with ECLOSED or ECANCELED, and its body does not run.
  static let openingInTheGapIsRefused = isFollowed("openingInTheGapIsRefused")
  /// A group whose body threw CancellationError drops the last child's error if an earlier child
  /// failed alike, as though it were the body's.
  static let repeatedErrorIsDropped = isFollowed("repeatedErrorIsDropped")
}
