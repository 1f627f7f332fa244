// What the hostile build (make hostile) says when an invariant is broken. Other builds have none of
// it.
//
// Owns nothing. Threads: any.

#if EDDY_HOSTILE
  import EddySwitch

  /// Ends the process with the invariant's name if it does not hold.
  @inline(__always)
  func invariant(_ holds: Bool, _ name: StaticString) {
    if !holds { breach(name) }
  }

  @inline(never)
  private func breach(_ name: StaticString) { eddy_sw_abort(staticText(name)) }

  /// How many free records there are at least before one is used again.
  let quarantine = 16
#endif
