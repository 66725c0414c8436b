// SPDX-License-Identifier: Apache-2.0

// The page of the library shows only code that is compiled, and its figures are those of the code.

import Apus
import Foundation
import Testing

@Suite struct LibraryPageTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    /// The pieces of the compiled file, without the indentation that they have there.
    private static func pieces() throws -> Set<String> {
        var pieces: Set<String> = []
        var piece: [Substring]?
        for line in try text("Tests/DocumentationTests/LibrarySnippets.swift")
            .split(separator: "\n", omittingEmptySubsequences: false)
        {
            let bare = line.drop { $0 == " " }
            if bare.hasPrefix("// snippet: ") {
                piece = []
            } else if bare == "// end", let lines = piece {
                pieces.insert(dedented(lines))
                piece = nil
            } else {
                piece?.append(line)
            }
        }
        return pieces
    }

    private static func dedented(_ lines: [Substring]) -> String {
        let margin = lines.filter { !$0.isEmpty }.map { $0.prefix { $0 == " " }.count }.min() ?? 0
        return lines.map { $0.dropFirst(margin) }.joined(separator: "\n")
            .replacing(#/(?m)^private /#, with: "")
    }

    @Test func `every block of Swift on the page is compiled`() throws {
        let pieces = try Self.pieces()
        let example = try Self.text("Examples/quickstart/Sources/quickstart/main.swift")
        let blocks = try Self.text("docs/library.md").matches(of: #/(?s)```swift\n(.*?)\n```/#).map {
            String($0.output.1)
        }
        #expect(blocks.count > 15)
        for block in blocks { #expect(pieces.contains(block) || example.contains(block), "\(block)") }
        #expect(pieces.allSatisfy(blocks.contains), "\(pieces.filter { !blocks.contains($0) })")
    }

    @Test func `defaults of consumers are as the page says`() throws {
        let page = try Self.text("docs/library.md")
        let options = ConsumerOptions()
        for row in [
            "| `concurrency` | \(options.concurrency) |",
            "| `lease` | \(options.lease.components.seconds) s |",
            "| `timeout` | \((options.timeout ?? .zero).components.seconds) s |",
            "| `grace` | \(options.grace.components.seconds) s |",
        ] { #expect(page.contains(row), "\(row)") }
        #expect(page.contains("\(RetryPolicy.exponential().attemptsMax) attempts"))
    }
}
