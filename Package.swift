// swift-tools-version: 6.2
// The core as ordinary Swift: for development, `swift test` and Swift programs. The shipped
// libeddy.so is built from the same sources as Embedded Swift by the Makefile.

import PackageDescription

let package = Package(
  name: "eddy",
  products: [
    .library(name: "Eddy", targets: ["Eddy"]),
    .library(name: "EddyCore", targets: ["EddyCore"]),
    // The same core for C programs; named apart from the shipped libeddy.so. The C tests link it.
    .library(name: "EddyCoreDynamic", type: .dynamic, targets: ["EddyCore"]),
  ],
  traits: [
    .trait(name: "BundledCore", description: "Eddy brings the core along, built from source."),
    .trait(
      name: "InstalledCore",
      description: "Eddy links the installed libeddy, found by pkg-config. Not with BundledCore."),
    .default(enabledTraits: ["BundledCore"]),
  ],
  targets: [
    // A target with a header alone, and not a system library: C targets of a client find eddy.h so.
    .target(name: "CEddy", path: "Include", publicHeadersPath: "."),
    .systemLibrary(name: "CEddyInstalled", path: "Sources/CEddyInstalled", pkgConfig: "eddy"),
    .target(
      name: "Eddy",
      dependencies: [
        "CEddy",
        .target(name: "EddyCore", condition: .when(traits: ["BundledCore"])),
        .target(name: "CEddyInstalled", condition: .when(traits: ["InstalledCore"])),
      ],
      path: "Sources/Eddy"
    ),
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
    .executableTarget(
      name: "eddy-one-thread",
      dependencies: ["Eddy", "CEddy"],
      path: "Tests/Programs/OneThread"
    ),
    .executableTarget(
      name: "eddy-signals",
      dependencies: ["Eddy", "CEddy"],
      path: "Tests/Programs/Signals"
    ),
    .executableTarget(
      name: "eddy-soak",
      dependencies: ["Eddy", "CEddy"],
      path: "Tests/Programs/Soak"
    ),
    .testTarget(
      name: "EddyTests",
      dependencies: ["Eddy", "CEddy", "eddy-one-thread", "eddy-signals"],
      path: "Tests/EddyTests"
    ),
    .testTarget(
      name: "EddyCoreTests",
      dependencies: [
        "CEddy",
        .target(name: "EddyCore", condition: .when(traits: ["BundledCore"])),
      ],
      path: "Tests/EddyCoreTests"
    ),
  ],
  swiftLanguageModes: [.v6]
)
