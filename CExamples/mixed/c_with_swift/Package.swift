// swift-tools-version: 6.2
// A small dynamic library in Swift for C programs. It links the installed libeddy, as the C program
// does, so that there is one runtime in the process; a second copy would be refused with
// EDDY_EBUSY.

import PackageDescription

let package = Package(
  name: "swift-tasks",
  products: [.library(name: "SwiftTasks", type: .dynamic, targets: ["SwiftTasks"])],
  dependencies: [.package(name: "eddy", path: "../../..", traits: ["InstalledCore"])],
  targets: [
    .target(name: "SwiftTasks", dependencies: [.product(name: "Eddy", package: "eddy")])
  ],
  swiftLanguageModes: [.v6]
)
