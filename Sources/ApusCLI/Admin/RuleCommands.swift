// SPDX-License-Identifier: Apache-2.0

// `apus rule`: which events go where, and why one does not.

internal import ApusClient
internal import ApusModel
internal import ArgumentParser
internal import JSONText

/// `apus rule`.
struct RuleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rule", abstract: "List, show, set, delete, test and try rules.",
        discussion: """
            EXAMPLES
              apus rule set vip --topic orders --pattern '{"data": {"total": [{"numeric": [">", 100]}]}}' --to-topic vip
              apus rule set crm --topic orders --pattern '{"type": ["order.placed"]}' --to-webhook https://example.org/hook
              apus rule test --rule vip --event order.json
              apus rule try --rule vip --from 7d
              apus rule list
            """,
        subcommands: [List.self, Show.self, Set.self, Delete.self, Test.self, Try.self], aliases: ["rules"])
}

extension RuleCommand {
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List rules.",
            discussion: """
                EXAMPLES
                  apus rule list
                  apus rule list --topic orders
                """)

        @Option(help: "Only those of this topic.") var topic: String?
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let rules = try await global.withClient { client in
                try await client.all { after throws(ApusClientError) in
                    try await client.rules(of: topic, limit: Defaults.pageLimitMax, after: after)
                }
            }
            if global.json { return rules.forEach { global.console.print($0.json.description) } }
            var table = Table(
                ("NAME", .left), ("TOPIC", .left), ("STATE", .left), ("MATCHED", .right), ("TARGETS", .left),
                ("PATTERN", .left))
            for rule in rules {
                table.add(
                    rule.name, rule.topic, rule.isEnabled ? "on" : "off",
                    rule.matched.map { Decimal.grouped($0) } ?? "-", rule.targets.joined(separator: ", "),
                    rule.pattern.description)
            }
            global.show(
                table,
                empty:
                    "no rules; make one with 'apus rule set NAME --topic TOPIC --pattern JSON --to-topic TOPIC'"
            )
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Show a rule.",
            discussion: """
                EXAMPLES
                  apus rule show vip
                """)

        @Argument(help: "The rule.") var name: String
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let rule = try await global.withClient { try await $0.rule(name) }
            global.show(rule.json) { Properties.lines(rule.json) }
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "set", abstract: "Create or replace a rule.",
            discussion: """
                EXAMPLES
                  apus rule set vip --topic orders --pattern '{"type": ["order.placed"]}' --to-topic vip
                  apus rule set crm --topic orders --pattern '{"type": ["order.placed"]}' \\
                    --to-webhook https://example.org/hook
                  apus rule set vip --topic orders --pattern '{}' --to-topic vip --transform vip-shape.json
                  apus rule set vip --file vip.json
                """)

        @Argument(help: "The rule.") var name: String
        @Option(help: "The topic whose events it looks at.") var topic: String?

        @Option(help: ArgumentHelp("Which events it takes.", valueName: "json"), transform: Parse.pattern)
        var pattern: JSONValue?

        @Option(help: ArgumentHelp("Copy them to this topic; repeatable.", valueName: "topic"))
        var toTopic: [String] = []

        @Option(help: ArgumentHelp("Deliver them to this address; repeatable.", valueName: "url"))
        var toWebhook: [String] = []

        @Option(
            help: ArgumentHelp(
                "Deliver them to a topic of an outside broker; repeatable.", valueName: "connection/topic"),
            transform: BusAddress.init(argument:))
        var toBus: [BusAddress] = []

        @Option(
            help: ArgumentHelp(
                "A file with what becomes of events before they go to these targets, as JSON.",
                valueName: "file"),
            completion: .file())
        var transform: String?
        @OptionGroup(title: "Of --to-webhook and --to-bus") var delivery: PushOptions

        @Flag(help: "Make it, and do not let it work yet.") var disabled = false

        @Option(help: "A file with the rule as JSON (- for standard input).", completion: .file())
        var file: String?

        @OptionGroup var global: GlobalOptions

        func validate() throws {
            let hasOptions =
                topic != nil || pattern != nil || !toTopic.isEmpty || !toWebhook.isEmpty || !toBus.isEmpty
                || transform != nil
            guard (file != nil) != hasOptions else {
                throw ValidationError("a rule needs --topic, --pattern and a target, or --file")
            }
            guard delivery.isEmpty || !toWebhook.isEmpty || !toBus.isEmpty else {
                throw ValidationError("the --push options go with --to-webhook and --to-bus")
            }
            let hasTarget = !(toTopic.isEmpty && toWebhook.isEmpty && toBus.isEmpty)
            guard file != nil || (topic != nil && pattern != nil && hasTarget) else {
                throw ValidationError(
                    "a rule needs --topic, --pattern, and --to-topic, --to-webhook or --to-bus")
            }
        }

        func run() async throws {
            let settings = try await settings()
            let stored = try await global.withClient { try await $0.putRule(name, settings) }
            global.show(stored.value.json) {
                [stored.created ? "created rule \(name)" : "replaced rule \(name)"]
            }
        }

        private func settings() async throws -> JSONObject {
            if let file {
                guard var object = try await JSONFile.read(file).object else {
                    throw Failure(
                        "\(file) does not hold a rule", why: "a rule is a JSON object", status: .usage)
                }
                object["name"] = nil  // the command line names it
                // What a rule is shown with and cannot be told, so that one that was shown can be set again.
                for member in ["created", "matches", "subscriptions"] { object[member] = nil }
                return object
            }
            var settings = JSONObject()
            settings["topic"] = topic.map { .string($0) }
            settings["pattern"] = pattern
            settings["enabled"] = .bool(!disabled)
            let topics: [JSONValue] = toTopic.map { ["topic": .string($0)] }
            var webhooks: [JSONValue] = []
            for url in toWebhook {
                var base = JSONObject()
                base["url"] = .string(url)
                let push = try await delivery.applied(to: base)
                webhooks.append(["webhook": .object(push)])
            }
            for address in toBus {
                webhooks.append(["bus": .object(try await delivery.applied(to: address.settings))])
            }
            var shape: JSONValue?
            if let transform { shape = try await JSONFile.read(transform) }
            let transformation = shape
            settings["targets"] = .array(
                (topics + webhooks).map { target in
                    guard let transformation, var object = target.object else { return target }
                    object["transformation"] = transformation
                    return .object(object)
                })
            return settings
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "delete", abstract: "Delete a rule.",
            discussion: """
                EXAMPLES
                  apus rule delete vip --yes
                """)

        @Argument(help: "The rule.") var name: String
        @OptionGroup var confirmation: ConfirmationOptions
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            try await confirmation.confirm("delete rule \(name)", global.console)
            try await global.withClient { try await $0.deleteRule(name) }
            global.show(["deleted": .string(name)]) { ["deleted rule \(name)"] }
        }
    }
}

/// JSON in files.
enum JSONFile {
    /// The value in a file; `-` is standard input.
    static func read(_ path: String) async throws -> JSONValue {
        let bytes = try await InputSource.withFile(path) {
            try await $0.readAll(limit: Defaults.bodyBytesMax)
        }
        do {
            return try JSONValue(parsing: bytes)
        } catch {
            throw Failure("\(path) is not JSON", why: error.description, status: .usage)
        }
    }
}
