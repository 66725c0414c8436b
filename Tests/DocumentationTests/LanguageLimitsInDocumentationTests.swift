// SPDX-License-Identifier: Apache-2.0

// What the page on languages says of limits, operators and functions, held against the code.

import ApusRules
import Testing

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

@Suite struct LanguageLimitsInDocumentationTests {
    private func page() throws -> String {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(contentsOf: root.appending(path: "docs/rule-languages.md"), encoding: .utf8)
    }

    /// The row that begins so after a heading, without the commas in its numbers.
    private func row(_ name: String, after heading: String) throws -> String {
        let page = try page()
        let start = try #require(page.firstRange(of: "\n## \(heading)\n"), "no heading '\(heading)'")
        let rest = page[start.upperBound...]
        let section = rest[..<(rest.firstRange(of: "\n## ")?.lowerBound ?? rest.endIndex)]
        let line = section.split(separator: "\n").first { $0.hasPrefix("| \(name)") }
        return String(try #require(line, "no row '\(name)'")).replacing(",", with: "")
    }

    @Test func `the limits of SNS filter policies`() throws {
        let limits = SNSFilterPolicyLimits()
        let heading = "From SNS filter policies"
        #expect(try row("length", after: heading).contains(" \(limits.textBytesMax / 1024) KiB"))
        #expect(try row("keys", after: heading).contains(" \(limits.keysMax) "))
        #expect(try row("combinations", after: heading).contains(" \(limits.combinationsMax) "))
        #expect(try row("numbers", after: heading).contains(" -\(limits.numberMax) to \(limits.numberMax) "))
        #expect(try row("wildcards", after: heading).contains(" \(limits.wildcardsMax) "))
        #expect(try row("points", after: heading).contains(" \(limits.wildcardPointsMax) "))
        #expect(try page().contains("Nesting is limited to \(limits.depthMax) levels"))
    }

    @Test func `the limits of Event Grid filters`() throws {
        let limits = EventGridFilterLimits()
        let heading = "From Event Grid filters"
        #expect(try row("advanced filters", after: heading).contains(" \(limits.filtersMax) "))
        #expect(try row("values over", after: heading).contains(" \(limits.valuesMax) "))
        #expect(try row("length of a text", after: heading).contains(" \(limits.charactersMax) characters"))
        #expect(
            try page().replacing(",", with: "").contains(
                "\(limits.textBytesMax / 1024) KiB for the whole \(limits.typesMax) event types \(limits.keyLevelsMax) names"
            ))
    }

    @Test func `the limits of CESQL`() throws {
        let limits = CESQLLimits()
        let heading = "CloudEvents SQL"
        #expect(try row("length of the text", after: heading).contains(" \(limits.textBytesMax) bytes"))
        #expect(try row("nesting", after: heading).contains(" \(limits.depthMax) levels"))
        #expect(try row("literals, attributes", after: heading).contains(" \(limits.termsMax) "))
        #expect(try row("text read", after: heading).contains(" \(limits.evaluationBytesMax) bytes"))
    }

    @Test(arguments: [
        #"type LIKE 'order.%' AND count > 5"#, "type = 'a' AND hop < ttl",
    ])
    func `the examples of compiled expressions`(text: String) throws {
        let row = try row("`\(text)`", after: "CloudEvents SQL").replacing(" ", with: "")
        let selector = try EventSelector(cesql: text)
        #expect(row.contains(selector.isPatternExact ? "|no|" : "|what"))
        let shown = try Pattern(
            parsing: try page().split(separator: "\n").first { $0.hasPrefix("| `\(text)`") }
                .flatMap { $0.split(separator: "|").dropFirst().first }
                .map { String($0.drop { $0 == " " || $0 == "`" }.prefix { $0 != "`" }) } ?? "")
        #expect(shown == selector.pattern)
    }
}
