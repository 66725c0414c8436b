// SPDX-License-Identifier: Apache-2.0

// `apus topic`: what topics there are, and what is decided about them.

internal import ApusClient
internal import ApusModel
internal import ArgumentParser
internal import JSONText

/// `apus topic`.
struct TopicCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "topic", abstract: "List, show, create, change, purge and delete topics.",
        discussion: """
            EXAMPLES
              apus topic list
              apus topic create orders --partitions 4 --retention 30d
              apus topic set orders --durability 100ms
              apus topic create prices --cleanup compact
              apus topic delete orders --yes
            """,
        subcommands: [List.self, Show.self, Create.self, Set.self, Purge.self, Delete.self],
        aliases: ["topics"])
}

/// Settings of a topic as options.
struct TopicSettingsOptions: ParsableArguments {
    @Option(help: "How many partitions; they can be added, never taken away.")
    var partitions: Int?

    @Option(
        help: "When a publish is acknowledged: flush, none or an interval such as 100ms.",
        transform: Parse.durability)
    var durability: String?

    @Option(
        help: ArgumentHelp(
            "How long events are kept, or never to keep them for ever.", valueName: "duration"),
        transform: Limit.duration)
    var retention: Limit?

    @Option(
        help: ArgumentHelp("How much is kept of each partition, or never for no limit.", valueName: "size"),
        transform: Limit.size)
    var retentionSize: Limit?

    @Option(
        help: ArgumentHelp(
            "When a segment is closed, from 1MiB to 1GiB; retention forgets whole ones.", valueName: "size"
        ),
        transform: Parse.size)
    var segmentSize: Int?

    @Option(
        help: ArgumentHelp(
            "The age at which a segment is closed, however small it is.", valueName: "duration"),
        transform: Parse.duration)
    var segmentAge: Duration?

    @Option(
        help: ArgumentHelp("The largest batch of events that is taken, up to 32MiB.", valueName: "size"),
        transform: Parse.size)
    var maxBatchSize: Int?

    @Option(
        help: ArgumentHelp(
            "Where records of Kafka clients have their time from: producer or append.", valueName: "source"))
    var timestamps: String?

    @Option(
        help: ArgumentHelp(
            "What becomes of old events: delete (by age and size), compact (all but the last of each key go) or compact,delete.",
            valueName: "policy"))
    var cleanup: String?

    @Option(
        help: ArgumentHelp(
            "Where topics are compacted: how long events without data, which delete their key, can be read.",
            valueName: "duration"),
        transform: Limit.duration)
    var deleteRetention: Limit?

    @Option(
        help: ArgumentHelp(
            "Where topics are compacted: how old events are at least that are looked at.",
            valueName: "duration"),
        transform: Limit.duration)
    var minCompactionLag: Limit?

    @Option(
        help: ArgumentHelp(
            "Where topics are compacted: how much of a partition has to be new, in percent.",
            valueName: "percent"))
    var dirtyPercent: Int?

    @Option(
        help: ArgumentHelp(
            "How long after arrival events are handed out, or never for no limit.", valueName: "duration"),
        transform: Limit.duration)
    var ttl: Limit?

    @Option(
        help: ArgumentHelp(
            "For how long events published twice are stored once, or never to store them as often as they come.",
            valueName: "duration"),
        transform: Limit.duration)
    var deduplicate: Limit?

    @Option(
        help: "With --deduplicate: the extension attribute that tells duplicates (default: source and id).")
    var deduplicateBy: String?

    @Option(
        help: ArgumentHelp(
            "What becomes of events that their schema does not accept: off, warn or enforce.",
            valueName: "enforcement"))
    var schema: String?

    @Option(
        help: ArgumentHelp(
            "With --schema: the subject that events are judged by (default: by dataschema, type or topic).",
            valueName: "subject"))
    var schemaSubject: String?

    @Option(
        help: ArgumentHelp(
            "With --schema enforce: the topic that refused events go to instead.", valueName: "topic"))
    var schemaQuarantine: String?

    func validate() throws {
        guard deduplicateBy == nil || deduplicate != nil else {
            throw ValidationError("--deduplicate-by goes with --deduplicate")
        }
        guard schema != nil || (schemaSubject == nil && schemaQuarantine == nil) else {
            throw ValidationError("--schema-subject and --schema-quarantine go with --schema")
        }
        guard schema.map({ ["off", "warn", "enforce"].contains($0) }) ?? true else {
            throw ValidationError("--schema is off, warn or enforce")
        }
        guard cleanup.map({ ["delete", "compact", "compact,delete"].contains($0) }) ?? true else {
            throw ValidationError("--cleanup is delete, compact or compact,delete")
        }
        guard timestamps.map({ ["producer", "append"].contains($0) }) ?? true else {
            throw ValidationError("--timestamps is producer or append")
        }
        guard dirtyPercent.map({ (0...100).contains($0) }) ?? true else {
            throw ValidationError("--dirty-percent is between 0 and 100")
        }
        guard deleteRetention != Limit.none, minCompactionLag != Limit.none else {
            throw ValidationError("--delete-retention and --min-compaction-lag are durations")
        }
        guard partitions.map({ $0 > 0 }) ?? true else { throw ValidationError("--partitions is at least 1") }
    }

    /// The settings that were named.
    var settings: JSONObject {
        var settings = JSONObject()
        settings["partitions"] = partitions.map { .number(JSONNumber($0)) }
        settings["durability"] = durability.map { .string($0) }
        var limits = JSONObject()
        limits["age"] = retention?.json
        limits["bytes"] = retentionSize?.json
        if !limits.members.isEmpty { settings["retention"] = .object(limits) }
        settings["segment_bytes"] = segmentSize.map { .number(JSONNumber($0)) }
        settings["segment_age"] = segmentAge.map { .string(DurationText.format($0)) }
        settings["max_batch_bytes"] = maxBatchSize.map { .number(JSONNumber($0)) }
        settings["timestamps"] = timestamps.map { .string($0) }
        settings["ttl"] = ttl?.json
        settings["cleanup"] = cleanup.map { .string($0) }
        var compaction = JSONObject()
        compaction["delete_retention"] = deleteRetention?.json
        compaction["min_lag"] = minCompactionLag?.json
        compaction["dirty_percent"] = dirtyPercent.map { .number(JSONNumber($0)) }
        if !compaction.members.isEmpty { settings["compaction"] = .object(compaction) }
        if let schema {
            var judging = JSONObject()
            judging["enforcement"] = .string(schema)
            judging["subject"] = schemaSubject.map { .string($0) }
            judging["quarantine"] = schemaQuarantine.map { .string($0) }
            settings["schema"] = .object(judging)
        }
        switch deduplicate {
        case nil: break
        case .some(.none): settings["deduplication"] = .null
        case .value(let window):
            var deduplication = JSONObject()
            deduplication["window"] = window
            deduplication["attribute"] = deduplicateBy.map { .string($0) }
            settings["deduplication"] = .object(deduplication)
        }
        return settings
    }
}

/// A limit that can be taken away.
enum Limit: Sendable, Hashable {
    case none
    case value(JSONValue)

    static func duration(_ text: String) throws -> Limit {
        text == "never" ? .none : .value(.string(DurationText.format(try Parse.duration(text))))
    }

    static func size(_ text: String) throws -> Limit {
        text == "never" ? .none : .value(.number(JSONNumber(try Parse.size(text))))
    }

    var json: JSONValue {
        switch self {
        case .none: .null
        case .value(let value): value
        }
    }
}

extension TopicInfo {
    /// How many events are kept. Positions tell that where nothing is taken out from between others; where a topic is compacted, they tell how many there are at most.
    var eventsText: String {
        guard let events else { return "-" }
        let isCompacted = (json["cleanup"]?.string ?? "delete") != "delete"
        return (isCompacted && events > 0 ? "at most " : "") + Decimal.grouped(events)
    }
}

extension TopicCommand {
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List topics.",
            discussion: """
                EXAMPLES
                  apus topic list
                  apus topic list --json | jq -r .name
                """)

        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let topics = try await global.withClient { client in
                try await client.all { after throws(ApusClientError) in
                    try await client.topics(limit: Defaults.pageLimitMax, after: after)
                }
            }
            if global.json { return topics.forEach { global.console.print($0.json.description) } }
            var table = Table(
                ("NAME", .left), ("PARTITIONS", .right), ("DURABILITY", .left), ("KEEPS", .left),
                ("EVENTS", .right), ("SIZE", .right))
            for topic in topics {
                table.add(
                    topic.name, String(topic.partitionCount), topic.durability, Self.retention(topic),
                    topic.eventsText,
                    topic.bytes.map { SizeText.format(Int($0)) } ?? "-")
            }
            global.show(table, empty: "no topics; make one with 'apus topic create NAME'")
        }

        private static func retention(_ topic: TopicInfo) -> String {
            let cleanup = topic.json["cleanup"]?.string ?? "delete"
            guard cleanup != "compact" else { return "last of each key" }
            let limits = [
                cleanup == "delete" ? nil : "last of each key", topic.retentionAge,
                topic.retentionBytes.map { SizeText.format(Int($0)) },
            ].compactMap { $0 }
            return limits.isEmpty ? "all" : limits.joined(separator: ", ")
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Show a topic's settings and partitions.",
            discussion: """
                EXAMPLES
                  apus topic show orders
                """)

        @Argument(help: "The topic.") var name: String
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let topic = try await global.withClient { try await $0.topic(name) }
            global.show(topic.json) { Properties.lines(topic.json) }
        }
    }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "create", abstract: "Create a topic.",
            discussion: """
                EXAMPLES
                  apus topic create orders
                  apus topic create clicks --partitions 8 --durability 100ms --retention 1d
                """)

        @Argument(help: "The topic.") var name: String
        @OptionGroup var options: TopicSettingsOptions
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let stored = try await global.withClient { try await $0.putTopic(name, options.settings) }
            global.show(stored.value.json) {
                [
                    stored.created
                        ? "created topic \(name)"
                        : "topic \(name) was there already; it has these settings now"
                ]
            }
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "set", abstract: "Change settings of a topic.",
            discussion: """
                EXAMPLES
                  apus topic set orders --retention 30d
                  apus topic set orders --partitions 8
                """)

        @Argument(help: "The topic.") var name: String
        @OptionGroup var options: TopicSettingsOptions
        @OptionGroup var global: GlobalOptions

        func validate() throws {
            guard !options.settings.members.isEmpty else { throw ValidationError("nothing to change") }
        }

        func run() async throws {
            let stored = try await global.withClient { client in
                // A PUT would make a topic whose name was mistyped.
                _ = try await client.topic(name)
                return try await client.putTopic(name, options.settings)
            }
            global.show(stored.value.json) { ["changed topic \(name)"] }
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "delete", abstract: "Delete a topic with all its events.",
            discussion: """
                EXAMPLES
                  apus topic delete orders --yes
                  apus topic delete orders --cascade       and the rules, subscriptions and feeds that use it
                """)

        @Argument(help: "The topic.") var name: String
        @Flag(help: "Delete the rules, subscriptions and feeds that use it, too.") var cascade = false
        @OptionGroup var confirmation: ConfirmationOptions
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            try await confirmation.confirm("delete topic \(name) with all its events", global.console)
            try await global.withClient { try await $0.deleteTopic(name, cascade: cascade) }
            global.show(["deleted": .string(name)]) { ["deleted topic \(name)"] }
        }
    }
}
