// SPDX-License-Identifier: Apache-2.0

// Pages and articles show only Swift that is compiled, and the figures of the library's are those of the code.

import Apus
import Foundation
import Testing

@Suite struct LibraryPageTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    /// All pages.
    private static func pages() throws -> [(name: String, text: String)] {
        try ["docs", "Sources/Apus/Apus.docc"].flatMap { folder in
            try FileManager.default.contentsOfDirectory(atPath: root.appending(path: folder).path)
                .filter { $0.hasSuffix(".md") }.sorted().map {
                    ("\(folder)/\($0)", try text("\(folder)/\($0)"))
                }
        }
    }

    /// Programs whose lines are shown, too.
    private static let programs = [
        "Examples/quickstart/Sources/quickstart/main.swift",
        "Examples/webhooks-hummingbird/Sources/webhooks-hummingbird/Shop.swift",
        "Examples/outbox-grdb/Sources/outbox-grdb/Shop.swift",
        "Tests/DocumentationTests/CommentSnippets.swift",
    ]

    private static let compiled = ["LibrarySnippets", "ArticleSnippets", "PageSnippets"]

    /// The pieces of the compiled files, without the indentation that they have there.
    private static func pieces() throws -> Set<String> {
        var pieces: Set<String> = []
        for file in compiled {
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

    /// Without the indentation that lines have in a program.
    private static func flat(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { $0.drop { $0 == " " } }
            .joined(separator: "\n")
    }

    /// The blocks of Swift in comments of the sources, which are pages of the documentation too.
    private static func commentBlocks() throws -> [(file: String, block: String)] {
        let sources = root.appending(path: "Sources")
        let files = FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil)
        var blocks: [(String, String)] = []
        while let file = files?.nextObject() as? URL {
            guard file.pathExtension == "swift" else { continue }
            let text = try String(contentsOf: file, encoding: .utf8)
            for match in text.matches(of: #/(?s) *\/\/\/ ```swift\n(.*?)\n *\/\/\/ ```/#) {
                let block = String(match.output.1).replacing(#/(?m)^ *\/\/\/ ?/#, with: "")
                blocks.append((file.lastPathComponent, block))
            }
        }
        return blocks
    }

    /// A block without the imports that it begins with, which are these.
    private static func split(_ block: String) -> (imports: [String], rest: String) {
        var lines = block.split(separator: "\n", omittingEmptySubsequences: false)[...]
        var imports: [String] = []
        while let line = lines.first, line.hasPrefix("import ") || line.isEmpty {
            if !line.isEmpty { imports.append(String(line)) }
            lines.removeFirst()
        }
        return (imports, lines.joined(separator: "\n"))
    }

    @Test func `every block of Swift on the pages and in the articles is compiled`() throws {
        let pieces = try Self.pieces()
        let programs = try Self.programs.map { Self.flat(try Self.text($0)) }
        let imported = try Self.compiled.map { try Self.text("Tests/DocumentationTests/\($0).swift") }
            .joined()
        var shown: Set<String> = []
        for page in try Self.pages() {
            for match in page.text.matches(of: #/(?s)```swift\n(.*?)\n```/#) {
                let (imports, block) = Self.split(String(match.output.1))
                shown.insert(block)
                // A program that a page shows whole, or lines of one.
                if programs.contains(where: { $0.contains(Self.flat(String(match.output.1))) }) { continue }
                #expect(pieces.contains(block), "\(page.name): \(block)")
                for line in imports { #expect(imported.contains("\n\(line)\n"), "\(page.name): \(line)") }
            }
        }
        #expect(shown.count > 40)
        let texts = try (Self.compiled.map { "Tests/DocumentationTests/\($0).swift" } + Self.programs).map {
            Self.flat(try Self.text($0)).replacing(#/(?m)^private /#, with: "")
        }
        var comments = 0
        for (name, block) in try Self.commentBlocks() {
            comments += 1
            #expect(texts.contains { $0.contains(Self.flat(block)) }, "\(name): \(block)")
        }
        #expect(comments >= 20)
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
