// SPDX-License-Identifier: Apache-2.0

// The page on the catalogue of events has the bounds and spellings of the program.

import ApusCatalog
import ApusModel
import Testing

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

@Suite struct EventCataloguePageTests {
    private let page: String

    init() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        page = try String(contentsOf: root.appending(path: "docs/event-catalogue.md"), encoding: .utf8)
    }

    @Test func `the bounds are the program's`() {
        let limits = CatalogLimits()
        for row in [
            "| types of a topic | \(limits.typesOfTopic) |", "| types of all topics | \(limits.types) |",
            "| bytes of a type | \(EventDeclaration.typeBytesMax) |",
            "| sources of a type in a topic | \(limits.sources) |",
            "| sources in all | \(limits.sourcesInAll) |", "| declarations | \(limits.declarations) |",
        ] {
            #expect(page.contains(row), "\(row)")
        }
        #expect(
            page.contains(
                "(\(Defaults.proposalEvents) unless told otherwise, \(Defaults.proposalEventsMax) and 4 MiB"))
    }

    @Test func `every way is explained`() {
        for way in EventWay.allCases { #expect(page.contains("| `\(way.rawValue)` |"), "\(way)") }
    }
}
