// Shows that each rule finds what it is for: small files that break the rules, and what must be
// said of them, no more and no less. Each line that breaks a rule is marked with the rule's name.

private struct Sample {
  let path: String
  let text: String
}

private let mark = "//!"

/// `//! rule` at the end of a line expects that rule's violation there; it is cut off before the
/// rules see the line.
private let samples = [
  Sample(
    path: "Sources/EddyCore/Support/Bad.swift",
    text: """
      // Opens as it should.
      import Foundation //! subset
      struct Early { func shared() {} }
      class Counted {} //! subset
      func early(_ list: [Int]) { //! subset
        print(list) //! subset
        late() //! layer-direction
        let p = UnsafeMutablePointer<Int>.allocate(capacity: 1) //! subset
        let q = p[0] + list.first!
        let s = "the words class, any and uv_run /* in a literal */ are free"
        let t = "\\(q)" //! subset
        /* so are uv_run and Array in a comment /* even nested */ uv_close */
        uv_run(nil, 0) //! uv-boundary
        eddy_sw_switch(nil, nil) //! switch-boundary
        var later: Late? //! layer-direction
        early.lateMember() //! layer-direction
        later.store(1)
        shared()
        hidden()
        run { [q] in q } //! subset
        let r: any Error //! subset
      }
      """),
  Sample(
    path: "Sources/EddyCore/IO/Good.swift",
    text: #"""
      // Opens as it should.
      import CEddy
      struct Late {}
      func late() { uv_run(nil, 0) }
      private func hidden() {}
      func shared() { func inner() {} }
      extension Late {
        func lateMember() {}
        func store() {}
      }
      let text: StaticString = "a \" quote, then Array"
      let raw: StaticString = #"a " quote, then Array and \( too"#
      """#),
  Sample(
    path: "Sources/EddyCore/Sync/Stray.swift",
    text: "// No such layer. //! layer-folder"),
  Sample(
    path: "Sources/EddyCore/ABI/Policy.swift",
    text: "// Twenty-six lines of body.\nfunc policy() { //! abi-policy\n"
      + String(repeating: "  _ = 1\n", count: 26) + "}"),
  Sample(
    path: "Tests/Other/Long.swift",
    text: "import Testing //! opening\nfunc long() { //! function-length\n"
      + String(repeating: "  let a = { b }\n", count: 49) + "}\n"
      + "// " + String(repeating: "x", count: 98) + " //! line-length"),
  Sample(
    path: "Tests/C/long.c",
    text: "/* C. */\n#define BRACE {\nstruct a { int b; };\nint c[] = { '{', 1 };\n"
      + "static int\nshort_one(int x) { return x; }\n"
      + "static int //! function-length\nlong_one(int x)\n{\n"
      + String(repeating: "    if (x) { x = '\"'; }\n", count: 48) + "}"),
  Sample(
    path: "Tests/Other/Many.swift",
    text: "// Too many lines.\n" + String(repeating: "let a = 1\n", count: 399)
      + "let b = 1 //! file-length"),
  Sample(
    path: "Sources/EddyCore/Loop/stray.c", text: "/* C here. */ //! c-place"),
  Sample(
    path: "Scripts/paths.sh",
    text: "#!/bin/sh\n# Opens.\ncd /wo" + "rk/main //! machine\ncd build/wo" + "rk\n"
      + "mktemp /tm" + "p/x.XXXX\necho > /tm" + "p/x //! machine\nget https://pypi"
      + ".org //! machine"
  ),
]

/// Prints what differs; true if nothing does.
func selfCheck() -> Bool {
  var expected: Set<String> = []
  var sources: [Source] = []
  for sample in samples {
    var kept: [String] = []
    for (index, line) in sample.text.split(separator: "\n", omittingEmptySubsequences: false)
      .enumerated()
    {
      let parts = split(String(line))
      if let rule = parts.rule { expected.insert("\(sample.path):\(index + 1): \(rule)") }
      kept.append(parts.code)
    }
    sources.append(Source(path: sample.path, text: kept.joined(separator: "\n")))
  }
  let found = Set(violations(sources).map { "\($0.path):\($0.line): \($0.rule)" })
  for text in expected.subtracting(found).sorted() { print("not found: \(text)") }
  for text in found.subtracting(expected).sorted() { print("found in error: \(text)") }
  return found == expected
}

private func split(_ line: String) -> (code: String, rule: String?) {
  guard let start = line.indices.first(where: { line[$0...].hasPrefix(mark) }) else {
    return (line, nil)
  }
  var code = String(line[..<start])
  while code.last == " " { code.removeLast() }
  return (code, String(line[start...].dropFirst(mark.count + 1)))
}
