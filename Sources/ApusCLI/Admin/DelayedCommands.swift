// SPDX-License-Identifier: Apache-2.0

// `apus delayed`: events that wait for their time.

internal import ApusClient
internal import ApusModel
internal import ArgumentParser
internal import JSONText

/// `apus delayed`.
struct DelayedCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delayed", abstract: "List, show and cancel events that wait for their time.",
        discussion: """
            EXAMPLES
              apus publish orders '{"id": 1}' --delay 10m
              apus delayed list
              apus delayed cancel 12-345
            """,
        subcommands: [List.self, Show.self, Cancel.self])
}

extension DelayedCommand {
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List events that wait, those that are due first at the top.",
            discussion: """
                EXAMPLES
                  apus delayed list
                  apus delayed list --topic orders --limit 20
                """)

        @Option(help: "Only those for this topic.") var topic: String?
        @Option(help: "How many at most.") var limit: Int = Defaults.pageLimit
        @OptionGroup var global: GlobalOptions

        func validate() throws {
            guard (1...Defaults.pageLimitMax).contains(limit) else {
                throw ValidationError("--limit is 1 to \(Defaults.pageLimitMax)")
            }
        }

        func run() async throws {
            let page = try await global.withClient { try await $0.delayed(of: topic, limit: limit) }
            if global.json { return page.elements.forEach { global.console.print($0.json.description) } }
            var table = Table(
                ("ID", .left), ("DUE", .left), ("TOPIC", .left), ("TYPE", .left), ("EVENT", .left))
            for event in page.elements {
                table.add(
                    event.id, event.due, event.topic ?? "-", event.event?["type"]?.string ?? "-",
                    event.event?["id"]?.string ?? "-")
            }
            global.show(table, empty: "nothing waits; publish with --delay or --at")
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Show an event that waits.",
            discussion: """
                EXAMPLES
                  apus delayed show 12-345
                """)

        @Argument(help: "What it waits as.") var id: String
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let event = try await global.withClient { try await $0.delayedEvent(id) }
            global.show(event.json) { Properties.lines(event.json) }
        }
    }

    struct Cancel: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "cancel", abstract: "Cancel an event that waits: it will never come.",
            discussion: """
                EXAMPLES
                  apus delayed cancel 12-345
                """)

        @Argument(help: "What it waits as.") var id: String
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            try await global.withClient { try await $0.cancelDelayedEvent(id) }
            global.show(["cancelled": .string(id)]) { ["cancelled \(id)"] }
        }
    }
}
