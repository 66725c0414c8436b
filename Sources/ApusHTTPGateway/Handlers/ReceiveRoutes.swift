// SPDX-License-Identifier: Apache-2.0

// Consuming through a subscription: receive and settle by lease, or fetch and commit by offset.

internal import ApusEngine
internal import ApusHTTPCodec
internal import ApusModel
internal import JSONText

/// Routes of consumers.
enum ReceiveRoutes {
    static let all: [Route] = [receive, acknowledge, release, reject, extend, commit, events]

    private static func path(_ verb: String) -> PathTemplate {
        PathTemplate("/v1/subscriptions/{subscription}/\(verb)")
    }

    // MARK: Receive

    private static let receive = Route(
        method: .post, path: path("receive"), operation: "receive", summary: "Leases events.",
        chapter: .subscriptions, body: .optionalJSON(.object(Schema.receiveRequest)),
        successes: [.json(.ok, "The events, perhaps none.", .deliveries)],
        problems: [.notFound, .unsupportedMediaType, .conflict, .invalid],
        handler: .answer { context, call async throws(Problem) in
            let name = try call.name()
            let reader = try call.optionalMembers(Schema.receiveRequest)
            let limit = try reader.int("max", in: Bounds.receive) ?? 10
            let wait = try reader.duration("wait", in: .zero...HTTPGatewayConfiguration.waitMax) ?? .zero
            let lease = try reader.duration("lease", in: Bounds.lease)
            let leased = try await context.ask(call, waiting: wait) { broker async throws(BrokerError) in
                try await broker.receive(name, limit: limit, wait: wait, lease: lease)
            }
            await giveBackIfAbandoned(leased, of: name, call, context)
            return .json { writer in
                writer.object { $0.member("deliveries", list: leased) { $0.delivery($1) } }
            }
        })

    /// Events leased for a client that went away while it waited need not wait for their leases to end.
    private static func giveBackIfAbandoned(
        _ leased: [LeasedEvent], of name: ResourceName, _ call: Call, _ context: GatewayContext
    ) async {
        guard !leased.isEmpty, context.calls.isAbandoned(call.ticket) else { return }
        // Whatever comes of it, nobody is there to be told; and without it the leases end by themselves.
        _ = try? await context.broker.settle(
            name, leases: leased.map(\.lease), verdict: .release(delay: .zero, counted: false))
    }

    // MARK: Settle

    private static let acknowledge = settling("ack", "Done with these events.", Schema.leases) { _ in
        .acknowledge
    }

    private static let release = settling(
        "release", "Puts events back to their place.", Schema.releaseRequest
    ) { reader throws(Problem) in
        .release(
            delay: try reader.duration("delay", in: Bounds.delay) ?? .zero,
            counted: try reader.bool("counted") ?? true)
    }

    private static let reject = settling(
        "reject", "Dead-letters events now.", Schema.rejectRequest
    ) { reader throws(Problem) in
        .reject(reason: try reader.string("reason") ?? "rejected by the consumer")
    }

    private static let extend = settling(
        "extend", "Makes leases last longer, from now.", Schema.extendRequest
    ) { reader throws(Problem) in
        .extend(
            try reader.require("lease") { member throws(Problem) in
                try reader.duration(member, in: Bounds.lease)
            })
    }

    private static func settling(
        _ verb: String, _ summary: String, _ schema: ObjectSchema,
        _ verdict: @escaping @Sendable (MemberReader) throws(Problem) -> Verdict
    ) -> Route {
        Route(
            method: .post, path: path(verb), operation: verb, summary: summary, chapter: .subscriptions,
            body: .json(.object(schema)),
            successes: [.json(.ok, "For each lease, whether it still counted.", .settleResults)],
            problems: [.notFound, .unsupportedMediaType, .conflict, .invalid],
            handler: .answer { context, call async throws(Problem) in
                let name = try call.name()
                let reader = try call.members(schema)
                let leases = try reader.require("leases") { member throws(Problem) in
                    try reader.strings(member, count: Bounds.leases)
                }
                let verdict = try verdict(reader)
                let results = try await context.ask { broker async throws(BrokerError) in
                    try await broker.settle(name, leases: leases, verdict: verdict)
                }
                return answer(leases, results)
            })
    }

    private static func answer(_ leases: [String], _ results: [SettleResult]) -> Answer {
        .json { writer in
            writer.object { writer in
                writer.member("results", list: zip(leases, results)) { writer, result in
                    writer.object { writer in
                        writer.member("lease", result.0)
                        writer.member("status", result.1.rawValue)
                    }
                }
            }
        }
    }

    // MARK: Cursor kind

    private static let commit = Route(
        method: .post, path: path("commit"), operation: "commit",
        summary: "Cursor kind: everything of a partition before an offset is done.", chapter: .subscriptions,
        body: .json(.object(Schema.commitRequest)), successes: [.done],
        problems: [.notFound, .unsupportedMediaType, .conflict, .invalid],
        handler: .answer { context, call async throws(Problem) in
            let name = try call.name()
            let reader = try call.members(Schema.commitRequest)
            let partition = try reader.require("partition") { member throws(Problem) in
                try reader.int(member, in: Bounds.partition)
            }
            let offset = try reader.require("offset") { member throws(Problem) in
                try reader.integer(member, in: Bounds.offset)
            }
            try await context.ask { broker async throws(BrokerError) in
                try await broker.commit(name, partition: partition, offset: Offset(offset))
            }
            return .done
        })

    private static let events = Route(
        method: .get, path: path("events"), operation: "readSubscription",
        summary: "Cursor kind: events from the committed position on.", chapter: .subscriptions,
        parameters: [.partition, .readLimit, .wait], successes: [EventRoutes.readSuccess],
        problems: [.notFound, .trimmed, .notAcceptable, .conflict, .invalid, .corrupt],
        handler: .answer { context, call async throws(Problem) in
            let name = try call.name()
            let form = try ReadForm(call.head)
            let partition = try call.query.int("partition", in: Bounds.partition, default: 0)
            let limit = try call.query.int("limit", in: Bounds.page, default: 100)
            let wait = try call.query.duration("wait", max: HTTPGatewayConfiguration.waitMax)
            let fetched = try await context.ask(call, waiting: wait) { broker async throws(BrokerError) in
                try await broker.fetch(subscription: name, partition: partition, limit: limit, wait: wait)
            }
            return form.answer(fetched)
        })
}
