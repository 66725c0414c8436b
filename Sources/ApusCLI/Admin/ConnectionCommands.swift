// SPDX-License-Identifier: Apache-2.0

// `apus connection`: outside brokers by name.

internal import ApusClient
internal import ApusModel
internal import ArgumentParser
internal import JSONText

/// `apus connection`.
struct ConnectionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "connection", abstract: "List, show, set and delete connections to outside brokers.",
        discussion: """
            EXAMPLES
              apus connection set rabbit 'amqp://apus:{secret:rabbit}@rabbit.example/shop'
              apus connection set aws aws://eu-central-1
              apus connection list
            """,
        subcommands: [List.self, Show.self, Set.self, Delete.self], aliases: ["connections"])
}

extension ConnectionCommand {
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List connections, and whether they work.",
            discussion: """
                EXAMPLES
                  apus connection list
                  apus connection list --json | jq -r 'select(.state == "failing") | .name'
                """)

        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let connections = try await global.withClient { client in
                try await client.all { after throws(ApusClientError) in
                    try await client.connections(limit: Defaults.pageLimitMax, after: after)
                }
            }
            if global.json { return connections.forEach { global.console.print($0.json.description) } }
            var table = Table(
                ("NAME", .left), ("STATE", .left), ("USES", .right), ("URL", .left), ("FAILURE", .left))
            for connection in connections {
                table.add(
                    connection.name, connection.state, Decimal.grouped(connection.uses), connection.url,
                    connection.failure ?? "-")
            }
            global.show(table, empty: "no connections; make one with 'apus connection set NAME URL'")
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Show a connection.",
            discussion: """
                EXAMPLES
                  apus connection show rabbit
                """)

        @Argument(help: "The connection.") var name: String
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let connection = try await global.withClient { try await $0.connection(name) }
            global.show(connection.json) { Properties.lines(connection.json) }
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "set", abstract: "Create or replace a connection.",
            discussion: """
                EXAMPLES
                  apus connection set rabbit 'amqp://apus:{secret:rabbit}@rabbit.example/shop'
                  apus connection set rabbit @rabbit.url

                The broker need not be there yet. A secret is best left out of the URL: {secret:NAME} stands for what the
                server finds in the file NAME of its folder of secrets, or in its environment as APUS_SECRET_NAME.
                """, aliases: ["add"])

        @Argument(help: "The connection.") var name: String
        @Argument(help: ArgumentHelp("The broker's URL, or @FILE for a file with it.", valueName: "url"))
        var url: String
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let url = try await address()
            let stored = try await global.withClient { try await $0.putConnection(name, url: url) }
            global.show(stored.value.json) {
                let connection = stored.value
                var line =
                    "\(stored.created ? "created" : "replaced") connection \(name): \(connection.state)"
                if let failure = connection.failure { line += " (\(failure))" }
                return [line]
            }
        }

        /// What the command line of a process says, others on the machine can read; a file is for secrets that matter.
        private func address() async throws -> String {
            guard url.hasPrefix("@") else { return url }
            let bytes = try await InputSource.withFile(String(url.dropFirst())) {
                try await $0.readAll(limit: 8192)
            }
            return String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "delete", abstract: "Delete a connection that nothing uses.",
            discussion: """
                EXAMPLES
                  apus connection delete rabbit --yes
                """)

        @Argument(help: "The connection.") var name: String
        @OptionGroup var confirmation: ConfirmationOptions
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            try await confirmation.confirm("delete connection \(name)", global.console)
            try await global.withClient { try await $0.deleteConnection(name) }
            global.show(["deleted": .string(name)]) { ["deleted connection \(name)"] }
        }
    }
}
