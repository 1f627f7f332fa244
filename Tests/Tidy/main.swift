// Tidy: holds the rules of the source tree that a compiler does not; run at the repository's root.
// Violations are printed as file:line: rule: what. Exit status 1 if there are any.
// usage: tidy [--self-check]

import Foundation

func violations(_ sources: [Source]) -> [Violation] {
  var found = layerViolations(sources)
  for source in sources {
    found += sizeViolations(source) + boundaryViolations(source) + placeViolations(source)
    found += machineViolations(source) + subsetViolations(source)
  }
  return found.sorted { ($0.path, $0.line, $0.rule) < ($1.path, $1.line, $1.rule) }
}

/// Every text file below the current folder but what is built, in order.
private func repositoryPaths() -> [String] {
  guard let walk = FileManager.default.enumerator(atPath: ".") else { return [] }
  var paths: [String] = []
  for case let path as String in walk {
    let name = path.split(separator: "/").last ?? ""
    if name == ".git" || name == "build" || name.hasPrefix(".build") {
      walk.skipDescendants()
      continue
    }
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue {
      paths.append(path)
    }
  }
  return paths.sorted()
}

if CommandLine.arguments.contains("--self-check") { exit(selfCheck() ? 0 : 1) }

private let sources = repositoryPaths().compactMap { path in
  FileManager.default.contents(atPath: path)
    .flatMap { String(data: $0, encoding: .utf8) }
    .map { Source(path: path, text: $0) }
}
private let found = violations(sources)
for violation in found { print(violation.text) }
print("tidy: \(sources.count) files, \(found.count) violations")
exit(found.isEmpty ? 0 : 1)
