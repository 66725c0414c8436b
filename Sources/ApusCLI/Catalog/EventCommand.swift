// SPDX-License-Identifier: Apache-2.0

// `apus event`: the catalogue of events.

internal import ApusClient
internal import ApusModel
internal import ArgumentParser
internal import JSONText

/// `apus event`.
struct EventCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "event",
        abstract: "List types of events, show who publishes and who gets one, declare and export them.",
        discussion: """
            EXAMPLES
              apus event list --search order
              apus event show order.placed
              apus event declare order.placed --owner shop --topic orders --description 'Somebody has bought something.'
              apus event declare --file events.json
              apus event export --html > events.html
            """,
        subcommands: [List.self, Show.self, Declare.self, Withdraw.self, Export.self], aliases: ["events"])
}

extension EventCommand {
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List types of events: declared ones and discovered ones.",
            discussion: """
                EXAMPLES
                  apus event list
                  apus event list --search order
                  apus event list --topic orders --json | jq -r 'select(.declared | not) | .type'
                """)

        @Option(
            help: "Only those in which this text stands: type, title, owner, description, topics, producers.")
        var search: String?
        @Option(help: "Only those of this topic.") var topic: String?
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let types = try await global.withClient { client in
                try await client.all { after throws(ApusClientError) in
                    try await client.eventTypes(
                        search: search, topic: topic, limit: Defaults.pageLimitMax, after: after)
                }
            }
            if global.json { return types.forEach { global.console.print($0.json.description) } }
            var table = Table(
                ("TYPE", .left), ("KNOWN", .left), ("OWNER", .left), ("TOPICS", .left), ("SEEN", .right),
                ("LAST", .left))
            for type in types {
                table.add(
                    type.type, type.known, type.owner ?? "-", type.topics.joined(separator: ", "),
                    Decimal.grouped(type.count), type.last ?? "-")
            }
            global.show(
                table,
                empty: "no events are known; publish some, or say what there is with 'apus event declare'")
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show",
            abstract: "Show everything that is known of a type: who publishes it, and who gets it.",
            discussion: """
                EXAMPLES
                  apus event show order.placed
                  apus event show order.placed --json | jq -r '.consumers[].name'
                """)

        @Argument(help: "The type.") var type: String
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let found = try await global.withClient { try await $0.eventType(type) }
            global.show(found.json) { EventTypeText.lines(found, on: global.console) }
        }
    }

    struct Withdraw: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "withdraw", abstract: "Take back what was declared about a type.",
            discussion: """
                EXAMPLES
                  apus event withdraw order.placed --yes
                """)

        @Argument(help: "The type.") var type: String
        @OptionGroup var confirmation: ConfirmationOptions
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            try await confirmation.confirm(
                "take back what was declared about events of type '\(type)'", global.console)
            try await global.withClient { try await $0.withdrawEventType(type) }
            let json: JSONValue = ["withdrawn": .string(type)]
            global.show(json) { ["what was declared about \(type) does not hold any more"] }
        }
    }
}

extension EventTypeInfo {
    /// How it came to be known.
    var known: String {
        switch (isDeclared, isDiscovered) {
        case (true, true): "declared, seen"
        case (true, false): "declared"
        default: "discovered"
        }
    }
}

/// A type of events as people read it.
enum EventTypeText {
    static func lines(_ type: EventTypeInfo, on console: Console) -> [String] {
        let json = type.json
        var lines = ["\(Console.printable(type.type)): \(type.known)"]
        for name in ["title", "owner", "description"] {
            if let text = json[name]?.string { lines.append("  \(name)  \(Console.printable(text))") }
        }
        if let example = json["example"], example != .null {
            lines.append("  example  \(Console.printable(example.description))")
        }
        lines += section("topics", topics(json), "none is known", on: console)
        lines += section("published by", producers(json), on: console)
        lines += section("gets it, and breaks if it changes", consumers(json), on: console)
        lines += section("schemas", schemas(json), "none is registered", on: console)
        return lines
    }

    private static func section(
        _ title: String, _ table: Table, _ remark: String = "nobody that is known", on console: Console
    ) -> [String] {
        ["", title] + (table.isEmpty ? ["  " + remark] : table.lines(on: console).map { "  " + $0 })
    }

    private static func text(_ value: JSONValue?) -> String { value?.string ?? "-" }

    private static func names(_ value: JSONValue?) -> String {
        (value?.array ?? []).map { $0.string ?? $0.description }.joined(separator: ", ")
    }

    private static func topics(_ json: JSONValue) -> Table {
        var table = Table(
            ("TOPIC", .left), ("KNOWN", .left), ("SEEN", .right), ("FIRST", .left), ("LAST", .left),
            ("COPIED BY", .left))
        for place in json["topics"]?.array ?? [] {
            let seen = place["count"]?.int64 ?? 0
            let words = [
                place["declared"]?.bool == true ? "declared" : nil, seen > 0 ? "seen" : nil,
                place["exists"]?.bool == false ? "missing" : nil,
            ].compactMap { $0 }
            table.add(
                text(place["topic"]), words.joined(separator: ", "), Decimal.grouped(seen),
                text(place["first"]), text(place["last"]), names(place["rules"]))
        }
        return table
    }

    private static func producers(_ json: JSONValue) -> Table {
        var table = Table(
            ("SOURCE", .left), ("TOPIC", .left), ("BY", .left), ("SEEN", .right), ("LAST", .left))
        for producer in json["producers"]?.array ?? [] {
            table.add(
                text(producer["source"]), text(producer["topic"]), text(producer["way"]),
                Decimal.grouped(producer["count"]?.int64 ?? 0), text(producer["last"]))
        }
        for name in json["declared_producers"]?.array ?? [] {
            table.add(text(name), "-", "declared", "-", "-")
        }
        return table
    }

    private static func consumers(_ json: JSONValue) -> Table {
        var table = Table(
            ("KIND", .left), ("NAME", .left), ("TOPIC", .left), ("GETS", .left), ("PASSES ON TO", .left))
        for consumer in json["consumers"]?.array ?? [] {
            let paused = consumer["paused"]?.bool == true ? " (paused)" : ""
            table.add(
                text(consumer["kind"]), text(consumer["name"]) + paused, text(consumer["topic"]),
                text(consumer["gets"]), names(consumer["targets"]))
        }
        for name in json["declared_consumers"]?.array ?? [] {
            table.add("declared", text(name), "-", "-", "")
        }
        return table
    }

    private static func schemas(_ json: JSONValue) -> Table {
        var table = Table(
            ("SUBJECT", .left), ("BY", .left), ("FORMAT", .left), ("LATEST", .right), ("VERSIONS", .left))
        for schema in json["schemas"]?.array ?? [] {
            table.add(
                text(schema["subject"]), text(schema["by"]), text(schema["format"]),
                schema["version"]?.int64.map(String.init) ?? "-", names(schema["versions"]))
        }
        return table
    }
}
