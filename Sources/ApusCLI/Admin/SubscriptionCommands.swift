// SPDX-License-Identifier: Apache-2.0

// `apus subscription`: who reads what, and how far they are.

internal import ApusClient
internal import ApusModel
internal import ArgumentParser
internal import JSONText

/// `apus subscription`.
struct SubscriptionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "subscription",
        abstract: "List, show, make and change subscriptions, and settle their events.",
        discussion: """
            EXAMPLES
              apus subscription create billing --topic orders --from earliest
              apus subscription create hooks --topic orders --push https://example.org/hook
              apus subscription list
              apus subscription receive billing --max 10
              apus subscription replay billing --from 1h
            """,
        subcommands: [
            List.self, Show.self, Create.self, Set.self, Delete.self, ReceiveCommand.self, AckCommand.self,
            ReleaseCommand.self, RejectCommand.self, ExtendCommand.self, Replay.self, Pause.self, Resume.self,
        ], aliases: ["subscriptions", "sub"])
}

/// Settings of a subscription that can be changed, as options.
struct SubscriptionSettingsOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("Only events that match this pattern.", valueName: "json"),
        transform: Parse.pattern)
    var pattern: JSONValue?

    @Option(help: ArgumentHelp("How long a lease lasts.", valueName: "duration"), transform: Parse.duration)
    var lease: Duration?

    @Option(help: "How many events may be leased at the same time.")
    var maxInFlight: Int?

    @Option(help: "How many attempts an event gets before it becomes a dead letter.")
    var maxAttempts: Int?

    @Option(
        help: ArgumentHelp("The longest wait before the second attempt.", valueName: "duration"),
        transform: Parse.duration)
    var retryInitial: Duration?

    @Option(
        help: ArgumentHelp("The longest wait before any attempt.", valueName: "duration"),
        transform: Parse.duration)
    var retryMax: Duration?

    @Option(help: "The dead-letter topic (default: the topic's name and \(Defaults.deadLetterSuffix)).")
    var deadLetter: String?

    @Option(help: ArgumentHelp("Have events delivered to this address.", valueName: "url"))
    var push: String?

    @Option(
        help: ArgumentHelp("With --push: how long the receiver may take.", valueName: "duration"),
        transform: Parse.duration)
    var pushTimeout: Duration?

    @Option(help: "With --push: how many requests are under way at the same time.")
    var pushConcurrency: Int?

    @OptionGroup(title: "Order") var order: OrderOptions

    func validate() throws {
        guard push != nil || (pushTimeout == nil && pushConcurrency == nil) else {
            throw ValidationError("--push-timeout and --push-concurrency go with --push")
        }
    }

    /// The settings that were named.
    var settings: JSONObject {
        var settings = JSONObject()
        settings["pattern"] = pattern
        settings["lease"] = lease.map { .string(DurationText.format($0)) }
        settings["max_in_flight"] = maxInFlight.map { .number(JSONNumber($0)) }
        settings["max_attempts"] = maxAttempts.map { .number(JSONNumber($0)) }
        var retry = JSONObject()
        retry["initial"] = retryInitial.map { .string(DurationText.format($0)) }
        retry["max"] = retryMax.map { .string(DurationText.format($0)) }
        if !retry.members.isEmpty { settings["retry"] = .object(retry) }
        settings["dead_letter"] = deadLetter.map { .string($0) }
        settings["push"] = push.map { .object(Webhook.settings($0, pushTimeout, pushConcurrency)) }
        order.add(to: &settings)
        return settings
    }
}

/// Settings of a webhook.
enum Webhook {
    static func settings(_ url: String, _ timeout: Duration?, _ concurrency: Int?) -> JSONObject {
        var settings = JSONObject()
        settings["url"] = .string(url)
        settings["timeout"] = timeout.map { .string(DurationText.format($0)) }
        settings["concurrency"] = concurrency.map { .number(JSONNumber($0)) }
        return settings
    }
}

extension SubscriptionCommand {
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List subscriptions.",
            discussion: """
                EXAMPLES
                  apus subscription list
                  apus subscription list --topic orders
                """)

        @Option(help: "Only those of this topic.") var topic: String?
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let subscriptions = try await global.withClient { client in
                try await client.all { after throws(ApusClientError) in
                    try await client.subscriptions(of: topic, limit: Defaults.pageLimitMax, after: after)
                }
            }
            if global.json { return subscriptions.forEach { global.console.print($0.json.description) } }
            var table = Table(
                ("NAME", .left), ("TOPIC", .left), ("KIND", .left), ("BACKLOG", .right),
                ("IN FLIGHT", .right),
                ("WAITING", .right), ("DEAD", .right), ("OLDEST", .left))
            for subscription in subscriptions {
                let kind = subscription.pushURL == nil ? subscription.kind : "push"
                table.add(
                    subscription.name, subscription.topic, subscription.isPaused ? kind + " (paused)" : kind,
                    Self.count(subscription.backlog), Self.count(subscription.inFlight),
                    Self.count(subscription.waiting), Self.count(subscription.deadLettered),
                    subscription.oldestUnsettled ?? "-")
            }
            global.show(
                table, empty: "no subscriptions; make one with 'apus subscription create NAME --topic TOPIC'")
        }

        private static func count(_ value: Int64?) -> String { value.map { Decimal.grouped($0) } ?? "-" }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Show a subscription's settings and state.",
            discussion: """
                EXAMPLES
                  apus subscription show billing
                """)

        @Argument(help: "The subscription.") var name: String
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let subscription = try await global.withClient { try await $0.subscription(name) }
            global.show(subscription.json) { Properties.lines(subscription.json) }
        }
    }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "create", abstract: "Create a subscription.",
            discussion: """
                EXAMPLES
                  apus subscription create billing --topic orders
                  apus subscription create audit --topic orders --kind cursor --from earliest
                  apus subscription create hooks --topic orders --push https://example.org/hook --max-attempts 5
                """)

        @Argument(help: "The subscription.") var name: String
        @Option(help: "The topic that it reads.") var topic: String
        @Option(help: "shared (each event is settled by itself) or cursor (one position for each partition).")
        var kind: String = "shared"

        @Option(
            help: ArgumentHelp(
                "Where it begins: earliest, latest, an offset, a time, or a duration back (1h).",
                valueName: "position"),
            transform: Parse.position)
        var from: Position = .latest

        @Option(
            help: ArgumentHelp("Where it ends, as that is now (default: nowhere).", valueName: "position"),
            transform: Parse.position)
        var to: Position?

        @OptionGroup var options: SubscriptionSettingsOptions
        @OptionGroup var global: GlobalOptions

        func validate() throws {
            guard kind == "shared" || kind == "cursor" else {
                throw ValidationError("--kind is shared or cursor")
            }
        }

        func run() async throws {
            var settings = JSONObject()
            settings["topic"] = .string(topic)
            settings["kind"] = .string(kind)
            settings["start"] = .string(from.description)
            settings["end"] = to.map { .string($0.description) }
            for member in options.settings.members { settings[member.name] = member.value }
            let stored = try await global.withClient { try await $0.putSubscription(name, settings) }
            global.show(stored.value.json) {
                [
                    stored.created
                        ? "created subscription \(name)"
                        : "subscription \(name) was there already; it has these settings now"
                ]
            }
            if global.console.isErrorTerminal, !global.json, kind == "shared", options.push == nil {
                global.console.note("take events off it with: apus receive \(name) --ack")
            }
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "set", abstract: "Change settings of a subscription.",
            discussion: """
                EXAMPLES
                  apus subscription set billing --lease 2m
                  apus subscription set billing --max-attempts 5 --retry-max 1m
                  apus subscription set billing --ordering key --fairness attribute:tenant --weight gold=10
                  apus subscription set billing --priority none
                """)

        @Argument(help: "The subscription.") var name: String
        @OptionGroup var options: SubscriptionSettingsOptions
        @OptionGroup var global: GlobalOptions

        func validate() throws {
            guard !options.settings.members.isEmpty else { throw ValidationError("nothing to change") }
        }

        func run() async throws {
            let stored = try await global.withClient { client in
                _ = try await client.subscription(name)
                return try await client.putSubscription(name, options.settings)
            }
            global.show(stored.value.json) { ["changed subscription \(name)"] }
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "delete", abstract: "Delete a subscription.",
            discussion: """
                EXAMPLES
                  apus subscription delete billing --yes
                """)

        @Argument(help: "The subscription.") var name: String
        @OptionGroup var confirmation: ConfirmationOptions
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            try await confirmation.confirm(
                "delete subscription \(name) and forget how far it was", global.console)
            try await global.withClient { try await $0.deleteSubscription(name) }
            global.show(["deleted": .string(name)]) { ["deleted subscription \(name)"] }
        }
    }

    struct Replay: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "replay",
            abstract: "Have events come again: all from a position on, or what lies between two.",
            discussion: """
                EXAMPLES
                  apus subscription replay billing --from 1h
                  apus subscription replay billing --from 2h --to 1h    once more, beside what is new
                  apus subscription replay billing --from 2026-11-23T21:00:00Z
                  apus subscription replay billing --from latest        leave everything out that waits
                """)

        @Argument(help: "The subscription.") var name: String

        @Option(
            help: ArgumentHelp(
                "Where to: earliest, latest, an offset, a time, or a duration back (1h).",
                valueName: "position"),
            transform: Parse.position)
        var from: Position

        @Option(
            help: ArgumentHelp(
                "Only up to there, and leave the subscription where it is.", valueName: "position"),
            transform: Parse.position)
        var to: Position?

        @OptionGroup var global: GlobalOptions

        func run() async throws {
            if let to {
                try await global.withClient { try await $0.replay(name, from: from, to: to) }
                return global.show(
                    [
                        "replayed": .string(name), "from": .string(from.description),
                        "to": .string(to.description),
                    ]
                ) { ["subscription \(name) gets the events from \(from) to \(to) once more"] }
            }
            try await global.withClient { try await $0.replay(name, from: from) }
            global.show(["replayed": .string(name), "from": .string(from.description)]) {
                ["subscription \(name) goes on from \(from)"]
            }
        }
    }

    struct Pause: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "pause", abstract: "Stop handing out events.",
            discussion: """
                EXAMPLES
                  apus subscription pause billing
                """)

        @Argument(help: "The subscription.") var name: String
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            try await global.withClient { try await $0.pause(name) }
            global.show(["paused": .string(name)]) {
                ["paused subscription \(name); go on with 'apus subscription resume \(name)'"]
            }
        }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "resume", abstract: "Start handing out events again.",
            discussion: """
                EXAMPLES
                  apus subscription resume billing
                """)

        @Argument(help: "The subscription.") var name: String
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            try await global.withClient { try await $0.resume(name) }
            global.show(["resumed": .string(name)]) { ["resumed subscription \(name)"] }
        }
    }
}
