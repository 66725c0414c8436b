// SPDX-License-Identifier: Apache-2.0

// The page of the library and the articles beside it show only code that is compiled, and their figures are those of the code.

import Apus
import Foundation
import Testing

@Suite struct LibraryPageTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    /// The pages whose blocks are compiled.
    private static func pages() throws -> [(name: String, text: String)] {
        let catalogue = "Sources/Apus/Apus.docc"
        let articles = try FileManager.default.contentsOfDirectory(
            atPath: root.appending(path: catalogue).path
        ).filter { $0.hasSuffix(".md") }.sorted()
        return try (["docs/library.md"] + articles.map { "\(catalogue)/\($0)" }).map { ($0, try text($0)) }
    }

    /// The pieces of the compiled files, without the indentation that they have there.
    private static func pieces() throws -> Set<String> {
        var pieces: Set<String> = []
        for file in ["LibrarySnippets", "ArticleSnippets"] {
            var piece: [Substring]?
            for line in try text("Tests/DocumentationTests/\(file).swift")
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
        }
        return pieces
    }

    private static func dedented(_ lines: [Substring]) -> String {
        let margin = lines.filter { !$0.isEmpty }.map { $0.prefix { $0 == " " }.count }.min() ?? 0
        return lines.map { $0.dropFirst(margin) }.joined(separator: "\n")
            .replacing(#/(?m)^private /#, with: "")
    }

    @Test func `every block of Swift on the page and in the articles is compiled`() throws {
        let pieces = try Self.pieces()
        let example = try Self.text("Examples/quickstart/Sources/quickstart/main.swift")
        var shown: Set<String> = []
        for page in try Self.pages() {
            for match in page.text.matches(of: #/(?s)```swift\n(.*?)\n```/#) {
                let block = String(match.output.1)
                #expect(pieces.contains(block) || example.contains(block), "\(page.name): \(block)")
                shown.insert(block)
            }
        }
        #expect(shown.count > 40)
        let unused = pieces.subtracting(shown)
        #expect(unused.isEmpty)
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
