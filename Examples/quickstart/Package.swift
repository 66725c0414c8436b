// swift-tools-version: 6.2
// The smallest application on Apus: what it needs is what an application needs that imports only `Apus`.

import PackageDescription

let package = Package(
    name: "quickstart",
    dependencies: [.package(name: "apus", path: "../..")],
    targets: [
        .executableTarget(
            name: "quickstart", dependencies: [.product(name: "Apus", package: "apus")],
            swiftSettings: [.swiftLanguageMode(.v6)])
    ]
)
