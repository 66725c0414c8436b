// swift-tools-version: 6.2
// The outbox in a database that an application uses through GRDB, and a shop that has one. A package of its own, so that nobody who does not have GRDB fetches
// or builds it for the sake of Apus.

import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "outbox-grdb",
    products: [
        .library(name: "ApusOutboxGRDB", targets: ["ApusOutboxGRDB"]),
        .executable(name: "outbox-grdb", targets: ["outbox-grdb"]),
    ],
    dependencies: [
        .package(name: "apus", path: "../.."),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ],
    targets: [
        // The outbox: one file, which can as well be copied.
        .target(
            name: "ApusOutboxGRDB",
            dependencies: [
                .product(name: "Apus", package: "apus"), .product(name: "CloudEvents", package: "apus"),
                .product(name: "GRDB", package: "GRDB.swift"),
            ], swiftSettings: settings),
        // A shop whose orders and events are written together.
        .executableTarget(
            name: "outbox-grdb",
            dependencies: [
                "ApusOutboxGRDB",
                .product(name: "Apus", package: "apus"), .product(name: "GRDB", package: "GRDB.swift"),
            ], swiftSettings: settings),
        .testTarget(
            name: "ApusOutboxGRDBTests",
            dependencies: [
                "ApusOutboxGRDB",
                .product(name: "Apus", package: "apus"), .product(name: "ApusTesting", package: "apus"),
                .product(name: "GRDB", package: "GRDB.swift"),
            ], swiftSettings: settings),
    ]
)
