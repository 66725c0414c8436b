// swift-tools-version: 6.2
// The fuzzer, in a package of its own: it has no main function of its own (libFuzzer brings one), which no
// ordinary build could link. How to run it: scripts/fuzz.

import PackageDescription

let package = Package(
    name: "apus-fuzz",
    dependencies: [.package(name: "apus", path: "..")],
    targets: [
        .executableTarget(
            name: "fuzz", dependencies: [.product(name: "ApusFuzzTargets", package: "apus")],
            swiftSettings: [.swiftLanguageMode(.v6), .unsafeFlags(["-parse-as-library"])])
    ]
)
