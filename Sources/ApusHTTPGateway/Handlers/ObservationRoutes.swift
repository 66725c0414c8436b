// SPDX-License-Identifier: Apache-2.0

// What somebody asks who wants to know why something is slow: one subscription explained, the whole server put in order, and what is alarming.

internal import ApusEngine
internal import ApusHTTPCodec
internal import ApusModel
internal import JSONText

/// Routes about load.
enum ObservationRoutes {
    static let all: [Route] = [explanation, bottlenecks, alarms]

    private static let explanation = Route(
        method: .get, path: PathTemplate("/v1/subscriptions/{subscription}/explanation"),
        operation: "explainSubscription",
        summary: "Why a subscription is slow: causes in order, each with the figures that speak for it.",
        chapter: .subscriptions,
        successes: [.json(.ok, "The causes; none when it is not slow.", .explanation)],
        problems: [.notFound],
        handler: .answer { context, call async throws(Problem) in
            let figures = try await SubscriptionFigures.gather(try call.name(), context)
            return .json { $0.explanation(Explanation(figures)) }
        })

    private static let bottlenecks = Route(
        method: .get, path: PathTemplate("/v1/bottlenecks"), operation: "bottlenecks",
        summary:
            "Where it is tight: subscriptions, receivers, partitions and the disk by their load, rules that match nothing, publishers of "
            + "invalid events.",
        chapter: .operations,
        parameters: [
            QueryParameter(
                name: "sort", schema: .choice(SubscriptionOrder.allCases.map(\.rawValue)),
                about: "What subscriptions are put in order by; 'backlog' if absent."),
            QueryParameter(
                name: "limit", schema: .integer(Bounds.page),
                about: "How many subscriptions at most; 20 if absent."),
            .search,
        ],
        successes: [.json(.ok, "What was found.", .bottlenecks)], problems: [.invalid],
        handler: .answer { context, call throws(Problem) in
            let found = try Bottlenecks(
                context, by: try call.query.order(), search: call.query.string("search"),
                limit: try call.query.int("limit", in: Bounds.page, default: 20))
            return .json { $0.bottlenecks(found) }
        })

    private static let alarms = Route(
        method: .get, path: PathTemplate("/v1/alarms"), operation: "alarms",
        summary: "Alarms that are raised, since when, and what to do.", chapter: .operations,
        successes: [.json(.ok, "Those that are raised now.", .alarms)],
        handler: .answer { context, _ in
            let alarms = context.broker.alarms()
            return .json { writer in writer.object { $0.alarms(alarms) } }
        })
}

extension QueryReader {
    fileprivate func order() throws(Problem) -> SubscriptionOrder {
        guard let text = string("sort") else { return .backlog }
        guard let order = SubscriptionOrder(rawValue: text) else {
            throw Problem(
                .malformed, "query parameter 'sort' cannot be '\(text.prefix(80))'",
                hint: "it can be \(SubscriptionOrder.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return order
    }
}
