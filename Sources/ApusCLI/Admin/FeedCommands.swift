// SPDX-License-Identifier: Apache-2.0

// `apus feed`: what brings events in from outside brokers.

internal import ApusClient
internal import ApusModel
internal import ArgumentParser
internal import JSONText

/// `apus feed`.
struct FeedCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "feed",
        abstract: "List, show, set, pause, resume and delete feeds from outside brokers.",
        discussion: """
            EXAMPLES
              apus feed set orders --connection rabbit --from orders --into orders
              apus feed set legacy --connection rabbit --queue legacy.orders --into orders
              apus feed pause orders
              apus feed list
            """,
        subcommands: [List.self, Show.self, Set.self, Pause.self, Resume.self, Delete.self],
        aliases: ["feeds"])
}

extension FeedCommand {
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List feeds, and what each is doing.",
            discussion: """
                EXAMPLES
                  apus feed list
                  apus feed list --json | jq -r 'select(.state != "running") | .name'
                """)

        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let feeds = try await global.withClient { client in
                try await client.all { after throws(ApusClientError) in
                    try await client.feeds(limit: Defaults.pageLimitMax, after: after)
                }
            }
            if global.json { return feeds.forEach { global.console.print($0.json.description) } }
            var table = Table(
                ("NAME", .left), ("STATE", .left), ("CONNECTION", .left), ("FROM", .left), ("INTO", .left),
                ("RECEIVED", .right), ("PUBLISHED", .right), ("REFUSED", .right), ("LAG", .right),
                ("LAST FAILURE", .left))
            for feed in feeds {
                table.add(
                    feed.name, feed.state, feed.connection, feed.source, feed.into,
                    Decimal.grouped(feed.received), Decimal.grouped(feed.published),
                    Decimal.grouped(feed.refused), feed.lag ?? "-", feed.lastFailure ?? "-")
            }
            global.show(
                table,
                empty:
                    "no feeds; make one with 'apus feed set NAME --connection NAME --from TOPIC --into TOPIC'"
            )
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Show a feed.",
            discussion: """
                EXAMPLES
                  apus feed show orders
                """)

        @Argument(help: "The feed.") var name: String
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let feed = try await global.withClient { try await $0.feed(name) }
            global.show(feed.json) { Properties.lines(feed.json) }
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "set", abstract: "Create or replace a feed.",
            discussion: """
                EXAMPLES
                  apus feed set orders --connection rabbit --from orders --into orders
                  apus feed set legacy --connection aws --queue legacy-orders --into orders --dead-letter broken
                """, aliases: ["add"])

        @Argument(help: "The feed.") var name: String
        @Option(help: "The connection that it takes events by.") var connection: String
        @Option(help: ArgumentHelp("The outside topic that it takes events from.", valueName: "topic"))
        var from: String?
        @Option(help: "Programs of the same group share the events (default: \(Defaults.feedGroup)).")
        var group: String?
        @Option(help: "In place of --from: a queue that somebody else made, as it is.") var queue: String?
        @Option(help: ArgumentHelp("The topic that it publishes them to.", valueName: "topic"))
        var into: String
        @Option(help: "How many events are taken and not settled (default: \(Defaults.feedPrefetch)).")
        var prefetch: Int?
        @Option(help: "Where it begins if it is new at its source: latest or earliest (default: latest).")
        var start: String?

        @Option(
            help: ArgumentHelp(
                "The topic for events that cannot be published (default: the dead letters of the source).",
                valueName: "topic"))
        var deadLetter: String?
        @Flag(help: "Make it, and do not let it work yet.") var paused = false
        @OptionGroup var global: GlobalOptions

        func validate() throws {
            guard (from != nil) != (queue != nil) else {
                throw ValidationError("a feed has exactly one of --from and --queue")
            }
            guard group == nil || from != nil else { throw ValidationError("--group goes with --from") }
        }

        func run() async throws {
            var settings = JSONObject()
            settings["connection"] = .string(connection)
            settings["from"] = from.map { .string($0) }
            settings["group"] = group.map { .string($0) }
            settings["queue"] = queue.map { .string($0) }
            settings["into"] = .string(into)
            settings["prefetch"] = prefetch.map { .number(JSONNumber($0)) }
            settings["start"] = start.map { .string($0) }
            settings["dead_letter"] = deadLetter.map { .string($0) }
            settings["paused"] = .bool(paused)
            let body = settings
            let stored = try await global.withClient { try await $0.putFeed(name, body) }
            global.show(stored.value.json) {
                ["\(stored.created ? "created" : "replaced") feed \(name): \(stored.value.state)"]
            }
        }
    }

    struct Pause: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "pause", abstract: "Stop a feed from taking events.",
            discussion: """
                EXAMPLES
                  apus feed pause orders
                """)

        @Argument(help: "The feed.") var name: String
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let feed = try await global.withClient { try await $0.pauseFeed(name, true) }
            global.show(feed.json) { ["paused feed \(name)"] }
        }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "resume", abstract: "Let a feed take events again, from where it stopped.",
            discussion: """
                EXAMPLES
                  apus feed resume orders
                """)

        @Argument(help: "The feed.") var name: String
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let feed = try await global.withClient { try await $0.pauseFeed(name, false) }
            global.show(feed.json) { ["resumed feed \(name)"] }
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "delete", abstract: "Delete a feed; its place at the source stays.",
            discussion: """
                EXAMPLES
                  apus feed delete orders --yes
                """)

        @Argument(help: "The feed.") var name: String
        @OptionGroup var confirmation: ConfirmationOptions
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            try await confirmation.confirm("delete feed \(name)", global.console)
            try await global.withClient { try await $0.deleteFeed(name) }
            global.show(["deleted": .string(name)]) { ["deleted feed \(name)"] }
        }
    }
}
