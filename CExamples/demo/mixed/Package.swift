// swift-tools-version: 6.2
// The mixed demo as a package of its own, as a user would have it: a C target and a Swift program
// that both stand on the installed libeddy. `make demo` builds it against build/stage.

import PackageDescription

let package = Package(
  name: "mixed-demo",
  dependencies: [.package(name: "eddy", path: "../../..", traits: ["InstalledCore"])],
  targets: [
    .target(name: "DemoC", dependencies: [.product(name: "Eddy", package: "eddy")]),
    .executableTarget(
      name: "mixed-demo",
      dependencies: ["DemoC", .product(name: "Eddy", package: "eddy")]
    ),
  ],
  swiftLanguageModes: [.v6]
)
