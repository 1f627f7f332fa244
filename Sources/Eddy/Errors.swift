// Errors of the Swift layer, and how they cross the C header in both directions.
//
// A Swift error that becomes a C failure is carried by the C error as its payload, and comes back
// as itself. A C failure becomes an EddyError.
// Invariant: a payload is taken for ours only if it was given with our release function.
// Threads: the values any; reading C errors the loop's.

import CEddy

/// A failure that C code returned, or that Eddy itself gives.
public struct EddyError: Error, Sendable, Equatable, CustomStringConvertible {
  /// A status of `eddy.h`, always negative: the system's negative errno, or one of Eddy's own.
  public let status: Int32
  /// What happened, in words; empty if nobody said.
  public let message: String
  /// Of a failure of C: the tree that `eddy_error_format` writes, with who failed and the causes.
  fileprivate let tree: String?

  public init(status: Int32, message: String = "") {
    self.init(status: status, message: message, tree: nil)
  }

  fileprivate init(status: Int32, message: String, tree: String?) {
    self.status = status
    self.message = message
    self.tree = tree
  }

  public static func == (one: EddyError, other: EddyError) -> Bool {
    one.status == other.status && one.message == other.message
  }

  /// The status and the message; of a failure of C also the task that failed, with where it was
  /// spawned, and below it its causes.
  public var description: String {
    if let tree { return tree }
    let name = String(cString: eddy_status_name(status))
    return "\(name): \(message.isEmpty ? String(cString: eddy_status_text(status)) : message)"
  }
}

/// The scope's own deadline has passed. Thrown only by the scope whose deadline it was.
public struct TimeoutError: Error, Sendable, Equatable, CustomStringConvertible {
  public init() {}
  public var description: String { "the deadline has passed" }
}

/// What was waited for was cancelled by somebody else; the waiter itself is not cancelled.
public struct TargetCancelledError: Error, Sendable, Equatable, CustomStringConvertible {
  /// Why, in words.
  public let reason: String
  public init(reason: String) { self.reason = reason }
  public var description: String { "cancelled: \(reason)" }
}

/// Children of a group failed, or its body did: their errors in the order of their ends, the body's
/// last.
public struct GroupError: Error, Sendable, CustomStringConvertible {
  public let errors: [any Error]
  /// Of the children of a group of the loop: " [task, site]", as the tree of C has it.
  fileprivate let places: [String]

  public init(errors: [any Error]) { self.init(errors: errors, places: []) }

  fileprivate init(errors: [any Error], places: [String]) {
    self.errors = errors
    self.places = places
  }

  /// A tree: a line for each error, and below it what that has to say besides.
  public var description: String {
    var tree = ErrorTree()
    tree.write(self, indent: "")
    return tree.text
  }
}

/// The text of a group's errors, and of theirs. It is bounded, and says what it leaves out: where
/// an error can be reached by many ways, each of them would double it.
private struct ErrorTree {
  static let widthLimit = 100
  private(set) var text = ""
  /// Lines that are still shown.
  private var room = 1000

  mutating func write(_ error: any Error, indent: String, place: String = "") {
    guard let group = error as? GroupError else { return writeLines(of: error, indent, place) }
    room -= 1
    text += "a group failed" + place
    for (index, error) in group.errors.enumerated() {
      if index == Self.widthLimit || room <= 0 {
        text += "\n\(indent)`- (\(group.errors.count - index) more are left out)"
        return
      }
      let isLast = index == group.errors.count - 1
      text += "\n" + indent + (isLast ? "`- " : "|- ")
      write(
        error, indent: indent + (isLast ? "   " : "|  "),
        place: index < group.places.count ? group.places[index] : "")
    }
  }

  private mutating func writeLines(of error: any Error, _ indent: String, _ place: String) {
    let lines = String(describing: error).split(separator: "\n", omittingEmptySubsequences: false)
    room -= lines.count
    // A failure of C tells itself where it comes from.
    let isPlaced = (error as? EddyError)?.tree != nil
    text += lines[0] + (isPlaced ? "" : place)
    for line in lines.dropFirst() { text += "\n" + indent + line }
  }
}

extension GroupError {
  /// With the body's error once: it is a child's if the body had joined that and let it through.
  func listing(_ bodyError: any Error) -> GroupError {
    guard let last = errors.last, isSame(last, bodyError),
      errors.dropLast().contains(where: { isSame($0, last) })
    else { return self }
    return GroupError(errors: errors.dropLast(), places: places)
  }
}

/// Whether two errors are one object, or tell the same failure of C.
private func isSame(_ one: any Error, _ other: any Error) -> Bool {
  if let one = one as? EddyError, let other = other as? EddyError { return one == other }
  // `as` keeps the existential from being opened: its box is what is compared.
  return unsafeBitCast(one as any Error, to: UInt.self)
    == unsafeBitCast(other as any Error, to: UInt.self)
}

/// Why something was cancelled.
public struct CancelReason: Sendable, Equatable {
  /// Who or what asked: `EDDY_REASON_*` of `eddy.h`.
  public let code: Int32
  public let message: String
}

/// A Swift error on its way through C.
final class ErrorBox {
  let error: any Error
  init(_ error: any Error) { self.error = error }
}

let releaseErrorBox: eddy_release_fn = { raw in
  if let raw { Unmanaged<ErrorBox>.fromOpaque(raw).release() }
}

/// The status under which C sees a Swift error.
func status(of error: any Error) -> eddy_status_t {
  switch error {
  case is CancellationError: EDDY_ECANCELED
  case is TimeoutError: EDDY_ETIMEDOUT
  case is GroupError: EDDY_EGROUP
  case is TargetCancelledError: EDDY_ETARGETCANCELED
  case let error as EddyError where error.status < 0: error.status
  default: EDDY_EFOREIGN
  }
}

/// The Swift error for a C failure with its error object, which may be null.
func makeError(_ status: eddy_status_t, _ error: eddy_error_t) -> any Error {
  var made: [UInt64: any Error] = [:]
  return makeError(status, error, &made)
}

/// `made` has what was made already: a group's child can be reached by many ways.
private func makeError(
  _ status: eddy_status_t, _ error: eddy_error_t, _ made: inout [UInt64: any Error]
) -> any Error {
  if let raw = eddy_error_payload(error, releaseErrorBox) {
    return Unmanaged<ErrorBox>.fromOpaque(raw).takeUnretainedValue().error
  }
  let message = eddy_error_message(error).map { String(cString: $0) } ?? ""
  switch status {
  case EDDY_EGROUP: return GroupError(errors: children(of: error, &made), places: places(in: error))
  case EDDY_ETIMEDOUT: return TimeoutError()
  case EDDY_ETARGETCANCELED: return TargetCancelledError(reason: message)
  case EDDY_ECANCELED: return CancellationError()
  default: return EddyError(status: status, message: message, tree: tree(of: error))
  }
}

/// The error as C prints it, without the last line's end; nil for none.
private func tree(of error: eddy_error_t) -> String? {
  let size = eddy_error_format(error, nil, 0)
  if size < 2 { return nil }
  return withUnsafeTemporaryAllocation(of: CChar.self, capacity: size) { room in
    _ = eddy_error_format(error, room.baseAddress, size)
    room[size - 2] = 0
    return String(cString: room.baseAddress!)
  }
}

/// Where the children of a group's error come from, of those that are shown.
private func places(in error: eddy_error_t) -> [String] {
  (0..<min(eddy_error_child_count(error), ErrorTree.widthLimit)).map { index in
    var child = eddy_error_t()
    guard eddy_error_child(error, index, &child) == EDDY_OK, let tree = tree(of: child) else {
      return ""
    }
    let status = eddy_error_status(child)
    let words = eddy_error_message(child) ?? eddy_status_text(status)
    let said = String(cString: eddy_status_name(status)) + ": " + String(cString: words)
    return String(firstLine(of: tree).dropFirst(firstLine(of: said).count))
  }
}

private func firstLine(of text: String) -> Substring { text.prefix { $0 != "\n" } }

/// What C's error says of a Swift error: the status is said beside it.
func messageForC(_ error: any Error) -> String? {
  guard let error = error as? EddyError else { return String(describing: error) }
  return error.message.isEmpty ? nil : error.message
}

private func children(
  of error: eddy_error_t, _ made: inout [UInt64: any Error]
) -> [any Error] {
  (0..<eddy_error_child_count(error)).map { index in
    var child = eddy_error_t()
    guard eddy_error_child(error, index, &child) == EDDY_OK else {
      return EddyError(status: EDDY_EGROUP)
    }
    if let known = made[child.id] { return known }
    let new = makeError(eddy_error_status(child), child, &made)
    made[child.id] = new
    return new
  }
}

/// The Swift error of the call that has just failed with this status.
func currentError(_ status: eddy_status_t) -> any Error {
  var error = eddy_error_t()
  guard eddy_error_current(&error) == EDDY_OK else { return makeError(status, eddy_error_t()) }
  defer { _ = eddy_error_release(error) }
  return makeError(status, eddy_error_status(error) == status ? error : eddy_error_t())
}

/// Throws the failure of a call that is not one that waits.
func check(_ status: eddy_status_t) throws {
  if status != EDDY_OK { throw currentError(status) }
}
