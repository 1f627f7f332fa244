// Sizes: of files, functions and lines; and that a file opens by saying what it is.

struct Violation {
  let path: String
  let line: Int
  let rule: String
  let message: String

  var text: String { "\(path):\(line): \(rule): \(message)" }
}

private let fileLineLimit = 400
private let functionLineLimit = 50
private let columnLimit = 100
/// Functions of ABI/ convert and call; one that is longer decides something.
private let abiBodyLimit = 25

func sizeViolations(_ source: Source) -> [Violation] {
  guard source.language != .other else { return [] }
  var found: [Violation] = []
  func add(_ line: Int, _ rule: String, _ message: String) {
    found.append(Violation(path: source.path, line: line, rule: rule, message: message))
  }
  // The header is one document, however long.
  if source.lines.count > fileLineLimit, !source.path.hasPrefix("Include/") {
    add(source.lines.count, "file-length", "\(source.lines.count) lines, not \(fileLineLimit)")
  }
  for (index, line) in source.lines.enumerated() where line.count > columnLimit {
    add(index + 1, "line-length", "\(line.count) columns, not \(columnLimit)")
  }
  for function in source.functions {
    if function.lineCount > functionLineLimit {
      add(
        function.firstLine, "function-length",
        "\(function.name) has \(function.lineCount) lines, not \(functionLineLimit)")
    }
    if source.layer == "ABI", function.bodyLineCount > abiBodyLimit {
      add(
        function.firstLine, "abi-policy",
        "\(function.name)'s body has \(function.bodyLineCount) lines, not \(abiBodyLimit)")
    }
  }
  if !opensWithComment(source) { add(1, "opening", "the file does not open with a comment") }
  return found
}

private func opensWithComment(_ source: Source) -> Bool {
  var lines = source.lines[...]
  if source.language == .shell, lines.first?.hasPrefix("#!") == true { lines.removeFirst() }
  guard let first = lines.first(where: { !$0.isEmpty }) else { return false }
  switch source.language {
  case .shell: return first.hasPrefix("#")
  case .assembly: return first.hasPrefix("/*") || first.hasPrefix("//") || first.hasPrefix("#")
  default: return first.hasPrefix("/*") || first.hasPrefix("//")
  }
}
