// SPDX-License-Identifier: Apache-2.0

// `apus client`: who is connected to the server.

internal import ApusClient
internal import ApusModel
internal import ArgumentParser
internal import JSONText

/// `apus client`.
struct ClientCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "client", abstract: "List clients that are connected, and disconnect one.",
        discussion: """
            EXAMPLES
              apus client list
              apus client list --search billing
              apus client disconnect kafka-0-12-3
            """,
        subcommands: [List.self, Disconnect.self], aliases: ["clients"])
}

extension ClientCommand {
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list",
            abstract: "List clients that are connected now, over HTTP and Kafka's protocol.",
            discussion: """
                EXAMPLES
                  apus client list
                  apus client list --search kafka
                  apus client list --json | jq -r 'select(.software == null) | .address'

                One line for each connection; this command's own is among them.
                """)

        @Option(help: "Only those with this in an address, a name, a topic or a group.")
        var search: String?

        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let clients = try await global.withClient { client in
                try await client.all { after throws(ApusClientError) in
                    try await client.clients(search: search, limit: Defaults.pageLimitMax, after: after)
                }
            }
            if global.json { return clients.forEach { global.console.print($0.json.description) } }
            var table = Table(
                ("ID", .left), ("ADDRESS", .left), ("CLIENT", .left), ("SOFTWARE", .left), ("SINCE", .left),
                ("REQUESTS", .right), ("LAST", .left), ("WORKS WITH", .left))
            for client in clients {
                let works = client.topics + client.groups.map { "group \($0)" }
                table.add(
                    client.id, client.address, Console.printable(client.client ?? "-"),
                    Console.printable(client.software ?? "-"), client.since, Decimal.grouped(client.requests),
                    Console.printable(client.lastRequest ?? "-"),
                    works.isEmpty ? "-" : Console.printable(works.joined(separator: ", ")))
            }
            global.show(table, empty: "no clients")
        }
    }

    struct Disconnect: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "disconnect", abstract: "Close a client's connection.",
            discussion: """
                EXAMPLES
                  apus client disconnect kafka-0-12-3

                What it has no answer to is not answered; most clients connect again by themselves.
                """)

        @Argument(help: "The client's id, as 'apus client list' shows it.") var id: String
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            try await global.withClient { try await $0.disconnectClient(id) }
            global.show(["disconnected": .string(id)]) { ["disconnected \(id)"] }
        }
    }
}
