// swift-tools-version: 6.2
// A server whose handler does nothing, to measure what the HTTP edge itself costs. Its own package, so that
// the main one builds no benchmark.

import PackageDescription

let package = Package(
    name: "http-floor",
    dependencies: [
        .package(name: "apus", path: "../.."),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    ],
    targets: [
        .executableTarget(
            name: "http-floor",
            dependencies: [
                .product(name: "ApusHTTPServer", package: "apus"),
                .product(name: "NIOCore", package: "swift-nio"),
            ], swiftSettings: [.swiftLanguageMode(.v6)])
    ]
)
