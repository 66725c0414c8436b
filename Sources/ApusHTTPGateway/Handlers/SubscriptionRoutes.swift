// SPDX-License-Identifier: Apache-2.0

// Subscriptions: list, create or change, look, delete, stop and go on.

internal import ApusEngine
internal import ApusHTTPCodec
internal import ApusModel
internal import JSONText

/// Routes about subscriptions.
enum SubscriptionRoutes {
    static let all: [Route] =
        [list, put, get, delete] + ReceiveRoutes.all + [
            replay, previewReplay, retry, pausing("pause", true, "Stops handing out."),
            pausing("resume", false, "Starts handing out again."),
        ] + ReceiverRoutes.all

    private static let path = PathTemplate("/v1/subscriptions/{subscription}")

    private static let list = Route(
        method: .get, path: PathTemplate("/v1/subscriptions"), operation: "listSubscriptions",
        summary: "Lists subscriptions by name.", chapter: .subscriptions,
        parameters: [.topic, .search] + QueryParameter.page,
        successes: [.json(.ok, "A page of subscriptions.", .subscriptions)], problems: [.notFound, .invalid],
        handler: .answer { context, call throws(Problem) in
            let page = try call.query.page()
            let topic = try call.query.name("topic")
            let found = try context.look { broker throws(BrokerError) in
                try broker.subscriptions(of: topic, page)
            }
            return .page("subscriptions", found, of: page, next: \.name.description) { $0.subscription($1) }
        })

    private static let put = Route(
        method: .put, path: path, operation: "putSubscription",
        summary: "Creates a subscription, or changes the settings that the body names.",
        chapter: .subscriptions,
        body: .optionalJSON(.reference(.subscriptionSettings)),
        successes: [.json(.ok, "Changed.", .subscription), .json(.created, "Created.", .subscription)],
        problems: [.notFound, .unsupportedMediaType, .conflict, .invalid],
        handler: .answer { context, call async throws(Problem) in
            let name = try call.name()
            let reader = try call.optionalMembers(Schema.subscriptionSettings)
            let input = try SubscriptionInput(
                reader, now: context.now, stored: find(name, context)?.push)
            return try await put(name, input, context)
        })

    private static func put(
        _ name: ResourceName, _ input: SubscriptionInput, _ context: GatewayContext
    ) async throws(Problem) -> Answer {
        if let current = find(name, context) { return try await alter(name, input, current, context) }
        let settings = try input.settings()
        do {
            let subscription = try await context.broker.createSubscription(name, settings)
            return .json(.created) { $0.subscription(subscription) }
        } catch .conflict(let reason) {
            // Somebody else may have created it since it was looked for.
            guard let current = find(name, context) else { throw Problem(.conflict(reason)) }
            return try await alter(name, input, current, context)
        } catch {
            throw Problem(error)
        }
    }

    private static func find(_ name: ResourceName, _ context: GatewayContext) -> SubscriptionSettings? {
        (try? context.broker.subscription(name))?.settings
    }

    private static func alter(
        _ name: ResourceName, _ input: SubscriptionInput, _ current: SubscriptionSettings,
        _ context: GatewayContext
    ) async throws(Problem) -> Answer {
        let changes = try input.changes(to: current)
        return try await alter(name, changes, context)
    }

    private static func alter(
        _ name: ResourceName, _ changes: SubscriptionChanges, _ context: GatewayContext
    ) async throws(Problem) -> Answer {
        let subscription = try await context.ask { broker async throws(BrokerError) in
            try await broker.alterSubscription(name, changes)
        }
        return .json { $0.subscription(subscription) }
    }

    private static let get = Route(
        method: .get, path: path, operation: "getSubscription",
        summary: "A subscription's settings and state.",
        chapter: .subscriptions, successes: [.json(.ok, "The subscription.", .subscription)],
        problems: [.notFound],
        handler: .answer { context, call throws(Problem) in try look(try call.name(), context) })

    private static func look(_ name: ResourceName, _ context: GatewayContext) throws(Problem) -> Answer {
        let subscription = try context.look { broker throws(BrokerError) in try broker.subscription(name) }
        return .json { $0.subscription(subscription) }
    }

    private static let delete = Route(
        method: .delete, path: path, operation: "deleteSubscription", summary: "Deletes a subscription.",
        chapter: .subscriptions, successes: [.done], problems: [.notFound, .conflict, .invalid],
        handler: .answer { context, call async throws(Problem) in
            let name = try call.name()
            try await context.ask { broker async throws(BrokerError) in
                try await broker.deleteSubscription(name)
            }
            return .done
        })

    private static let replay = Route(
        method: .post, path: PathTemplate("/v1/subscriptions/{subscription}/replay"), operation: "replay",
        summary:
            "Moves a subscription to a position: what was settled there comes again. With 'to', only what lies between "
            + "comes once more, beside what is new, and the position stays.",
        chapter: .subscriptions, body: .json(.object(Schema.replayRequest)),
        successes: [.json(.ok, "Moved.", .subscription)],
        problems: [.notFound, .trimmed, .unsupportedMediaType, .conflict, .invalid],
        handler: .answer { context, call async throws(Problem) in
            let name = try call.name()
            let reader = try call.members(Schema.replayRequest)
            let position = try reader.require("from") { member throws(Problem) in
                try reader.position(member, now: context.now)
            }
            let end = try reader.position("to", now: context.now)
            try await context.ask { broker async throws(BrokerError) in
                if let end {
                    try await broker.replay(name, from: position, to: end)
                } else {
                    try await broker.replay(name, from: position)
                }
            }
            return try look(name, context)
        })

    private static let previewReplay = Route(
        method: .get, path: PathTemplate("/v1/subscriptions/{subscription}/replay"),
        operation: "previewReplay",
        summary:
            "What a replay would do, partition by partition: how many offsets come again that are settled, and how many are passed over that are not.",
        chapter: .subscriptions,
        parameters: [
            .from(default: "earliest"),
            QueryParameter(
                name: "to", schema: .position,
                about: "Shared kind: only what lies between would come again, and the position would stay."),
        ],
        successes: [.json(.ok, "What would change.", .replayPreview)],
        problems: [.notFound, .trimmed, .conflict, .invalid],
        handler: .answer { context, call throws(Problem) in
            let name = try call.name()
            let start = try call.query.position("from", default: .earliest, now: context.now)
            let end =
                try call.query.string("to") == nil
                ? nil : call.query.position("to", default: .latest, now: context.now)
            let rows = try context.look { broker throws(BrokerError) in
                try broker.previewReplay(name, from: start, to: end)
            }
            return .json { writer in
                writer.object { writer in
                    writer.member("positions", list: rows) { writer, row in
                        writer.object { writer in
                            writer.member("partition", row.partition)
                            writer.member("cursor", row.cursor)
                            writer.member("to", row.to)
                            writer.member("again", row.again)
                            writer.member("skipped", row.skipped)
                        }
                    }
                }
            }
        })

    private static let retry = Route(
        method: .post, path: PathTemplate("/v1/subscriptions/{subscription}/retry"), operation: "retry",
        summary:
            "Shared kind: what waits for its next attempt is handed out now: all of it, only 'events', or what came 'since' a time. Attempts stay counted; a receiver that is left "
            + "alone after failures is probed at once.",
        chapter: .subscriptions, body: .optionalJSON(.object(Schema.retryRequest)),
        successes: [
            .json(.ok, "How many events did wait, and whether the receiver is probed.", .retryResult)
        ],
        problems: [.notFound, .unsupportedMediaType, .conflict, .invalid],
        handler: .answer { context, call async throws(Problem) in
            let name = try call.name()
            let reader = try call.optionalMembers(Schema.retryRequest)
            var chosen = try reader.places("events", count: Bounds.leases).map(RetryChoice.events) ?? .all
            if let time = try reader.moment("since", now: context.now) {
                guard chosen == .all else {
                    throw Problem(.malformed, "'events' says which are meant: leave out 'since'")
                }
                chosen = .since(time)
            }
            let wanted = chosen
            let retried = try await context.ask { broker async throws(BrokerError) in
                try await broker.retryNow(name, wanted)
            }
            return .json { writer in
                writer.object { writer in
                    writer.member("retried", retried.retried)
                    writer.member("probed", retried.isProbed)
                }
            }
        })

    private static func pausing(_ verb: String, _ isPaused: Bool, _ summary: String) -> Route {
        Route(
            method: .post, path: PathTemplate("/v1/subscriptions/{subscription}/\(verb)"), operation: verb,
            summary: summary, chapter: .subscriptions, successes: [.json(.ok, "Done.", .subscription)],
            problems: [.notFound, .conflict, .invalid],
            handler: .answer { context, call async throws(Problem) in
                var changes = SubscriptionChanges()
                changes.isPaused = isPaused
                return try await alter(try call.name(), changes, context)
            })
    }
}
