// SPDX-License-Identifier: Apache-2.0

// The examples of the pages about rules do what the pages say.

import ApusModel
import ApusRules
import CloudEvents
import JSONText
import Testing

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

@Suite struct RuleExamplesTests {
    private static func page(_ name: String) throws -> String {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(contentsOf: root.appending(path: name), encoding: .utf8)
    }

    /// A row of the table of operators.
    struct Example: Sendable, CustomTestStringConvertible {
        var pattern: String
        var matching: [String]
        var others: [String]

        var testDescription: String { pattern }

        /// Every text between backticks, in each of the last three cells.
        init?(row: Substring) {
            let cells = row.split(separator: " | ", omittingEmptySubsequences: false)
            guard row.hasPrefix("| "), cells.count == 4 else { return nil }
            let texts = cells.dropFirst().map { cell in
                cell.matches(of: #/`([^`]+)`/#).map { String($0.output.1) }
            }
            guard let pattern = texts[0].first, pattern.hasPrefix("{") else { return nil }
            (self.pattern, matching, others) = (pattern, texts[1], texts[2])
        }
    }

    static let examples: [Example] = {
        let text = (try? page("docs/rules.md")) ?? ""
        let parts = text.components(separatedBy: "## Every operator by example")
        let section = parts.last?.components(separatedBy: "\n## ").first ?? ""
        return section.split(separator: "\n").compactMap(Example.init)
    }()

    @Test func `the table has an example for every operator`() {
        let patterns = Self.examples.map(\.pattern).joined()
        for name in ["prefix", "suffix", "equals-ignore-case", "wildcard", "numeric", "cidr", "exists"] {
            #expect(patterns.contains("{\"\(name)\""), "\(name)")
        }
        #expect(patterns.contains("$or") && patterns.contains("anything-but") && Self.examples.count > 30)
    }

    @Test(arguments: RuleExamplesTests.examples)
    func `an example matches what it should and nothing else`(_ example: Example) throws {
        let pattern = try Pattern(parsing: example.pattern)
        let matcher = RuleMatcher([(0, pattern)])
        for (texts, expected) in [(example.matching, true), (example.others, false)] {
            for text in texts {
                let event = try event(text)
                #expect(matcher.matches(event).isEmpty != expected, "\(text)")
                #expect(pattern.explain(event).isMatched == expected, "\(text)")
            }
        }
    }

    @Test func `the patterns shown on the page are valid`() throws {
        for match in try Self.page("docs/rules.md").matches(of: #/```json\n([^`]+)```/#) {
            _ = try Pattern(parsing: String(match.output.1))
        }
    }

    @Test(arguments: ["docs/rules.md", "docs/observability.md"])
    func `how often rules copy an event is the default`(_ name: String) throws {
        #expect(
            try Self.page(name).contains(
                "copied \(name.hasSuffix("rules.md") ? "" : "them ")\(Defaults.ruleHopsMax) times"))
    }

    /// The event of an example: what it does not say is filled in.
    private func event(_ text: String) throws -> CloudEvent {
        var object = try #require(try JSONValue(parsing: text).object)
        for (name, value) in [("specversion", "1.0"), ("id", "1"), ("source", "/s"), ("type", "t")]
        where object[name] == nil {
            object[name] = .string(value)
        }
        return try CloudEventJSONFormat.decode(JSONValue.object(object).serialized())
    }
}
