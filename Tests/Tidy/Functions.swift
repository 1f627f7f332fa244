// Finds the functions of a Swift or C file, by tokens.

struct Function {
  let name: String
  let firstLine: Int
  /// The line of the opening brace, and of the closing one.
  let openLine: Int
  let lastLine: Int

  var lineCount: Int { lastLine - firstLine + 1 }
  /// Lines between the braces.
  var bodyLineCount: Int { max(0, lastLine - openLine - 1) }
}

extension Source {
  var functions: [Function] {
    switch language {
    case .swift: swiftFunctions()
    case .c: cFunctions()
    default: []
    }
  }

  private func swiftFunctions() -> [Function] {
    let keywords: Set<String> = ["func", "init", "deinit", "subscript"]
    var found: [Function] = []
    for (index, token) in tokens.enumerated() where keywords.contains(token.text) {
      if index > 0, tokens[index - 1].text == "." { continue }
      guard let open = bodyStart(after: index), let close = matchingBrace(open) else { continue }
      let name = token.text == "func" ? tokens[index + 1].text : token.text
      found.append(
        Function(
          name: name, firstLine: token.line, openLine: tokens[open].line,
          lastLine: tokens[close].line))
    }
    return found
  }

  /// The `{` of the declaration whose keyword is at `index`; nil where it has no body.
  private func bodyStart(after index: Int) -> Int? {
    let ends: Set<String> = [
      "}", "func", "var", "let", "case", "struct", "enum", "extension", "protocol", "static",
    ]
    var depth = 0
    for position in (index + 1)..<max(index + 1, tokens.count) {
      switch tokens[position].text {
      case "(", "[": depth += 1
      case ")", "]": depth -= 1
      case "{" where depth == 0: return position
      case let text where depth == 0 && ends.contains(text): return nil
      default: break
      }
      if depth < 0 { return nil }
    }
    return nil
  }

  /// At file level a `{` after `)` opens a function; any other opens a type, an initialiser or
  /// `extern "C"`, which is looked into.
  private func cFunctions() -> [Function] {
    var found: [Function] = []
    var position = 0
    var first = 0
    while position < tokens.count {
      let text = tokens[position].text
      if text == "{", position > 0, tokens[position - 1].text == ")",
        let close = matchingBrace(position)
      {
        found.append(
          Function(
            name: cName(before: position, from: first), firstLine: tokens[first].line,
            openLine: tokens[position].line, lastLine: tokens[close].line))
        position = close
        first = close + 1
      } else if text == "{", let close = matchingBrace(position),
        position == 0 || tokens[position - 1].text != "\""
      {
        position = close
      } else if text == ";" || text == "{" || text == "}" {
        first = position + 1
      }
      position += 1
    }
    return found
  }

  private func cName(before open: Int, from first: Int) -> String {
    let paren = tokens[first..<open].firstIndex { $0.text == "(" } ?? open
    return paren > first ? tokens[paren - 1].text : "?"
  }

  func matchingBrace(_ open: Int) -> Int? {
    var depth = 0
    for position in open..<tokens.count {
      if tokens[position].text == "{" { depth += 1 }
      if tokens[position].text == "}" {
        depth -= 1
        if depth == 0 { return position }
      }
    }
    return nil
  }
}
