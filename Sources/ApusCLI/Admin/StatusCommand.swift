// SPDX-License-Identifier: Apache-2.0

// `apus status`: the server about itself.

internal import ApusClient
internal import ArgumentParser
internal import JSONText

/// `apus status`.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show version, uptime, counts and disk of the server.",
        discussion: """
            EXAMPLES
              apus status
              apus status --json
              apus status --url http://10.0.0.7:8222 --token-file token
            """)

    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let status = try await global.withClient { try await $0.status() }
        global.show(status) { Properties.lines(status) }
    }
}
