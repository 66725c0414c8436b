// SPDX-License-Identifier: Apache-2.0

// The way of single events: one event's journey, looking for events, and attempts to deliver, of one subscription or of all.

internal import ApusEngine
internal import ApusHTTPCodec
internal import ApusModel
internal import JSONText

/// Routes about the way of single events.
enum JourneyRoutes {
    static let all: [Route] = [journey, search, attemptsOfAll, attempts]

    private static let journey = Route(
        method: .get, path: PathTemplate("/v1/topics/{topic}/journey"), operation: "eventJourney",
        summary:
            "Tells the way of one event: who published it, rules, every attempt to deliver it, and its copies.",
        chapter: .events,
        parameters: [
            .partition,
            QueryParameter(name: "offset", schema: .integer(Bounds.offset), about: "The event's offset."),
            QueryParameter(
                name: "explain", schema: .boolean,
                about: "Whether each condition of rules and subscriptions is told by itself."),
        ],
        successes: [.json(.ok, "The way of the event, as far as it is known.", .journey)],
        problems: [.notFound, .trimmed, .invalid, .corrupt],
        handler: .answer { context, call async throws(Problem) in
            let topic = try call.name()
            guard call.query.string("offset") != nil else {
                throw Problem(.malformed, "query parameter 'offset' is missing: name the event")
            }
            let place = EventPlace(
                topic: topic, partition: try call.query.int("partition", in: Bounds.partition, default: 0),
                offset: Offset(Int64(try call.query.int("offset", in: Bounds.offset, default: 0))))
            let explain = try call.query.bool("explain")
            let journey = try await context.ask { broker async throws(BrokerError) in
                try await broker.journey(of: place, explaining: explain)
            }
            return .json { $0.journey(journey) }
        })

    private static let search = Route(
        method: .get, path: PathTemplate("/v1/events"), operation: "findEvents",
        summary:
            "Looks for events by what is known of them, in each partition the newest first. Long histories take "
            + "several requests: send back 'rest' until it is null.",
        chapter: .events,
        parameters: [
            QueryParameter(
                name: "topic", schema: .name, about: "Only in this topic; in all if absent.",
                isRepeatable: true),
            QueryParameter(name: "id", schema: .text, about: "Only events with this id."),
            QueryParameter(name: "key", schema: .text, about: "Only events with this key."),
            QueryParameter(
                name: "correlation", schema: .text,
                about: "Only events of this chain: the 'correlationid', or the id of its first event."),
            QueryParameter(
                name: "causation", schema: .text, about: "Only events that the event with this id caused."),
            QueryParameter(
                name: "text", schema: .text,
                about: "Only events that have this text in an attribute or the data."),
            QueryParameter(
                name: "since", schema: .moment, about: "Only events that came at or after this time."),
            QueryParameter(name: "until", schema: .moment, about: "Only events that came before this time."),
            QueryParameter(
                name: "limit", schema: .integer(Bounds.page), about: "How many events at most; 20 if absent."),
            QueryParameter(name: "rest", schema: .text, about: "Where to go on, from the answer before."),
        ],
        successes: [.json(.ok, "What this step found, and where to go on.", .foundEvents)],
        problems: [.notFound, .invalid, .corrupt],
        handler: .answer { context, call async throws(Problem) in
            let search = try EventSearch(call.query, now: context.now)
            let limit = try call.query.int("limit", in: Bounds.page, default: 20)
            let found = try await context.ask { broker async throws(BrokerError) in
                try await broker.search(search, limit: limit)
            }
            return .json { writer in
                writer.object { writer in
                    writer.member("events", list: found.events) { $0.storedEvent($1) }
                    writer.member("looked", found.looked)
                    writer.member("rest", found.rest?.description)
                }
            }
        })

    private static let attemptsOfAll = Route(
        method: .get, path: PathTemplate("/v1/attempts"), operation: "findAttempts",
        summary:
            "Lists what is noted of attempts to deliver, of all subscriptions or of one, newest first. A page that is not full is not the last, as long "
            + "as 'next' is there.",
        chapter: .subscriptions,
        parameters: [
            QueryParameter(
                name: "subscription", schema: .text, about: "Only those of this one; of all if absent.")
        ] + attemptParameters,
        successes: [.json(.ok, "A page of attempts.", .attempts)],
        problems: [.notFound, .invalid],
        handler: .answer { context, call async throws(Problem) in
            try await attempts(AttemptSearch(of: try call.query.name("subscription")), call, context)
        })

    private static let attempts = Route(
        method: .get, path: PathTemplate("/v1/subscriptions/{subscription}/attempts"),
        operation: "listAttempts",
        summary: "Lists what is noted of attempts to deliver to a subscription, newest first.",
        chapter: .subscriptions, parameters: attemptParameters,
        successes: [.json(.ok, "A page of attempts.", .attempts)],
        problems: [.notFound, .invalid],
        handler: .answer { context, call async throws(Problem) in
            try await attempts(AttemptSearch(of: try call.name()), call, context)
        })

    private static let attemptParameters = [
        QueryParameter(
            name: "failed", schema: .boolean, about: "Only those that failed; false if absent."),
        QueryParameter(
            name: "status", schema: .integer(Bounds.status),
            about: "Only those with this answer of the target."),
        QueryParameter(name: "reason", schema: .text, about: "Only those with this text in their reason."),
        QueryParameter(
            name: "since", schema: .moment, about: "Only those that ended at or after this time."),
        QueryParameter(
            name: "limit", schema: .integer(Bounds.page), about: "How many at most; 100 if absent."),
        QueryParameter(
            name: "before", schema: .integer(Bounds.offset), about: "Where to go on: 'next' of a page."),
    ]

    private static func attempts(
        _ search: AttemptSearch, _ call: Call, _ context: GatewayContext
    ) async throws(Problem) -> Answer {
        var search = search
        search.failuresOnly = try call.query.bool("failed")
        if call.query.string("status") != nil {
            search.status = try call.query.int("status", in: Bounds.status, default: 0)
        }
        search.reason = call.query.string("reason")
        search.since = try call.query.moment("since", now: context.now)
        let limit = try call.query.int("limit", in: Bounds.page, default: 100)
        let before = try call.query.string("before").map { _ throws(Problem) in
            Offset(Int64(try call.query.int("before", in: Bounds.offset, default: 0)))
        }
        let wanted = search
        let list = try await context.ask { broker async throws(BrokerError) in
            try await broker.attempts(wanted, before: before, limit: limit)
        }
        return .json { writer in
            writer.object { writer in
                writer.member("attempts", list: list.attempts) { writer, attempt in
                    writer.object { writer in
                        writer.key("place")
                        writer.place(attempt.place)
                        writer.member("time", attempt.time)
                        writer.attemptMembers(attempt.note)
                    }
                }
                writer.key("next")
                if let next = list.next { writer.integer(next.rawValue) } else { writer.null() }
            }
        }
    }
}

extension EventSearch {
    fileprivate init(_ query: QueryReader, now: Timestamp) throws(Problem) {
        self.init()
        for text in query.strings("topic") {
            do { topics.append(try ResourceName(text)) } catch {
                throw Problem(.malformed, "query parameter 'topic': \(error.description)")
            }
        }
        (id, key) = (query.string("id"), query.string("key"))
        (correlation, causation) = (query.string("correlation"), query.string("causation"))
        text = query.string("text")
        since = try query.moment("since", now: now)
        until = try query.moment("until", now: now)
        guard let rest = query.string("rest") else { return }
        guard let place = EventPlace(rest) else {
            throw Problem(.malformed, "query parameter 'rest' must be what an answer before gave as 'rest'")
        }
        self.rest = place
    }
}
