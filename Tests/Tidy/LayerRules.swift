// The direction of EddyCore's layers: a folder may use what folders before it declare, never what
// later ones do. What a folder declares is read off its text: types, functions and constants at
// file level, and functions of types and extensions. A name that two folders declare decides
// nothing.

private let layerRanks: [String: Int] = [
  "Support": 0, "Loop": 1, "Diagnostics": 2, "Task": 3, "Cancel": 4, "Future": 4, "Group": 5,
  "IO": 6, "ABI": 7,
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

private enum Kind { case global, member }

private struct Declaration {
  let name: String
  let kind: Kind
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

/// The one folder that declares each name; names that several declare are left out.
private func declarationOwners(_ core: [Source]) -> [Kind: [String: String]] {
  var folders: [Kind: [String: Set<String>]] = [:]
  for source in core {
    guard let layer = source.layer, layerRanks[layer] != nil else { continue }
    for declaration in declarations(in: source) {
      folders[declaration.kind, default: [:]][declaration.name, default: []].insert(layer)
    }
  }
  return folders.mapValues { names in names.compactMapValues { $0.count == 1 ? $0.first : nil } }
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
    guard parens == 0, index + 1 < source.tokens.count else { continue }
    let name = source.tokens[index + 1].text
    guard let first = name.first, first.isLetter || first == "_" else { continue }
    let isGlobal = types.contains(token.text) || ["func", "let", "var"].contains(token.text)
    if depth == 0, isGlobal { found.append(Declaration(name: name, kind: .global)) }
    if depth == 1, token.text == "func", !standardMembers.contains(name) {
      found.append(Declaration(name: name, kind: .member))
    }
  }
  return found
}

private struct Use {
  let name: String
  let violation: Violation
}

private func uses(in source: Source, owners: [Kind: [String: String]]) -> [Use] {
  guard let layer = source.layer, let rank = layerRanks[layer] else { return [] }
  var found: [Use] = []
  for (index, token) in source.tokens.enumerated() {
    let previous = index > 0 ? source.tokens[index - 1].text : ""
    let next = index + 1 < source.tokens.count ? source.tokens[index + 1].text : ""
    // A label, or a declaration of its own.
    if ["func", "let", "var", "case"].contains(previous) { continue }
    var owner: String?
    if next == "(" { owner = owners[.member]?[token.text] }
    if previous != ".", next != ":" || token.text.first?.isUppercase == true {
      owner = owners[.global]?[token.text] ?? owner
    }
    guard let owner, let ownerRank = layerRanks[owner], ownerRank > rank else { continue }
    found.append(
      Use(
        name: token.text,
        violation: Violation(
          path: source.path, line: token.line, rule: "layer-direction",
          message: "\(token.text) is declared in \(owner), which comes after \(layer)")))
  }
  return found
}
