// SPDX-License-Identifier: Apache-2.0

// docs/cli.md has every command and every exit code, and the help of every command begins with examples.

import ArgumentParser
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

    private func page() throws -> String {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        return String(
            decoding: try Data(contentsOf: URL(filePath: "/\(root)/docs/cli.md")), as: UTF8.self)
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

    @Test func `every exit code is on the page`() throws {
        let page = try page()
        for status in CommandStatus.allCases {
            #expect(page.contains("| \(status.rawValue) | \(status.meaning) |"))
        }
    }
}
