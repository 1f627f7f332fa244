// Blanks comments and the insides of literals of Swift and C out of a text, keeping its line breaks
// and its quotes. It knows nested comments, raw and multi-line Swift literals and interpolations.

struct Blanker {
  private let input: [UInt8]
  private let isSwift: Bool
  private var output: [UInt8] = []
  private var position = 0
  private var line = 1
  private(set) var interpolations: [Int] = []

  init(text: String, isSwift: Bool) {
    input = Array(text.utf8)
    self.isSwift = isSwift
    output.reserveCapacity(input.count)
  }

  mutating func run() -> String {
    while position < input.count { step() }
    return String(decoding: output, as: UTF8.self)
  }

  private mutating func step() {
    if starts(with: "//") {
      while position < input.count, input[position] != UInt8(ascii: "\n") { blank() }
    } else if starts(with: "/*") {
      blankComment()
    } else if let hashes = stringStart() {
      blankString(hashes: hashes)
    } else if !isSwift, input[position] == UInt8(ascii: "'") {
      blankCharacter()
    } else {
      keep()
    }
  }

  private mutating func blankComment() {
    var depth = 0
    repeat {
      if starts(with: "/*") {
        depth = isSwift ? depth + 1 : 1
        blank(2)
      } else if starts(with: "*/") {
        depth -= 1
        blank(2)
      } else {
        blank()
      }
    } while depth > 0 && position < input.count
  }

  /// How many `#` open the literal that begins here; nil if none begins here.
  private func stringStart() -> Int? {
    var hashes = 0
    while isSwift, byte(position + hashes) == UInt8(ascii: "#") { hashes += 1 }
    return byte(position + hashes) == UInt8(ascii: "\"") ? hashes : nil
  }

  private mutating func blankString(hashes: Int) {
    let escape = "\\" + String(repeating: "#", count: hashes)
    for _ in 0..<hashes { blank() }
    let isLong = isSwift && starts(with: "\"\"\"")
    let quote = isLong ? "\"\"\"" : "\""
    let end = quote + String(repeating: "#", count: hashes)
    for _ in quote.utf8 { keep() }
    while position < input.count, !starts(with: end) {
      if !isLong, input[position] == UInt8(ascii: "\n") { return }
      if isSwift, starts(with: escape + "(") {
        interpolations.append(line)
        blank(escape.utf8.count)
        blankInterpolation()
      } else if starts(with: escape) {
        blank(escape.utf8.count + 1)
      } else {
        blank()
      }
    }
    for _ in quote.utf8 where position < input.count { keep() }
    for _ in 0..<hashes { blank() }
  }

  private mutating func blankInterpolation() {
    var depth = 0
    repeat {
      if let hashes = stringStart() {
        blankString(hashes: hashes)
        continue
      }
      if byte(position) == UInt8(ascii: "(") { depth += 1 }
      if byte(position) == UInt8(ascii: ")") { depth -= 1 }
      blank()
    } while depth > 0 && position < input.count
  }

  private mutating func blankCharacter() {
    keep()
    while position < input.count, input[position] != UInt8(ascii: "'"),
      input[position] != UInt8(ascii: "\n")
    {
      blank(input[position] == UInt8(ascii: "\\") ? 2 : 1)
    }
    if byte(position) == UInt8(ascii: "'") { keep() }
  }

  private func byte(_ index: Int) -> UInt8? { index < input.count ? input[index] : nil }

  private func starts(with text: String) -> Bool {
    input[position...].starts(with: text.utf8)
  }

  private mutating func blank(_ count: Int = 1) {
    for _ in 0..<count where position < input.count {
      let isBreak = input[position] == UInt8(ascii: "\n")
      if isBreak { line += 1 }
      output.append(isBreak ? UInt8(ascii: "\n") : UInt8(ascii: " "))
      position += 1
    }
  }

  private mutating func keep() {
    if input[position] == UInt8(ascii: "\n") { line += 1 }
    output.append(input[position])
    position += 1
  }
}
