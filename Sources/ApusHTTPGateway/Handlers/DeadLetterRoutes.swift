// SPDX-License-Identifier: Apache-2.0

// Dead letters: look, send back, forget.

internal import ApusEngine
internal import ApusHTTPCodec
internal import ApusModel
internal import CloudEvents
internal import JSONText

/// Routes about dead letters.
enum DeadLetterRoutes {
    static let all: [Route] = [list, redrive, discard]

    private static let list = Route(
        method: .get, path: PathTemplate("/v1/dead-letters"), operation: "listDeadLetters",
        summary:
            "Lists dead letters, oldest first; a page ends early where it would hold more than 4 MiB of data.",
        chapter: .deadLetters,
        parameters: [
            QueryParameter(name: "topic", schema: .name, about: "Only those in this dead-letter topic."),
            QueryParameter(name: "subscription", schema: .name, about: "Only those of this subscription."),
            QueryParameter(name: "rule", schema: .name, about: "Only those of this rule."),
            QueryParameter(name: "feed", schema: .name, about: "Only those of this feed."),
            .pattern,
            QueryParameter(
                name: "since", schema: .moment, about: "Only those given up at or after this time."),
            QueryParameter(name: "until", schema: .moment, about: "Only those given up before this time."),
        ] + QueryParameter.page,
        successes: [.json(.ok, "A page of dead letters.", .deadLetters)],
        problems: [.notFound, .invalid, .corrupt],
        handler: .answer { context, call async throws(Problem) in
            let page = try call.query.page()
            var selection = DeadLetterSelection()
            selection.topic = try call.query.name("topic")
            selection.subscription = try call.query.name("subscription")
            selection.rule = try call.query.name("rule")
            selection.feed = try call.query.name("feed")
            selection.pattern = try call.query.pattern("pattern")
            selection.since = try call.query.moment("since", now: context.now)
            selection.until = try call.query.moment("until", now: context.now)
            let wanted = selection
            let letters = try await context.ask { broker async throws(BrokerError) in
                try await broker.deadLetters(wanted, page)
            }
            let isFull = letters.reduce(0) { $0 + $1.dataBytes } >= Page.bytesMax
            return .page("dead_letters", letters, of: page, isFull: isFull, next: \.id) { $0.deadLetter($1) }
        })

    private static let redrive = moving(
        "redrive",
        "Sends dead letters back to the subscriptions, rules and feeds that gave them up, one edited if wanted.",
        "redriven", body: Schema.redriveRequest, .deadLetterRedrive, .redriveResult
    ) { broker, selection, edited, dryRun async throws(BrokerError) in
        guard let edited, let id = selection.ids?.first else {
            return try await broker.redrive(selection, dryRun: dryRun)
        }
        return try await broker.redrive(id, as: edited)
    }

    private static let discard = moving(
        "discard", "Forgets dead letters for good.", "discarded", body: Schema.deadLetterSelection,
        .deadLetterSelection, .discardResult
    ) { broker, selection, _, dryRun async throws(BrokerError) in
        try await broker.discard(selection, dryRun: dryRun)
    }

    private static func moving(
        _ verb: String, _ summary: String, _ member: StaticString, body: ObjectSchema, _ name: Definition,
        _ result: Definition,
        _ operation:
            @escaping @Sendable (any Broker, DeadLetterSelection, CloudEvent?, Bool) async throws(BrokerError)
            -> DeadLetterResult
    ) -> Route {
        Route(
            method: .post, path: PathTemplate("/v1/dead-letters/\(verb)"), operation: verb, summary: summary,
            chapter: .deadLetters, body: .json(.reference(name)),
            successes: [.json(.ok, "How many were meant, and how many moved.", result)],
            problems: [.notFound, .unsupportedMediaType, .conflict, .invalid, .corrupt],
            handler: .answer { context, call async throws(Problem) in
                let reader = try call.members(body)
                let selection = try DeadLetterSelection(reader, now: context.now)
                let dryRun = try reader.bool("dry_run") ?? false
                let edited = try reader.event("event")
                guard edited == nil || (selection.ids?.count == 1 && !dryRun) else {
                    throw Problem(
                        .malformed,
                        "'event' is what one dead letter becomes: name it alone in 'ids', without 'dry_run'"
                    )
                }
                let result = try await context.ask { broker async throws(BrokerError) in
                    try await operation(broker, selection, edited, dryRun)
                }
                return .json { writer in
                    writer.object { writer in
                        writer.member("matched", result.matched)
                        writer.member(member, result.moved)
                    }
                }
            })
    }
}

extension DeadLetterSelection {
    fileprivate init(_ reader: MemberReader, now: Timestamp) throws(Problem) {
        self.init()
        pattern = try reader.pattern("pattern")
        since = try reader.moment("since", now: now)
        until = try reader.moment("until", now: now)
        topic = try reader.name("topic")
        subscription = try reader.name("subscription")
        rule = try reader.name("rule")
        feed = try reader.name("feed")
        ids = try reader.strings("ids", count: Bounds.deadLetterIDs)
    }
}
