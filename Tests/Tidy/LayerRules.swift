// The direction of EddyCore's layers: a folder may use what folders before it declare, never what
// later ones do. What a folder declares is read off its text: types, functions and constants at
// file level, and functions of types and extensions. A name that two folders declare decides
// nothing.

private let layerRanks: [String: Int] = [
  "Support": 0, "Loop": 1, "Diagnostics": 2, "Context": 2, "Task": 3, "Cancel": 4, "Future": 4,
  "Combine": 5, "Group": 6, "IO": 7, "Testing": 8, "Hostile": 8, "ABI": 9,
]

/// Uses that are allowed against the direction, each with its reason.
struct LayerException {
  let path: String
  let name: String
  let reason: String
}

let layerExceptions: [LayerException] = []

/// Member names that the standard library has too, so that a call of one says nothing.
private let standardMembers: Set<String> = [
  "add", "advanced", "append", "assumingMemoryBound", "bindMemory", "compareExchange", "deallocate",
  "deinitialize", "distance", "exchange", "hash", "index", "initialize", "insert", "load", "map",
  "max", "min", "move", "pointer", "remove", "reset", "store", "subtract", "successor", "update",
  "weakCompareExchange", "withMemoryRebound",
]

/// How a declaration can be named from another file: as it stands, as a member, or not at all.
private enum Reach { case global, member, none }

private struct Declaration {
  let name: String
  let reach: Reach
}

private struct Owner {
  let layer: String
  let reach: Reach
}

func layerViolations(_ sources: [Source]) -> [Violation] {
  let core = sources.filter { $0.isCore }
  var found: [Violation] = []
  for source in core where layerRanks[source.layer ?? ""] == nil {
    found.append(
      Violation(
        path: source.path, line: 1, rule: "layer-folder",
        message: "no layer of EddyCore: \(layerRanks.keys.sorted().joined(separator: ", "))"))
  }
  let owners = declarationOwners(core)
  var used: Set<String> = []
  for source in core {
    for use in uses(in: source, owners: owners) {
      let exception = layerExceptions.first { $0.path == source.path && $0.name == use.name }
      if let exception { used.insert(exception.path + exception.name) }
      if exception == nil { found.append(use.violation) }
    }
  }
  for exception in layerExceptions where !used.contains(exception.path + exception.name) {
    found.append(
      Violation(
        path: exception.path, line: 1, rule: "layer-direction",
        message: "the exception for \(exception.name) is not needed"))
  }
  return found
}

/// The one folder that declares each name; names that several declare, in whatever way, are left
/// out.
private func declarationOwners(_ core: [Source]) -> [String: Owner] {
  var folders: [String: Set<String>] = [:]
  var owners: [String: Owner] = [:]
  for source in core {
    guard let layer = source.layer, layerRanks[layer] != nil else { continue }
    for declaration in declarations(in: source) {
      folders[declaration.name, default: []].insert(layer)
      guard declaration.reach != .none else { continue }
      owners[declaration.name] = Owner(layer: layer, reach: declaration.reach)
    }
  }
  return owners.filter { folders[$0.key]?.count == 1 }
}

private func declarations(in source: Source) -> [Declaration] {
  let types: Set<String> = ["struct", "enum", "protocol", "typealias"]
  var found: [Declaration] = []
  var depth = 0
  var parens = 0
  for (index, token) in source.tokens.enumerated() {
    switch token.text {
    case "{": depth += 1
    case "}": depth -= 1
    case "(", "[": parens += 1
    case ")", "]": parens -= 1
    default: break
    }
    let isFunction = token.text == "func"
    guard parens == 0, index + 1 < source.tokens.count,
      isFunction || types.contains(token.text) || ["let", "var"].contains(token.text)
    else { continue }
    let name = source.tokens[index + 1].text
    guard let first = name.first, first.isLetter || first == "_" else { continue }
    let isPrivate = isPrivate(at: index, in: source.tokens)
    if depth == 0 {
      found.append(Declaration(name: name, reach: isPrivate ? .none : .global))
    } else if isFunction {
      let isMember = depth == 1 && !isPrivate && !standardMembers.contains(name)
      found.append(Declaration(name: name, reach: isMember ? .member : .none))
    }
  }
  return found
}

/// Whether `private` is among the modifiers before the keyword at `index`.
private func isPrivate(at index: Int, in tokens: [Token]) -> Bool {
  let modifiers: Set<String> = ["private", "fileprivate", "static", "mutating", "final", "inline"]
  var position = index - 1
  while position >= 0, modifiers.contains(tokens[position].text) {
    if tokens[position].text.hasSuffix("private") { return true }
    position -= 1
  }
  return false
}

private struct Use {
  let name: String
  let violation: Violation
}

private func uses(in source: Source, owners: [String: Owner]) -> [Use] {
  guard let layer = source.layer, let rank = layerRanks[layer] else { return [] }
  var found: [Use] = []
  for (index, token) in source.tokens.enumerated() {
    guard let owner = owners[token.text], let ownerRank = layerRanks[owner.layer],
      ownerRank > rank, isUse(at: index, in: source.tokens, of: owner.reach)
    else { continue }
    found.append(
      Use(
        name: token.text,
        violation: Violation(
          path: source.path, line: token.line, rule: "layer-direction",
          message: "\(token.text) is declared in \(owner.layer), which comes after \(layer)")))
  }
  return found
}

/// A member is used where it is called. Another name is used wherever it stands, but as a member, a
/// label or a local declaration.
private func isUse(at index: Int, in tokens: [Token], of reach: Reach) -> Bool {
  let previous = index > 0 ? tokens[index - 1].text : ""
  let next = index + 1 < tokens.count ? tokens[index + 1].text : ""
  if ["func", "let", "var", "case"].contains(previous) { return false }
  switch reach {
  case .member: return next == "("
  case .global: return previous != "." && (next != ":" || tokens[index].text.first!.isUppercase)
  case .none: return false
  }
}
