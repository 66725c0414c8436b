// SPDX-License-Identifier: Apache-2.0

// docs/cli.md has every command, every option and every exit code; the help of every command begins with examples; and every command
// line that stands in a page or in a help text is one that the program understands.

import ApusModel
import ArgumentParser
import Synchronization
import Testing

@testable import ApusCLI

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

@Suite struct DocumentationTests {
    private static let commands = commands(below: ApusCommand.self, path: ["apus"])

    private static func commands(
        below command: any ParsableCommand.Type, path: [String]
    ) -> [(path: String, type: any ParsableCommand.Type)] {
        command.configuration.subcommands.flatMap { child in
            let childPath = path + [child.configuration.commandName ?? ""]
            return [(childPath.joined(separator: " "), child)] + commands(below: child, path: childPath)
        }
    }

    private func page(_ name: String = "docs/cli.md") throws -> String {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        return String(decoding: try Data(contentsOf: URL(filePath: "/\(root)/\(name)")), as: UTF8.self)
    }

    @Test func `every command is on the page`() throws {
        let page = try page()
        for command in Self.commands { #expect(page.contains(command.path), "\(command.path)") }
    }

    @Test func `every command's help begins with examples`() {
        for command in Self.commands {
            #expect(command.type.configuration.discussion.hasPrefix("EXAMPLES\n  "), "\(command.path)")
            #expect(!command.type.configuration.abstract.isEmpty, "\(command.path)")
        }
    }

    @Test func `every option of every command is on the page`() throws {
        let page = try page()
        for command in Self.commands {
            for match in command.type.helpMessage(columns: 200).matches(of: #/(?:^|[\s\/])(--[a-z-]+)/#) {
                let name = String(match.output.1)
                let isKnown =
                    page.contains(name) || page.contains("--[no-]" + name.dropFirst(2))
                    || page.contains("--[no-]" + name.dropFirst("--no-".count))
                #expect(isKnown, "\(command.path) \(name)")
            }
        }
    }

    @Test(arguments: [
        "README.md", "docs/cli.md", "docs/http-api.md", "docs/delivery.md", "docs/observability.md",
        "docs/performance.md", "docs/rules.md", "docs/transformations.md", "docs/webhooks.md", "docs/log.md",
        "docs/scheduling.md", "CONTRIBUTING.md",
    ])
    func `every command line of a page makes sense`(name: String) throws {
        for line in try page(name).split(separator: "\n") where line.hasPrefix("    ") {
            for command in ShellLine.commands(of: line) { try parse(command, "\(name): \(line)") }
        }
    }

    @Test func `every example of a help text makes sense`() throws {
        for command in Self.commands {
            let examples = command.type.configuration.discussion.replacing(#/\\\n */#, with: " ")
                .split(separator: "\n").filter { $0.hasPrefix("  ") }
            for line in examples {
                // What follows a gap says what the example does.
                let example = line.drop { $0 == " " }.split(separator: "   ", maxSplits: 1).first ?? ""
                for words in ShellLine.commands(of: example) { try parse(words, "\(command.path): \(line)") }
            }
        }
    }

    private func parse(_ words: [String], _ comment: Comment) throws {
        guard words.first != words.first?.uppercased() else { return }  // COMMAND stands for any
        guard words.prefix(2) != ["help", "exit-codes"] else { return }
        #expect(throws: Never.self, comment) {
            _ = try ApusCommand.parseAsRoot(CommandLineRewriter.hoistOptions(words))
        }
    }

    @Test func `the defaults in the table of dev and serve are those of the program`() throws {
        let page = try page()
        func cells(_ option: String) throws -> [String] {
            let row = try #require(page.split(separator: "\n").first { $0.hasPrefix("| `\(option)") })
            return row.split(separator: "|").map { $0.filter { $0 != "`" && $0 != " " } }
        }
        #expect(
            try cells("--journal-size")[1...2].map { try Parse.size($0) } == [
                Defaults.journalBytes, Defaults.journalBytes,
            ])
        #expect(
            try cells("--listen")[1...2] == [
                "\(Defaults.host):\(Defaults.port)", "\(Defaults.host):\(Defaults.port)",
            ])
        #expect(
            try cells("--kafka-listen")[1...2] == [
                "\(Defaults.host):\(Defaults.kafkaPort)", "\(Defaults.host):\(Defaults.kafkaPort)",
            ])
        #expect(try cells("--data")[2] == Defaults.dataDirectory)
        #expect(try cells("--durability")[1...2] == [Defaults.durability, Defaults.durability])
        #expect(page.contains("`~/\(Defaults.dataHome)/\(Defaults.dataDirectoryName)`"))
        #expect(page.contains("| `--url URL` | `APUS_URL` | `\(Defaults.url)` |"))
        #expect(
            page.contains("| `--timeout DURATION` | | `\(DurationText.format(Defaults.commandTimeout))` |"))
        #expect(
            page.contains(
                "Up to \(Defaults.publishBatchLines) lines or \(Defaults.publishBatchBytes >> 20) MiB"))
        #expect(page.contains("up to `--in-flight` (\(Defaults.publishInFlight)) requests"))
        #expect(page.contains("for `--retry-for` (\(DurationText.format(Defaults.publishRetry)))"))
        #expect(page.contains("`--limit` (\(Defaults.pageLimit))"))
    }

    @Test func `every option of serve is among the settings that a server tells`() async {
        let told = Mutex<Set<String>>([])
        let launcher = ServerLauncher { options, _ in
            told.withLock { $0 = Set(options.settings.map(\.name)) }
        }
        _ = await Command.run(["serve"], launcher: launcher)
        let lines = ServeCommand.helpMessage(columns: 200).split(separator: "\n").filter {
            $0.hasPrefix("  -")
        }
        let names = lines.compactMap {
            $0.firstMatch(of: #/--(?:no-)?([a-z-]+)/#).map { String($0.output.1) }
        }
        #expect(told.withLock(\.self) == Set(names).subtracting(["help", "version"]))
    }

    @Test func `every exit code is on the page`() throws {
        let page = try page()
        for status in CommandStatus.allCases {
            #expect(page.contains("| \(status.rawValue) | \(status.meaning) |"))
        }
    }
}

/// Commands of this program in a line of a shell: quotes, pipes, redirections, comments and variables as far as the pages use them.
private enum ShellLine {
    /// The words behind each `apus` that stands where a command does.
    static func commands(of line: some StringProtocol) -> [[String]] {
        var commands: [[String]] = [[]]
        var isRedirected = false
        for word in words(of: line) {
            if word.text == "#", !word.isQuoted { break }
            if word.text == "|", !word.isQuoted {
                commands.append([])
            } else if word.text == ">", !word.isQuoted {
                isRedirected = true
            } else if isRedirected {
                isRedirected = false
            } else {
                commands[commands.count - 1].append(word.text)
            }
        }
        return commands.compactMap { words in
            let words = words.drop { $0.contains("=") && $0 == $0.uppercased() }
            return words.first == "apus" && words.count > 1 ? Array(words.dropFirst()) : nil
        }
    }

    private static func words(of line: some StringProtocol) -> [(text: String, isQuoted: Bool)] {
        var words: [(text: String, isQuoted: Bool)] = []
        var word = ""
        var quote: Character?
        var isQuoted = false
        for character in line {
            if character == quote {
                quote = nil
            } else if quote == nil, character == "'" || character == "\"" {
                quote = character
                isQuoted = true
            } else if quote == nil, character == " " {
                if !word.isEmpty || isQuoted { words.append((word, isQuoted)) }
                (word, isQuoted) = ("", false)
            } else {
                word.append(character)
            }
        }
        if !word.isEmpty || isQuoted { words.append((word, isQuoted)) }
        return words
    }
}
