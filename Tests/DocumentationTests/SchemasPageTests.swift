// SPDX-License-Identifier: Apache-2.0

// The page on schemas has the limits and spellings of the program.

import ApusModel
import ApusSchemas
import JSONSchemaEvolution
import Testing

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

@Suite struct SchemasPageTests {
    private let page: String

    init() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        page = try String(contentsOf: root.appending(path: "docs/schemas.md"), encoding: .utf8)
    }

    @Test func `the limits are the program's`() {
        let limits = SchemaRegistryLimits()
        for row in [
            "| a schema | \(limits.schemaBytes) bytes |", "| all schemas | \(limits.totalBytes) bytes |",
            "| subjects | \(limits.subjects) |", "| versions of a subject | \(limits.versions) |",
            "| references of a schema | \(limits.references), and \(limits.resolvedReferences) by way of others |",
            "| event types of a subject | \(limits.eventTypes) |",
        ] {
            #expect(page.contains(row), "\(row)")
        }
        #expect(page.contains("up to \(SubjectName.lengthMax) bytes"))
        #expect(page.contains("one line in \(Defaults.schemaWarningInterval.components.seconds) s"))
        #expect(page.contains("\(limits.totalBytes >> 20) MiB of schemas"))
    }

    @Test func `every mode, format and compatibility is explained`() {
        for word in SchemaCompatibility.allCases.map(\.rawValue) + SchemaFormat.allCases.map(\.rawValue)
            + SchemaMode.allCases.map(\.rawValue)
        {
            #expect(page.contains("`\(word)`"), "\(word)")
        }
    }
}
