// swift-tools-version: 6.2
// A Swift program with a C target in its package. Run it from the repository with
//   swift run --package-path CExamples/mixed/swift_with_c
// It brings Eddy's core along, built from source; add traits: ["InstalledCore"] to the dependency
// to link the installed libeddy instead.

import PackageDescription

let package = Package(
  name: "swift-with-c",
  dependencies: [.package(name: "eddy", path: "../../..")],
  targets: [
    .target(name: "Counting", dependencies: [.product(name: "Eddy", package: "eddy")]),
    .executableTarget(
      name: "swift-with-c",
      dependencies: ["Counting", .product(name: "Eddy", package: "eddy")]
    ),
  ],
  swiftLanguageModes: [.v6]
)
