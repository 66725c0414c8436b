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
            ReleaseCommand.self, RejectCommand.self, ExtendCommand.self, RetryCommand.self, Replay.self,
            Pause.self, Resume.self, PushTestCommand.self, RotateSecretCommand.self,
            RetireSecretsCommand.self,
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

    @Option(
        help: ArgumentHelp(
            "The waits before the second attempt, the third, and so on, with commas between them; the last one holds for all that follow. 'none' for exponential waits.",
            valueName: "durations"),
        transform: Parse.schedule)
    var retrySchedule: [Duration]?

    @Option(
        help: ArgumentHelp(
            "How long after its arrival an event is still tried ('none' for as long as there are attempts).",
            valueName: "duration"),
        transform: Parse.optionalDuration)
    var maxAge: Parse.OptionalDuration?

    @Option(help: "The dead-letter topic (default: the topic's name and \(Defaults.deadLetterSuffix)).")
    var deadLetter: String?

    @Option(
        help: ArgumentHelp(
            "Delete it when nobody has received from it for so long ('none' for never).",
            valueName: "duration"),
        transform: Parse.optionalDuration)
    var expiresAfter: Parse.OptionalDuration?

    @Option(help: ArgumentHelp("Have events delivered to this address.", valueName: "url"))
    var push: String?

    @Option(
        help: ArgumentHelp(
            "Have events delivered to a topic of an outside broker.", valueName: "connection/topic"),
        transform: BusAddress.init(argument:))
    var pushBus: BusAddress?

    @OptionGroup var delivery: PushOptions

    @OptionGroup(title: "Order") var order: OrderOptions

    @OptionGroup(title: "Alarms") var alarm: AlarmOptions

    /// The settings that were named; `push` is the push settings in force.
    ///
    /// - Throws: `Failure` if settings of a push are named where nothing is pushed, or a secret's file cannot be read.
    func settings(push current: JSONObject?) async throws -> JSONObject {
        var settings = plain
        var base = current
        if let push {
            base = base?["url"] == nil ? JSONObject() : base
            base?["url"] = .string(push)
        }
        if let pushBus {
            // What was said of a webhook does not hold for a broker.
            var settings = base?["connection"] == nil ? JSONObject() : base ?? JSONObject()
            for member in pushBus.settings.members { settings[member.name] = member.value }
            base = settings
        }
        guard push != nil || pushBus != nil || !delivery.isEmpty else { return settings }
        guard let base else {
            throw Failure(
                "options for pushing without an address",
                why: "events are pushed only where --push or --push-bus says",
                status: .usage)
        }
        settings["push"] = .object(try await delivery.applied(to: base))
        return settings
    }

    /// Whether nothing was named.
    var isEmpty: Bool { plain.members.isEmpty && push == nil && pushBus == nil && delivery.isEmpty }

    private var plain: JSONObject {
        var settings = JSONObject()
        settings["pattern"] = pattern
        settings["lease"] = lease.map { .string(DurationText.format($0)) }
        settings["max_in_flight"] = maxInFlight.map { .number(JSONNumber($0)) }
        settings["max_attempts"] = maxAttempts.map { .number(JSONNumber($0)) }
        settings["expires_after"] = expiresAfter.map {
            $0.value.map { .string(DurationText.format($0)) } ?? .null
        }
        var retry = JSONObject()
        retry["initial"] = retryInitial.map { .string(DurationText.format($0)) }
        retry["max"] = retryMax.map { .string(DurationText.format($0)) }
        retry["schedule"] = retrySchedule.map { .array($0.map { .string(DurationText.format($0)) }) }
        retry["max_age"] = maxAge.map { $0.value.map { .string(DurationText.format($0)) } ?? .null }
        if !retry.members.isEmpty { settings["retry"] = .object(retry) }
        settings["dead_letter"] = deadLetter.map { .string($0) }
        order.add(to: &settings)
        alarm.add(to: &settings)
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
                table.add(
                    subscription.name, subscription.topic, Self.kind(subscription),
                    Self.count(subscription.backlog), Self.count(subscription.inFlight),
                    Self.count(subscription.waiting), Self.count(subscription.deadLettered),
                    subscription.oldestUnsettled ?? "-")
            }
            global.show(
                table, empty: "no subscriptions; make one with 'apus subscription create NAME --topic TOPIC'")
        }

        private static func kind(_ subscription: SubscriptionInfo) -> String {
            let kind = subscription.pushURL == nil ? subscription.kind : "push"
            if subscription.isPaused { return kind + " (paused)" }
            guard let circuit = subscription.circuit, circuit != "closed" else { return kind }
            return kind + " (\(circuit))"
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
                  apus subscription create bulk --topic orders --push https://example.org/bulk --push-mode batch \\
                    --push-rate 500 --push-secret @hook.secret --retry-schedule 5s,1m,10m,1h --max-age 1d
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
            for member in try await options.settings(push: nil).members {
                settings[member.name] = member.value
            }
            let stored = try await global.withClient { try await $0.putSubscription(name, settings) }
            global.show(stored.value.json) {
                [
                    stored.created
                        ? "created subscription \(name)"
                        : "subscription \(name) was there already; it has these settings now"
                ]
            }
            if global.console.isErrorTerminal, !global.json, kind == "shared", options.push == nil,
                options.pushBus == nil
            {
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
                  apus subscription set hooks --push-concurrency 32
                """)

        @Argument(help: "The subscription.") var name: String
        @OptionGroup var options: SubscriptionSettingsOptions
        @OptionGroup var global: GlobalOptions

        func validate() throws {
            guard !options.isEmpty else { throw ValidationError("nothing to change") }
        }

        func run() async throws {
            let stored = try await global.withClient { client in
                // What is not named stays: secrets and credentials come masked, and stand for themselves when they go back.
                let current = try await client.subscription(name).json["push"]?.object
                return try await client.putSubscription(name, try await options.settings(push: current))
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
                  apus subscription replay billing --from 1h --dry-run
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

        @Flag(help: "Only tell what would come again and what would be passed over.") var dryRun = false

        @OptionGroup var global: GlobalOptions

        func run() async throws {
            if dryRun { return try await preview() }
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

        private func preview() async throws {
            let preview = try await global.withClient {
                try await $0.previewReplay(name, from: from, to: to)
            }
            let rows = (preview["positions"]?.array ?? []).compactMap(\.object)
            func number(_ row: JSONObject, _ member: String) -> Int64 { row[member]?.int64 ?? 0 }
            global.show(preview) {
                var table = Table(
                    ("PARTITION", .right), ("SETTLED BEFORE", .right), ("THEN", .right),
                    ("COME AGAIN", .right), ("PASSED OVER", .right))
                for row in rows {
                    table.add(
                        cells: ["partition", "cursor", "to", "again", "skipped"].map {
                            "\(number(row, $0))"
                        })
                }
                let again = rows.reduce(0) { $0 + number($1, "again") }
                let skipped = rows.reduce(0) { $0 + number($1, "skipped") }
                return table.lines(on: global.console) + [
                    "\(again) would come again, \(skipped) would be passed over; nothing has been changed"
                ]
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
