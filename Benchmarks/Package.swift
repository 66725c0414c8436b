// swift-tools-version: 6.1
// Benchmarks, in a package of their own so that nobody who uses Apus resolves what they need.
// How to run them: README.md.

import PackageDescription

let benchmark = Target.Dependency.product(name: "Benchmark", package: "benchmark")
// The modules that are measured; the product exists for this package only.
let measured = Target.Dependency.product(name: "ApusMeasured", package: "apus")
let plugin = Target.PluginUsage.plugin(name: "BenchmarkPlugin", package: "benchmark")

let package = Package(
    name: "apus-benchmarks",
    dependencies: [
        .package(name: "apus", path: ".."),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        // No traits: counting allocations would need an interposed allocator.
        .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: []),
    ],
    targets: [
        .executableTarget(
            name: "append", dependencies: [measured, .product(name: "Logging", package: "swift-log")],
            path: "Append",
            swiftSettings: [.swiftLanguageMode(.v6)]),
        .executableTarget(
            name: "bus",
            dependencies: [
                measured, .product(name: "Apus", package: "apus"),
                .product(name: "Logging", package: "swift-log"),
            ], path: "Bus", swiftSettings: [.swiftLanguageMode(.v6)]),
        .executableTarget(
            name: "rules", dependencies: [measured], path: "Rules", swiftSettings: [.swiftLanguageMode(.v6)]),
        .executableTarget(
            name: "schema", dependencies: [measured], path: "Schema",
            exclude: ["order.schema.json", "schema.py"], swiftSettings: [.swiftLanguageMode(.v6)]),
        .executableTarget(
            name: "typed",
            dependencies: [
                .product(name: "Apus", package: "apus"), .product(name: "Logging", package: "swift-log"),
            ], path: "Typed", swiftSettings: [.swiftLanguageMode(.v6)]),
        .executableTarget(
            name: "Checksums", dependencies: [benchmark, measured], path: "Benchmarks/Checksums",
            swiftSettings: [.swiftLanguageMode(.v6)], plugins: [plugin]),
        .executableTarget(
            name: "JSON", dependencies: [benchmark, measured], path: "Benchmarks/JSON",
            swiftSettings: [.swiftLanguageMode(.v6)], plugins: [plugin]),
    ]
)
