// SPDX-License-Identifier: Apache-2.0

// "Choosing a broker" says of each broker what programs are checked against.

import Apus
import ApusBus
import ApusTransports
import Foundation
import Testing

@Suite struct CapabilityTableTests {
    /// A table as columns, by their titles.
    private static func columns(_ table: some StringProtocol) -> [String: [String]] {
        let rows = table.split(separator: "\n").map { row in
            row.split(separator: "|", omittingEmptySubsequences: false).dropFirst().dropLast().map {
                $0.trimmingCharacters(in: .whitespaces)
            }
        }
        guard let titles = rows.first else { return [:] }
        var columns: [String: [String]] = [:]
        for (index, title) in titles.enumerated() {
            columns[title] = rows.dropFirst().map { index < $0.count ? $0[index] : "" }
        }
        return columns
    }

    private static var page: String {
        get throws {
            try String(
                contentsOf: URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                    .deletingLastPathComponent().appending(path: "Sources/Apus/Apus.docc/ChoosingABroker.md"),
                encoding: .utf8)
        }
    }

    @Test func `the table says what each transport can do`() throws {
        let page = try Self.page
        let table = try #require(page.firstMatch(of: #/(?m)^\| can it do \| `memory`.*\n(\|.*\n)+/#)).output.0
        let written = Self.columns(table)
        let actual = Self.columns([TransportScheme].every.capabilityTable)
        for (title, cells) in actual {
            #expect(written[title] == cells, "\(title): print the table with apus-bus-check --capabilities")
        }
        let surplus = Set(written.keys).subtracting(actual.keys)
        #expect(surplus.isEmpty, "these transports are not in [TransportScheme].every")
    }

    @Test func `no transport is missing in the list of products`() throws {
        let page = try Self.page
        for scheme in [TransportScheme].every {
            for name in scheme.names where name != "memory" && name != "file" {
                let row = page.split(separator: "\n").first {
                    $0.contains("`\(name)`") && $0.contains("| `Apus")
                }
                #expect(row != nil, "\(name)")
            }
        }
    }

    @Test func `what lacks a feature names those that have it, with the setting that it takes`() {
        let names = [TransportScheme].every.compactMap { $0.name(having: [.orderByKey, .deduplication]) }
        #expect(
            names.filter { !$0.hasPrefix("kafka") }.prefix(3)
                == ["memory (with deduplicate=1h)", "file (with deduplicate=1h)", "aws (with fifo=true)"])
    }

    @Test func `a bus in the process can do what its scheme says`() async throws {
        for (url, features) in [
            ("memory:", TransportScheme.memory.capabilities.features),
            ("memory:?deduplicate=1h", TransportScheme.memory.variants.first?.capabilities.features ?? []),
        ] {
            let bus = try await Bus.connect(url)
            #expect(bus.capabilities.features == features)
            await bus.close()
        }
    }
}
