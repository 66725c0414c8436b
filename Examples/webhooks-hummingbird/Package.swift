// swift-tools-version: 6.2
// Webhooks on Hummingbird: an adapter, and a shop that uses it. A package of its own, so that nobody who does not have Hummingbird fetches or builds it for
// the sake of Apus.

import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "webhooks-hummingbird",
    products: [
        .library(name: "ApusWebhookHummingbird", targets: ["ApusWebhookHummingbird"]),
        .executable(name: "webhooks-hummingbird", targets: ["webhooks-hummingbird"]),
    ],
    dependencies: [
        .package(name: "apus", path: "../.."),
        // Without the traits that it has by itself: nothing here reads a configuration by swift-configuration.
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    ],
    targets: [
        // The adapter: one file, which can as well be copied.
        .target(
            name: "ApusWebhookHummingbird",
            dependencies: [
                .product(name: "ApusWebhook", package: "apus"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"),
            ], swiftSettings: settings),
        // A shop that is told of orders by webhook.
        .executableTarget(
            name: "webhooks-hummingbird",
            dependencies: [
                "ApusWebhookHummingbird",
                .product(name: "Apus", package: "apus"), .product(name: "ApusWebhook", package: "apus"),
                .product(name: "Hummingbird", package: "hummingbird"),
            ], swiftSettings: settings),
        .testTarget(
            name: "ApusWebhookHummingbirdTests",
            dependencies: [
                "ApusWebhookHummingbird",
                .product(name: "Apus", package: "apus"), .product(name: "ApusWebhook", package: "apus"),
                .product(name: "CloudEvents", package: "apus"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdTesting", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"),
            ], swiftSettings: settings),
    ]
)
