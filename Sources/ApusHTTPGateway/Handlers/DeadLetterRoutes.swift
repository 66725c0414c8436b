// SPDX-License-Identifier: Apache-2.0

// Dead letters: look, send back, forget.

internal import ApusEngine
internal import ApusHTTPCodec
internal import ApusModel
internal import CloudEvents
internal import JSONText

/// Routes about dead letters.
enum DeadLetterRoutes {
    static let all: [Route] = [list, causes, redrive, discard]

    private static let list = Route(
        method: .get, path: PathTemplate("/v1/dead-letters"), operation: "listDeadLetters",
        summary:
            "Lists dead letters, oldest first; a page ends early where it would hold more than 4 MiB of data.",
        chapter: .deadLetters,
        parameters: selection + QueryParameter.page,
        successes: [.json(.ok, "A page of dead letters.", .deadLetters)],
        problems: [.notFound, .invalid, .corrupt],
        handler: .answer { context, call async throws(Problem) in
            let page = try call.query.page()
            let wanted = try DeadLetterSelection(call.query, now: context.now)
            let letters = try await context.ask { broker async throws(BrokerError) in
                try await broker.deadLetters(wanted, page)
            }
            let isFull = letters.reduce(0) { $0 + $1.dataBytes } >= Page.bytesMax
            return .page("dead_letters", letters, of: page, isFull: isFull, next: \.id) { $0.deadLetter($1) }
        })

    private static let causes = Route(
        method: .get, path: PathTemplate("/v1/dead-letters/causes"), operation: "listDeadLetterCauses",
        summary:
            "Dead letters by who gave up, and why, the most frequent first: reasons that differ in figures alone are one cause. Many letters "
            + "take several requests: ask again with 'after' until 'next' is null, and add up what has the same giver and cause.",
        chapter: .deadLetters,
        parameters: selection + [
            QueryParameter(
                name: "after", schema: .text, about: "Where to go on: 'next' of the answer before.")
        ],
        successes: [.json(.ok, "What this step found.", .deadLetterCauses)],
        problems: [.notFound, .invalid, .corrupt],
        handler: .answer { context, call async throws(Problem) in
            let wanted = try DeadLetterSelection(call.query, now: context.now)
            let after = call.query.string("after")
            let found = try await context.ask { broker async throws(BrokerError) in
                try await broker.deadLetterCauses(wanted, after: after)
            }
            return .json { writer in
                writer.object { writer in
                    writer.member("causes", list: found.causes) { $0.deadLetterCause($1) }
                    writer.member("looked", found.looked)
                    writer.member("next", found.next)
                }
            }
        })

    private static let selection = [
        QueryParameter(name: "topic", schema: .name, about: "Only those in this dead-letter topic."),
        QueryParameter(name: "subscription", schema: .name, about: "Only those of this subscription."),
        QueryParameter(name: "rule", schema: .name, about: "Only those of this rule."),
        QueryParameter(name: "feed", schema: .name, about: "Only those of this feed."),
        .pattern,
        QueryParameter(
            name: "since", schema: .moment, about: "Only those given up at or after this time."),
        QueryParameter(name: "until", schema: .moment, about: "Only those given up before this time."),
        QueryParameter(name: "cause", schema: .text, about: "Only those of this cause."),
    ]

    private static let redrive = moving(
        "redrive",
        "Sends dead letters back to the subscriptions, rules and feeds that gave them up, one edited if wanted.",
        "redriven", body: Schema.redriveRequest, .deadLetterRedrive, .redriveResult
    ) { broker, selection, how, dryRun async throws(BrokerError) in
        guard let edited = how.event, let id = selection.ids?.first else {
            return try await broker.redrive(selection, dryRun: dryRun)
        }
        return try await broker.redrive(id, as: edited)
    }

    private static let discard = moving(
        "discard", "Forgets dead letters for good; 'reason' is kept in their journeys.", "discarded",
        body: Schema.discardRequest, .deadLetterDiscard, .discardResult
    ) { broker, selection, how, dryRun async throws(BrokerError) in
        try await broker.discard(selection, reason: how.reason, dryRun: dryRun)
    }

    /// What is said beside which dead letters are meant.
    private struct Manner: Sendable {
        /// What one becomes that is sent back.
        var event: CloudEvent?
        /// Why some are discarded.
        var reason: String?
    }

    private static func moving(
        _ verb: String, _ summary: String, _ member: StaticString, body: ObjectSchema, _ name: Definition,
        _ result: Definition,
        _ operation:
            @escaping @Sendable (any Broker, DeadLetterSelection, Manner, Bool) async throws(BrokerError)
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
                let manner = Manner(event: edited, reason: try reader.string("reason"))
                let result = try await context.ask { broker async throws(BrokerError) in
                    try await operation(broker, selection, manner, dryRun)
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
    fileprivate init(_ query: QueryReader, now: Timestamp) throws(Problem) {
        self.init()
        topic = try query.name("topic")
        subscription = try query.name("subscription")
        rule = try query.name("rule")
        feed = try query.name("feed")
        cause = query.string("cause")
        pattern = try query.pattern("pattern")
        since = try query.moment("since", now: now)
        until = try query.moment("until", now: now)
    }

    fileprivate init(_ reader: MemberReader, now: Timestamp) throws(Problem) {
        self.init()
        pattern = try reader.pattern("pattern")
        since = try reader.moment("since", now: now)
        until = try reader.moment("until", now: now)
        topic = try reader.name("topic")
        subscription = try reader.name("subscription")
        rule = try reader.name("rule")
        feed = try reader.name("feed")
        cause = try reader.string("cause")
        ids = try reader.strings("ids", count: Bounds.deadLetterIDs)
    }
}

extension JSONWriter {
    fileprivate mutating func deadLetterCause(_ cause: DeadLetterCause) {
        object { writer in
            writer.member("subscription", cause.key.subscription?.description)
            writer.member("rule", cause.key.rule?.description)
            writer.member("feed", cause.key.feed?.description)
            writer.member("cause", cause.key.cause)
            writer.member("count", cause.count)
            writer.member("first", cause.first)
            writer.member("last", cause.last)
            writer.key("sample")
            writer.deadLetter(cause.sample)
        }
    }
}
