// The header's calls about statuses and versions. Threads: any.

import CEddy
import EddySwitch

@c @implementation
public func eddy_status_name(_ status: eddy_status_t) -> UnsafePointer<CChar> {
  statusName(status)
}

@c @implementation
public func eddy_status_text(_ status: eddy_status_t) -> UnsafePointer<CChar> {
  statusText(status)
}

@c @implementation
public func eddy_version_number() -> Int32 { libraryVersion }

@c @implementation
public func eddy_has_feature(_ name: UnsafePointer<CChar>?) -> Int32 {
  guard let name else { return 0 }
  if isText(name, "virtual-clock") || isText(name, "seeded-order") { return 1 }
  if isText(name, "foreign-tasks") || isText(name, "test-kit") { return 1 }
  #if EDDY_HOSTILE
    if isText(name, "hostile") { return 1 }
  #endif
  if isText(name, "guard-install") { return eddy_sw_guard_is_light() }
  return 0
}

/// The header that this library was built with is the one it implements.
let libraryVersion: Int32 =
  Int32(EDDY_VERSION_MAJOR) * 1_000_000 + Int32(EDDY_VERSION_MINOR) * 1000
  + Int32(EDDY_VERSION_PATCH)

private func isText(_ text: UnsafePointer<CChar>, _ expected: StaticString) -> Bool {
  let start = expected.utf8Start
  for index in 0..<expected.utf8CodeUnitCount where UInt8(bitPattern: text[index]) != start[index] {
    return false
  }
  return text[expected.utf8CodeUnitCount] == 0
}
