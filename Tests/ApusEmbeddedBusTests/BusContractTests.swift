// SPDX-License-Identifier: Apache-2.0

// The contract of transports, held against the engine in the process: in memory and on files, with one partition and with several.

import ApusBus
import ApusEmbeddedBus
import ApusTesting
import Foundation
import Logging
import Testing

@Suite(.timeLimit(.minutes(5))) struct BusContractTests {
    @Test(arguments: BusContract.all, ["memory:", "memory:?partitions=3&deduplicate=10m"])
    func `a bus in memory keeps its word`(_ promise: BusContract.Promise, _ url: String) async throws {
        try await promise.run(BusContract.Subject { try await Self.open(url) })
    }

    @Test(arguments: BusContract.all)
    func `a bus in memory that has a name keeps its word`(_ promise: BusContract.Promise) async throws {
        let url = "memory:contract-\(UInt64.random(in: .min ... .max))"
        try await promise.run(BusContract.Subject { try await Self.open(url) })
    }

    @Test(arguments: BusContract.all, ["", "?partitions=3&durability=none&deduplicate=10m"])
    func `a bus on files keeps its word`(_ promise: BusContract.Promise, _ query: String) async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/apus-bus-\(UUID())"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let open: @Sendable () async throws -> any BusTransport = {
            try await Self.open("file://\(folder)\(query)")
        }
        try await promise.run(BusContract.Subject(reopen: open, open: open))
    }

    static func open(_ url: String) async throws -> any BusTransport {
        let options = ConnectionOptions(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        return try await TransportScheme.connect(try BusURL(url), among: [.memory, .file], options)
    }
}
