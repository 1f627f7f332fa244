// One file as the rules see it: its lines, the same lines with comments and literals blanked out,
// and the tokens of what is left.
//
// Invariants: code[i] belongs to lines[i]; blanking keeps line breaks, so line numbers agree.

enum Language {
  case swift, c, assembly, shell, other

  init(path: String) {
    switch path.split(separator: ".").last {
    case "swift": self = .swift
    case "c", "h", "cpp", "hpp", "cc": self = .c
    case "S", "s": self = .assembly
    case "sh", "awk": self = .shell
    default: self = .other
    }
  }
}

/// A word or a single punctuation character.
struct Token: Equatable {
  let text: String
  let line: Int
}

struct Source {
  let path: String
  let language: Language
  let lines: [String]
  let code: [String]
  let tokens: [Token]
  /// Line numbers of `\(` inside string literals.
  let interpolations: [Int]

  init(path: String, text: String) {
    self.path = path
    language = Language(path: path)
    lines = Source.split(text)
    switch language {
    case .swift, .c, .assembly:
      var blanker = Blanker(text: text, isSwift: language == .swift)
      code = Source.split(blanker.run())
      interpolations = blanker.interpolations
    case .shell, .other:
      code = lines
      interpolations = []
    }
    tokens = Source.tokenize(code, directives: language == .c || language == .assembly)
  }

  /// The folder of Sources/EddyCore that the file is in, if any.
  var layer: String? {
    let parts = path.split(separator: "/")
    guard parts.count > 3, parts[0] == "Sources", parts[1] == "EddyCore" else { return nil }
    return String(parts[2])
  }

  var isCore: Bool { path.hasPrefix("Sources/EddyCore/") && language == .swift }

  private static func split(_ text: String) -> [String] {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    if lines.last == "" { lines.removeLast() }
    return lines
  }

  /// Preprocessor directives, with their continuation lines, give no tokens.
  private static func tokenize(_ code: [String], directives: Bool) -> [Token] {
    var tokens: [Token] = []
    var inDirective = false
    for (index, line) in code.enumerated() {
      if directives, inDirective || line.first(where: { $0 != " " && $0 != "\t" }) == "#" {
        inDirective = line.last == "\\"
        continue
      }
      var word = ""
      for character in line {
        if character.isLetter || character.isNumber || character == "_" {
          word.append(character)
          continue
        }
        if !word.isEmpty { tokens.append(Token(text: word, line: index + 1)) }
        word = ""
        if character != " " && character != "\t" {
          tokens.append(Token(text: String(character), line: index + 1))
        }
      }
      if !word.isEmpty { tokens.append(Token(text: word, line: index + 1)) }
    }
    return tokens
  }
}
