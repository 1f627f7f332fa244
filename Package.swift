// swift-tools-version: 6.2
// The core as ordinary Swift: for development, `swift test` and Swift programs. The shipped
// libeddy.so is built from the same sources as Embedded Swift by the Makefile.

import PackageDescription

let package = Package(
  name: "eddy",
  products: [
    .library(name: "EddyCore", targets: ["EddyCore"]),
    // The same core for C programs; named apart from the shipped libeddy.so. The C tests link it.
    .library(name: "EddyCoreDynamic", type: .dynamic, targets: ["EddyCore"]),
  ],
  targets: [
    .systemLibrary(name: "CEddy", path: "Include"),
    .systemLibrary(
      name: "Clibuv",
      path: "Sources/Clibuv",
      pkgConfig: "libuv",
      providers: [.apt(["libuv1-dev"])]
    ),
    .target(
      name: "EddySwitch",
      dependencies: ["CEddy"],
      path: "Sources/EddySwitch",
      cSettings: [.headerSearchPath("../../Include")]
    ),
    .target(
      name: "EddyCore",
      dependencies: ["CEddy", "Clibuv", "EddySwitch"],
      path: "Sources/EddyCore",
      swiftSettings: [.treatWarning("EmbeddedRestrictions", as: .error)]
    ),
    .testTarget(
      name: "EddyCoreTests",
      dependencies: ["EddyCore", "CEddy"],
      path: "Tests/EddyCoreTests"
    ),
  ],
  swiftLanguageModes: [.v6]
)
