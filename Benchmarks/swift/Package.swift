// swift-tools-version: 6.2
// The benchmarks of the Swift layer: a package of its own, as a user's program is one.

import PackageDescription

let package = Package(
  name: "eddy-swift-bench",
  dependencies: [.package(name: "eddy", path: "../..")],
  targets: [
    .executableTarget(
      name: "eddy-swift-bench",
      dependencies: [.product(name: "Eddy", package: "eddy")])
  ],
  swiftLanguageModes: [.v6]
)
