// SPDX-License-Identifier: Apache-2.0

// `apus dead-letter`: what could not be delivered, and what is to become of it.

internal import ApusClient
internal import ApusModel
internal import ArgumentParser
internal import JSONText

/// `apus dead-letter`.
struct DeadLetterCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dead-letter", abstract: "List, redrive and discard events that could not be delivered.",
        discussion: """
            EXAMPLES
              apus dead-letter causes
              apus dead-letter list
              apus dead-letter redrive --subscription billing --dry-run
              apus dead-letter redrive --subscription billing
              apus dead-letter discard --id orders.dead-letter/0/7 --yes
            """,
        subcommands: [Causes.self, List.self, Redrive.self, Discard.self], aliases: ["dead-letters", "dlq"])
}

/// What narrows down which dead letters are meant.
struct DeadLetterFilter: ParsableArguments {
    @Option(help: "Only those in this dead-letter topic.") var topic: String?
    @Option(help: "Only those of this subscription.") var subscription: String?
    @Option(help: "Only those of this rule.") var rule: String?
    @Option(help: "Only those of this feed.") var feed: String?

    @Option(
        help: ArgumentHelp(
            "Only those of this cause, as 'apus dead-letter causes' tells it.", valueName: "text"))
    var cause: String?

    @Option(
        help: ArgumentHelp("Only those whose event matches.", valueName: "json"), transform: Parse.pattern)
    var pattern: JSONValue?

    @Option(
        help: ArgumentHelp(
            "Only those given up since then (a time, or 1h for an hour ago).", valueName: "time"))
    var since: String?

    @Option(help: ArgumentHelp("Only those given up before then.", valueName: "time"))
    var until: String?

    var isEmpty: Bool {
        topic == nil && subscription == nil && rule == nil && feed == nil && cause == nil && pattern == nil
            && since == nil
            && until == nil
    }

    func selection(ids: [String] = []) -> DeadLetterSelection {
        DeadLetterSelection(
            topic: topic, subscription: subscription, rule: rule, feed: feed, cause: cause, ids: ids,
            pattern: pattern,
            since: since, until: until)
    }
}

/// Which dead letters are meant.
struct DeadLetterOptions: ParsableArguments {
    @OptionGroup var filter: DeadLetterFilter
    @Option(name: .customLong("id"), help: "Only this one; repeatable.") var ids: [String] = []
    @Flag(help: "All of them.") var all = false
    @Flag(help: "Say how many there are, and do nothing.") var dryRun = false

    func validate() throws {
        guard (!filter.isEmpty || !ids.isEmpty) != all else {
            throw ValidationError(
                "say which: --topic, --subscription, --rule, --feed, --cause, --pattern, --since, --until, --id, or --all"
            )
        }
    }

    /// Tells that some of those that were named do not exist (any more).
    func check(matched: Int) throws {
        let named = Set(ids).count
        guard matched < named else { return }
        throw Failure(
            "\(named - matched) of \(named) dead letters do not exist",
            why: "they were redriven or discarded, or never were", fix: "apus dead-letter list",
            status: .notFound)
    }

    var selection: DeadLetterSelection { filter.selection(ids: ids) }
}

extension DeadLetterCommand {
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List dead letters, oldest first.",
            discussion: """
                EXAMPLES
                  apus dead-letter list
                  apus dead-letter list --subscription billing --json | jq .event
                """)

        @OptionGroup var filter: DeadLetterFilter
        @Option(help: "The most dead letters.") var limit: Int = Defaults.pageLimit
        @OptionGroup var global: GlobalOptions

        func validate() throws {
            guard limit > 0 else { throw ValidationError("--limit is at least 1") }
        }

        func run() async throws {
            let letters = try await global.withClient { try await self.letters($0) }
            if global.json { return letters.forEach { global.console.print($0.json.description) } }
            var table = Table(
                ("ID", .left), ("GIVEN UP BY", .left), ("GAVE UP", .left), ("ATTEMPTS", .right),
                ("TYPE", .left),
                ("REASON", .left))
            for letter in letters {
                table.add(
                    letter.id,
                    !letter.rule.isEmpty
                        ? "rule \(letter.rule)"
                        : letter.feed.isEmpty ? letter.subscription : "feed \(letter.feed)",
                    letter.last ?? "-", String(letter.attempts),
                    letter.event.type,
                    letter.reason)
            }
            global.show(table, empty: "no dead letters")
            if !letters.isEmpty, global.console.isErrorTerminal {
                global.console.note("send them back with: apus dead-letter redrive --subscription NAME")
            }
        }

        private func letters(_ client: ApusClient) async throws -> [DeadLetterInfo] {
            var letters: [DeadLetterInfo] = []
            var after: String?
            repeat {
                let page = try await client.deadLetters(
                    filter.selection(), limit: min(limit - letters.count, Defaults.pageLimitMax), after: after
                )
                letters += page.elements
                after = page.next
            } while after != nil && letters.count < limit
            return letters
        }
    }

    struct Redrive: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "redrive",
            abstract: "Send dead letters back to the subscriptions, rules and feeds that gave them up.",
            discussion: """
                EXAMPLES
                  apus dead-letter redrive --subscription billing --dry-run
                  apus dead-letter redrive --id orders.dead-letter/0/7
                  apus dead-letter redrive --pattern '{"type": ["order.placed"]}' --since 1h
                  apus dead-letter redrive --id orders.dead-letter/0/7 --edit event.json

                An edited event keeps its source and id; its lineage tells that it was edited.
                """)

        @OptionGroup var options: DeadLetterOptions

        @Option(
            help: "Send the one --id back as the event in this file (- for standard input).",
            completion: .file())
        var edit: String?

        @OptionGroup var global: GlobalOptions

        func validate() throws {
            guard edit == nil || (options.ids.count == 1 && options.filter.isEmpty && !options.dryRun) else {
                throw ValidationError("--edit goes with exactly one --id, and with nothing else")
            }
        }

        func run() async throws {
            if let edit, let id = options.ids.first {
                let event = try await JSONFile.read(edit)
                let result = try await global.withClient { try await $0.redrive(id, as: event) }
                global.show(result.json) { ["redrove \(id), edited"] }
                return try options.check(matched: Int(result.matched))
            }
            let result = try await global.withClient {
                try await $0.redrive(options.selection, dryRun: options.dryRun)
            }
            global.show(result.json) {
                options.dryRun
                    ? ["would redrive \(Decimal.grouped(result.matched)) dead letters"]
                    : [
                        "redrove \(Decimal.grouped(result.done)) of \(Decimal.grouped(result.matched)) dead letters"
                    ]
            }
            try options.check(matched: Int(result.matched))
        }
    }

    struct Discard: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "discard", abstract: "Forget dead letters for good.",
            discussion: """
                EXAMPLES
                  apus dead-letter discard --subscription billing --dry-run
                  apus dead-letter discard --id orders.dead-letter/0/7 --yes
                  apus dead-letter discard --subscription billing --reason 'test orders of Monday'
                """)

        @Option(help: "Why, for whoever looks into their journeys (apus trace).") var reason: String?

        @OptionGroup var options: DeadLetterOptions
        @OptionGroup var confirmation: ConfirmationOptions
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            if !options.dryRun {
                try await confirmation.confirm("discard dead letters for good", global.console)
            }
            let result = try await global.withClient {
                try await $0.discard(options.selection, reason: reason, dryRun: options.dryRun)
            }
            global.show(result.json) {
                options.dryRun
                    ? ["would discard \(Decimal.grouped(result.matched)) dead letters"]
                    : [
                        "discarded \(Decimal.grouped(result.done)) of \(Decimal.grouped(result.matched)) dead letters"
                    ]
            }
            try options.check(matched: Int(result.matched))
        }
    }
}
