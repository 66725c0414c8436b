// SPDX-License-Identifier: Apache-2.0

// `apus trace`: the way of one event, from its publisher to the end of its last copy.

internal import ApusClient
internal import ApusModel
internal import ArgumentParser
internal import JSONText

/// `apus trace`.
struct TraceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace", abstract: "Show the way of an event: publisher, rules, every attempt, copies.",
        discussion: """
            EXAMPLES
              apus trace 4b7c2f8e                      the event with this id, in whatever topic
              apus trace orders/0/17                   the one at this place
              apus trace --key customer-7 --since 1h   the newest of this key
              apus trace --text coffee --list          where this occurs
              apus trace 4b7c2f8e --chain              what caused it and what it caused
              apus trace orders/0/17 --why             with what rules and subscriptions asked and found
              apus trace --subscription billing        its failed attempts, newest first
              apus trace --attempts --status 503       failed attempts of all subscriptions; --since 1h, --text TEXT
            """)

    @Argument(help: "The event's id, or topic/partition/offset.")
    var event: String?

    @Option(help: "The newest event with this key.")
    var key: String?

    @Option(help: "The newest event that has this text in an attribute or the data.")
    var text: String?

    @Option(help: "The newest event that the one with this id caused.")
    var causedBy: String?

    @Option(help: "Only in this topic; repeatable (default: all).")
    var topic: [String] = []

    @Option(
        help: ArgumentHelp(
            "Only events that came since then (a time, or 1h for an hour ago).", valueName: "time"))
    var since: String?

    @Option(help: ArgumentHelp("Only events that came before then.", valueName: "time"))
    var until: String?

    @Flag(help: "Say which events these are, and no more.")
    var list = false

    @Flag(help: "List what caused the event, what it caused, and what else is of its chain.")
    var chain = false

    @Flag(help: "Show each condition of rules and subscriptions.")
    var why = false

    @Flag(help: "Show what was sent and what came back in each attempt.")
    var full = false

    @Option(
        help: ArgumentHelp("Show the failed attempts of this subscription instead.", valueName: "name"))
    var subscription: String?

    @Flag(
        help: "Show failed attempts of all subscriptions instead; with --since and --text (in their reason).")
    var attempts = false

    @Option(
        help: ArgumentHelp(
            "With --attempts or --subscription: only those that were answered so.", valueName: "code"))
    var status: Int?

    @Option(help: "With --list, --attempts or --subscription: how many at most.")
    var limit: Int = 20

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard (1...Defaults.pageLimitMax).contains(limit) else {
            throw ValidationError("--limit is from 1 to \(Defaults.pageLimitMax)")
        }
        let isSearch = event != nil || key != nil || causedBy != nil
        // A list may be of all events of a topic, or of some time; one event is not chosen by that.
        let isRoughly = text != nil || since != nil || (list && (until != nil || !topic.isEmpty))
        guard isAboutAttempts || isSearch || isRoughly, !(isAboutAttempts && isSearch) else {
            throw ValidationError(
                "say which event: its id, topic/partition/offset, --key, --text, --caused-by or --since; or "
                    + "--attempts, --subscription for attempts")
        }
        guard status == nil || isAboutAttempts else {
            throw ValidationError("--status is of attempts: add --attempts, or name a --subscription")
        }
        guard !isAboutAttempts || (until == nil && topic.isEmpty && !list) else {
            throw ValidationError("attempts are chosen by --subscription, --status, --text and --since")
        }
    }

    private var isAboutAttempts: Bool { attempts || subscription != nil }

    func run() async throws {
        try await global.withClient { client in
            if isAboutAttempts { return try await showAttempts(client) }
            if let place = event.flatMap(Place.init), !list {
                return try await show(place, client)
            }
            let found = try await find(client)
            if list { return showList(found) }
            guard let chosen = Self.choose(found) else {
                throw Failure(
                    "no such event", why: "nothing that is kept is like that",
                    fix: "apus trace --text TEXT --list, or name --topic and --since", status: .notFound)
            }
            try await show(Place(chosen), client)
        }
    }

    // MARK: Which one

    /// Where an event lies.
    struct Place {
        var topic: String
        var partition: Int
        var offset: Int64

        init(_ stored: StoredEvent) {
            (topic, partition, offset) = (stored.topic ?? "", stored.partition, stored.offset)
        }

        init?(_ text: String) {
            let parts = text.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 3, let partition = Int(parts[1]), let offset = Int64(parts[2]) else {
                return nil
            }
            (topic, self.partition, self.offset) = (String(parts[0]), partition, offset)
        }
    }

    private func find(_ client: ApusClient) async throws -> [StoredEvent] {
        var search = EventSearch()
        (search.id, search.key, search.text, search.causation) = (event, key, text, causedBy)
        (search.topics, search.since, search.until) = (topic, since, until)
        return try await findAll(search, client).sorted { $0.time > $1.time }
    }

    private func findAll(_ search: EventSearch, _ client: ApusClient) async throws -> [StoredEvent] {
        var found: [StoredEvent] = []
        var rest: String?
        repeat {
            let step = try await client.findEvents(
                search, limit: max(1, min(limit, limit - found.count)), rest: rest)
            found += step.events
            rest = step.rest
        } while rest != nil && found.count < limit
        return found
    }

    /// Copies have the id of what they were copied from: the one that was published tells most. Of several the newest.
    private static func choose(_ found: [StoredEvent]) -> StoredEvent? {
        found.first { $0.json.object?["lineage"] == nil } ?? found.first
    }

    private func showList(_ found: [StoredEvent]) {
        if global.json { return found.forEach { global.console.print($0.json.description) } }
        var table = Table(
            ("EVENT", .left), ("ARRIVED", .left), ("TYPE", .left), ("ID", .left), ("KEY", .left))
        for stored in found {
            table.add(
                "\(stored.topic ?? "")/\(stored.partition)/\(stored.offset)", stored.time, stored.event.type,
                stored.event.id, stored.key ?? "-")
        }
        global.show(table, empty: "no such events")
    }

    private func show(_ place: Place, _ client: ApusClient) async throws {
        if chain { return try await showChain(of: place, client) }
        let json = try await client.journey(
            of: place.topic, partition: place.partition, offset: place.offset, explaining: why)
        global.show(json) {
            TraceText(json, isFull: full, console: global.console).lines
        }
    }

    /// Causes and effects, in the order of time.
    private func showChain(of place: Place, _ client: ApusClient) async throws {
        let page = try await client.read(
            place.topic, partition: place.partition, from: .offset(place.offset), limit: 1)
        guard let stored = page.events.first, stored.offset == place.offset else {
            throw Failure(
                "there is no event at \(place.topic)/\(place.partition)/\(place.offset)", status: .notFound)
        }
        func attribute(_ name: String) -> String? {
            stored.json.object?["event"]?.object?[name]?.string
        }
        var search = EventSearch()
        (search.topics, search.since, search.until) = (topic, since, until)
        var related: [(relation: String, stored: StoredEvent)] = [("this", stored)]
        func add(_ relation: String, _ change: (inout EventSearch) -> Void) async throws {
            var wanted = search
            change(&wanted)
            for found in try await findAll(wanted, client)
            where !related.contains(where: { $0.stored.json == found.json }) {
                related.append((relation, found))
            }
        }
        if let cause = attribute("causationid") { try await add("cause") { $0.id = cause } }
        try await add("effect") { $0.causation = stored.event.id }
        try await add("chain") { $0.correlation = attribute("correlationid") ?? stored.event.id }
        related.sort { $0.stored.time < $1.stored.time }
        if global.json { return related.forEach { global.console.print($0.stored.json.description) } }
        var table = Table(
            ("RELATION", .left), ("EVENT", .left), ("ARRIVED", .left), ("TYPE", .left), ("ID", .left))
        for (relation, found) in related {
            table.add(
                relation, "\(found.topic ?? place.topic)/\(found.partition)/\(found.offset)", found.time,
                found.event.type, found.event.id)
        }
        global.show(table, empty: "nothing is related to it")
    }

    // MARK: Attempts

    private func showAttempts(_ client: ApusClient) async throws {
        var search = AttemptSearch()
        (search.subscription, search.failedOnly) = (subscription, true)
        (search.status, search.reason, search.since) = (status, text, since)
        var found: [JSONValue] = []
        var next: Int64?
        repeat {
            let page = try await client.attempts(search, limit: limit - found.count, before: next)
            found += page.attempts
            next = page.next
        } while next != nil && found.count < limit
        if global.json { return found.forEach { global.console.print($0.description) } }
        // Of one subscription, its name in each row would say nothing.
        var columns: [(title: String, alignment: Table.Alignment)] = [
            ("ENDED", .left), ("EVENT", .left), ("ATTEMPT", .right), ("OUTCOME", .left), ("STATUS", .right),
            ("TOOK", .right), ("NEXT", .left), ("REASON", .left),
        ]
        if subscription == nil { columns.insert(("SUBSCRIPTION", .left), at: 1) }
        var table = Table(columns)
        for attempt in found {
            let fields = attempt.object
            let text = TraceText.AttemptText(attempt)
            let place = fields?["place"]?.object
            let event = place.map { TraceText.place($0) } ?? "-"
            var cells = [
                fields?["time"]?.string ?? "-", event, text.number, text.outcome, text.status, text.took,
                fields?["next"]?.string ?? "-", fields?["reason"]?.string ?? "",
            ]
            if subscription == nil { cells.insert(fields?["subscription"]?.string ?? "-", at: 1) }
            table.add(cells: cells)
        }
        global.show(table, empty: "no failed attempts are noted")
    }
}
