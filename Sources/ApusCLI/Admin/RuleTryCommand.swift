// SPDX-License-Identifier: Apache-2.0

// `apus rule try`: what a rule would have done to the events that are there already.

internal import ApusClient
internal import ApusModel
internal import ArgumentParser
internal import JSONText

extension RuleCommand {
    struct Try: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "try",
            abstract: "Run a rule over stored events, and see what it would match and where that would go.",
            discussion: """
                EXAMPLES
                  apus rule try --rule vip --from 7d
                  apus rule try --topic orders --pattern '{"type": ["order.placed"]}' --to-topic placed --from 24h
                  apus rule try --rule vip --newest 1000
                  apus rule try --rule vip --json | jq .event.id

                Nothing is delivered, and the rule need not exist or be enabled.
                """)

        @Option(help: "The rule to try; --pattern and --to-topic replace what it says.") var rule: String?
        @Option(help: "The topic whose events are looked at.") var topic: String?

        @Option(help: ArgumentHelp("Which events to take.", valueName: "json"), transform: Parse.pattern)
        var pattern: JSONValue?

        @Option(help: ArgumentHelp("Where copies would go; repeatable.", valueName: "topic"))
        var toTopic: [String] = []

        @Option(
            help: ArgumentHelp("Where to begin (default: earliest).", valueName: "position"),
            transform: Parse.position)
        var from: Position?

        @Option(
            help: ArgumentHelp("Where to end (default: now).", valueName: "position"),
            transform: Parse.position)
        var to: Position?

        @Option(
            help: ArgumentHelp(
                "Only so many of the newest events of all partitions together, and show the newest first.",
                valueName: "count"))
        var newest: Int?

        @Option(help: "How many of the matching events to show.") var limit: Int = 10
        @OptionGroup var global: GlobalOptions

        private static let limits = 0...1000
        private static let counts = 1...1_000_000

        func validate() throws {
            guard rule != nil || (topic != nil && pattern != nil) else {
                throw ValidationError("name a --rule, or a --topic and a --pattern")
            }
            guard rule == nil || topic == nil else {
                throw ValidationError("a rule has its topic: leave out --topic")
            }
            guard newest == nil || (from == nil && to == nil) else {
                throw ValidationError("--newest says which events are looked at: leave out --from and --to")
            }
            guard newest.map(Self.counts.contains) ?? true else {
                throw ValidationError(
                    "--newest is from 1 to \(Decimal.grouped(Int64(Self.counts.upperBound)))")
            }
            guard Self.limits.contains(limit) else {
                throw ValidationError("--limit is from 0 to \(Self.limits.upperBound)")
            }
        }

        func run() async throws {
            let outcome = try await global.withClient { try await trial($0) }
            if global.json {
                outcome.events.forEach { global.console.print($0.description) }
                return global.console.print(outcome.summary.description)
            }
            var table = Table(
                ("EVENT", .left), ("ARRIVED", .left), ("TYPE", .left), ("ID", .left), ("WOULD GO TO", .left))
            for event in outcome.events { table.add(cells: Self.cells(event)) }
            global.show(table, empty: "no event would be shown")
            global.console.print(outcome.sentence)
        }

        /// What all steps together found.
        struct Outcome: Sendable {
            var looked: Int64 = 0
            var matched: Int64 = 0
            var unreadable: Int64 = 0
            var events: [JSONValue] = []

            mutating func add(_ step: RuleTrialStep) {
                looked += step.looked
                matched += step.matched
                unreadable += step.unreadable
                events += step.events
            }

            /// Of what several steps showed, leaves what came last.
            mutating func keepNewest(_ limit: Int) {
                // Times are of one length and zone, so that they compare as text.
                events.sort { ($0["time"]?.string ?? "") > ($1["time"]?.string ?? "") }
                events.removeLast(max(0, events.count - limit))
            }

            var summary: JSONValue {
                [
                    "looked": .number(JSONNumber(looked)), "matched": .number(JSONNumber(matched)),
                    "unreadable": .number(JSONNumber(unreadable)),
                ]
            }

            var sentence: String {
                let share = looked > 0 ? " (\(Decimal.percent(matched, of: looked)))" : ""
                let damage =
                    unreadable > 0
                    ? "; \(Decimal.grouped(unreadable)) places could not be read: see 'apus doctor'" : ""
                return
                    "\(Decimal.grouped(matched)) of \(Decimal.grouped(looked)) events would match\(share)\(damage)"
            }
        }

        private func trial(_ client: ApusClient) async throws -> Outcome {
            var request = try await request(client)
            var outcome = Outcome()
            var isDone = false
            while !isDone {
                // The newest of all may be among what any step looks at.
                let shown = newest == nil ? limit - outcome.events.count : limit
                request["show"] = .number(JSONNumber(shown))
                let step = try await client.tryRule(request)
                outcome.add(step)
                if newest != nil { outcome.keepNewest(limit) }
                isDone = step.rest.isEmpty
                request["rest"] = .array(step.rest)
                (request["from"], request["to"]) = (nil, nil)
                if !isDone { show(outcome, step.rest) }
            }
            if isShown { global.console.noteWithoutNewline("\r\u{1B}[K") }
            return outcome
        }

        private var isShown: Bool { global.console.isErrorTerminal && !global.json }

        private func show(_ outcome: Outcome, _ rest: [JSONValue]) {
            guard isShown else { return }
            let left = rest.reduce(Int64(0)) {
                $0 + max(0, ($1["end"]?.int64 ?? 0) - ($1["next"]?.int64 ?? 0))
            }
            global.console.noteWithoutNewline(
                "\r\u{1B}[K\(Decimal.grouped(outcome.matched)) of \(Decimal.grouped(outcome.looked)) events match, "
                    + "\(Decimal.percent(outcome.looked, of: outcome.looked + left)) done")
        }

        private func request(_ client: ApusClient) async throws -> JSONObject {
            var request = JSONObject()
            if let rule {
                let known = try await client.rule(rule)
                request["topic"] = .string(known.topic)
                request["pattern"] = known.pattern
                request["targets"] = known.json["targets"]
            }
            if let topic { request["topic"] = .string(topic) }
            if let pattern { request["pattern"] = pattern }
            if !toTopic.isEmpty { request["targets"] = .array(toTopic.map { ["topic": .string($0)] }) }
            request["from"] = from.map { .string($0.description) }
            request["to"] = to.map { .string($0.description) }
            request["newest"] = newest.map { .number(JSONNumber($0)) }
            return request
        }

        private static func cells(_ event: JSONValue) -> [String] {
            let place = [
                event["topic"]?.string, event["partition"]?.description, event["offset"]?.description,
            ]
            let targets = (event["destinations"]?.array ?? []).map { target in
                let place =
                    target["webhook"]?.string
                    ?? "\(target["topic"]?.string ?? "?")/\(target["partition"]?.description ?? "?")"
                return target["failure"]?.string.map { "\(place) (would fail: \($0))" } ?? place
            }
            return [
                place.map { $0 ?? "?" }.joined(separator: "/"), event["time"]?.string ?? "-",
                event["event"]?["type"]?.string ?? "-", event["event"]?["id"]?.string ?? "-",
                targets.joined(separator: ", "),
            ]
        }
    }
}
