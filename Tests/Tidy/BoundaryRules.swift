// Boundaries: who may mention libuv and the switch, where C may be, and that no file names a
// machine.

/// Words with these prefixes belong to these layers of EddyCore, and to nobody else in Sources.
private struct Reserved {
  let rule: String
  let prefixes: [String]
  let layers: Set<String>
}

private let reserved = [
  Reserved(rule: "uv-boundary", prefixes: ["uv_", "UV_"], layers: ["Loop", "IO"]),
  Reserved(
    rule: "switch-boundary",
    prefixes: ["eddy_sw_switch", "eddy_sw_exit", "eddy_sw_fiber"], layers: ["Task"]),
]

func boundaryViolations(_ source: Source) -> [Violation] {
  guard source.path.hasPrefix("Sources/") else { return [] }
  var found: [Violation] = []
  for rule in reserved where !rule.layers.contains(source.layer ?? "") {
    if rule.rule == "switch-boundary", source.path.hasPrefix("Sources/EddySwitch/") { continue }
    for token in source.tokens where rule.prefixes.contains(where: token.text.hasPrefix) {
      found.append(
        Violation(
          path: source.path, line: token.line, rule: rule.rule,
          message: "\(token.text) outside \(rule.layers.sorted().joined(separator: ", "))"))
    }
  }
  return found
}

func placeViolations(_ source: Source) -> [Violation] {
  let homes = [
    "Sources/EddySwitch/", "Sources/Clibuv/", "Tests/", "CExamples/", "Benchmarks/", "Include/",
  ]
  guard source.language == .c || source.language == .assembly,
    !homes.contains(where: source.path.hasPrefix)
  else { return [] }
  return [Violation(path: source.path, line: 1, rule: "c-place", message: "C is not kept here")]
}

// Written in two parts each, so that this file does not break its own rule.
private let machineFolders = [
  "/wo" + "rk", "/ro" + "ot", "/ho" + "me", "/Us" + "ers", "/opt/sw" + "ift",
]
private let temporaryFolder = "/tm" + "p/"
private let registryHosts = [
  "crates" + ".io", "pypi" + ".org", "npmjs" + ".com", "npmjs" + ".org", "ghcr" + ".io",
  "docker" + ".io", "quay" + ".io", "proxy.golang" + ".org", "rubygems" + ".org",
  "deb.debian" + ".org",
]

func machineViolations(_ source: Source) -> [Violation] {
  var found: [Violation] = []
  func add(_ line: Int, _ name: String) {
    found.append(
      Violation(
        path: source.path, line: line, rule: "machine", message: "names \(name)"))
  }
  for (index, line) in source.lines.enumerated() where line.utf8.contains(UInt8(ascii: "/")) {
    for folder in machineFolders where names(line, folder: folder) { add(index + 1, folder) }
    if names(line, folder: temporaryFolder), !line.contains("mktemp"), !line.contains("mkdtemp"),
      !line.contains("mkstemp")
    {
      add(index + 1, temporaryFolder)
    }
  }
  for (index, line) in source.lines.enumerated() where line.utf8.contains(UInt8(ascii: ".")) {
    for host in registryHosts where line.contains(host) { add(index + 1, host) }
  }
  return found
}

/// Whether the line has the absolute path: not the tail of a longer one, nor the start of a longer
/// name.
private func names(_ line: String, folder: String) -> Bool {
  guard line.contains(folder) else { return false }
  let bytes = Array(line.utf8)
  let wanted = Array(folder.utf8)
  guard bytes.count >= wanted.count else { return false }
  for start in 0...(bytes.count - wanted.count)
  where bytes[start..<start + wanted.count].elementsEqual(wanted) {
    let end = start + wanted.count
    let before = start == 0 || !isPathByte(bytes[start - 1])
    let after = folder.hasSuffix("/") || end == bytes.count || !isNameByte(bytes[end])
    if before && after { return true }
  }
  return false
}

private func isNameByte(_ byte: UInt8) -> Bool {
  switch byte {
  case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
    true
  default: false
  }
}

private func isPathByte(_ byte: UInt8) -> Bool {
  isNameByte(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "/")
    || byte == UInt8(ascii: "}") || byte == UInt8(ascii: ")")
}
