// SPDX-License-Identifier: Apache-2.0

// The tables of docs/schema-evolution.md, run: what they say of a change is what the comparison says.

import JSONSchema
import JSONSchemaEvolution
import JSONText
import Testing

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A row of a table of changes.
struct ChangeRow: CustomTestStringConvertible {
    var change: String
    var old: String
    var new: String
    var verdicts: [String]
    var isLenient: Bool

    var testDescription: String { change }

    /// All rows of the page.
    static let all: [ChangeRow] = {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page =
            (try? String(contentsOf: root.appending(path: "docs/schema-evolution.md"), encoding: .utf8)) ?? ""
        var rows: [ChangeRow] = []
        var isLenient: Bool?
        for line in page.split(separator: "\n", omittingEmptySubsequences: false) {
            let cells = line.split(separator: "|").map { $0.trimming(" ") }
            if cells.count == 6, cells[0].hasPrefix("change") {
                isLenient = cells[0].contains("lenient")
            } else if let lenient = isLenient, cells.count == 6, cells[1].hasPrefix("`") {
                rows.append(
                    ChangeRow(
                        change: cells[0], old: cells[1].trimming("`"), new: cells[2].trimming("`"),
                        verdicts: Array(cells[3...5]), isLenient: lenient))
            } else if line.isEmpty {
                isLenient = nil
            }
        }
        return rows
    }()
}

extension Substring {
    /// Without this character at both ends.
    fileprivate func trimming(_ character: Character) -> String { String(self).trimming(character) }
}

extension String {
    fileprivate func trimming(_ character: Character) -> String {
        var text = self[...]
        while text.first == character { text = text.dropFirst() }
        while text.last == character { text = text.dropLast() }
        return String(text)
    }
}

@Suite("The page on evolving events")
struct EvolutionPageTests {
    @Test("has its tables") func tables() {
        #expect(ChangeRow.all.count(where: { !$0.isLenient }) >= 25)
        #expect(ChangeRow.all.count(where: \.isLenient) >= 3)
    }

    @Test("says what the comparison says", arguments: ChangeRow.all)
    func row(row: ChangeRow) throws {
        var options = SchemaComparison.Options()
        options.openContent = row.isLenient ? .lenient : .strict
        for (mode, verdict) in zip([SchemaCompatibility.backward, .forward, .full], row.verdicts) {
            let found = try SchemaComparison.check(
                json(row.new), against: [json(row.old)], mode, options: options)
            #expect(found.isEmpty == (verdict == "yes"), "\(mode): \(found)")
            // No row of the table rests on what was not decided.
            #expect(found.allSatisfy { !$0.difference.isUndecided }, "\(mode): \(found)")
        }
    }

    @Test("has the bounds of the module") func bounds() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = try String(contentsOf: root.appending(path: "docs/schema-evolution.md"), encoding: .utf8)
        #expect(page.contains("`SchemaComparison.Options.steps`) | \(SchemaComparison.Options().steps) |"))
        #expect(page.contains("| differences of a comparison | \(SchemaComparison.differencesMax) |"))
    }
}
