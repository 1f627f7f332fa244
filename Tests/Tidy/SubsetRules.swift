// The subset of Swift that EddyCore is written in: what Embedded Swift has, without hidden
// allocation and without an end of the process that says nothing. The Embedded compile stays the
// judge of what compiles; these rules hold what would compile and yet allocate or trap.

private let forbiddenWords: [String: String] = [
  "Array": "allocates", "ContiguousArray": "allocates", "ArraySlice": "allocates",
  "String": "allocates", "Substring": "allocates", "Character": "allocates",
  "Dictionary": "allocates", "Set": "allocates",
  "class": "is counted and allocated", "actor": "is counted and allocated",
  "weak": "is not Embedded", "any": "is boxed", "Any": "is boxed", "AnyObject": "is boxed",
  "AnyHashable": "is boxed",
  "async": "is the Swift layer's", "await": "is the Swift layer's",
  "print": "is for debugging", "debugPrint": "is for debugging",
  "fatalError": "says nothing in Embedded Swift", "escaping": "is a closure on the heap",
  "preconditionFailure": "says nothing in Embedded Swift",
  "assertionFailure": "says nothing in Embedded Swift",
]

private let allowedImports: Set<String> = ["CEddy", "Clibuv", "EddySwitch", "Synchronization"]

/// EddyCore's own door to malloc, which can fail.
private let memorySeam = "Memory"

func subsetViolations(_ source: Source) -> [Violation] {
  guard source.isCore else { return [] }
  var found: [Violation] = []
  func add(_ line: Int, _ message: String) {
    found.append(Violation(path: source.path, line: line, rule: "subset", message: message))
  }
  let tokens = source.tokens
  for (index, token) in tokens.enumerated() {
    let next = index + 1 < tokens.count ? tokens[index + 1].text : ""
    let previous = index > 0 ? tokens[index - 1].text : ""
    if let why = forbiddenWords[token.text], !(previous == "." && next != "(") {
      add(token.line, "\(token.text) \(why)")
    }
    switch token.text {
    case "allocate"
    where previous == "." && next == "(" && tokens[index - 2].text != memorySeam:
      add(token.line, ".allocate dies silently when memory is out")
    case "import" where !allowedImports.contains(next):
      add(token.line, "import \(next)")
    case "[" where opensArray(after: index > 0 ? tokens[index - 1] : nil, line: token.line):
      add(token.line, "an array type, an array literal or a capture list")
    default: break
    }
  }
  for line in source.interpolations { add(line, "interpolation builds a String") }
  return found
}

/// A `[` indexes something if it follows a name, a closing bracket or an optional's mark; after
/// anything else it opens an array or a capture list.
private func opensArray(after previous: Token?, line: Int) -> Bool {
  guard let previous else { return true }
  let words: Set<String> = ["return", "in", "is", "as", "case", "where", "else", "if", "while"]
  if words.contains(previous.text) { return true }
  guard let last = previous.text.last else { return true }
  let closes: Set<Character> = [")", "]", "}", "?", "!", "_", "`"]
  return !(last.isLetter || last.isNumber || closes.contains(last))
}
