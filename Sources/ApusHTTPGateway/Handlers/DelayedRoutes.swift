// SPDX-License-Identifier: Apache-2.0

// Events that wait for their time: list, look, cancel. They come to wait by being published with 'delay' or 'at'.

internal import ApusEngine
internal import ApusHTTPCodec
internal import ApusModel
internal import JSONText

/// Routes about delayed events.
enum DelayedRoutes {
    static let all: [Route] = [list, get, cancel]

    private static let path = PathTemplate("/v1/delayed/{id}")

    private static let list = Route(
        method: .get, path: PathTemplate("/v1/delayed"), operation: "listDelayedEvents",
        summary: "Lists events that wait for their time, those that are due first at the beginning.",
        chapter: .schedules, parameters: [.topic] + QueryParameter.page,
        successes: [.json(.ok, "A page of events that wait.", .delayedEvents)],
        problems: [.notFound, .invalid, .corrupt],
        handler: .answer { context, call async throws(Problem) in
            let page = try call.query.page()
            let topic = try call.query.name("topic")
            let events = try await context.ask { broker async throws(BrokerError) in
                try await broker.waitingEvents(of: topic, page)
            }
            return .page("delayed", events, of: page, next: { "\($0.due.rawValue)/\($0.id)" }) {
                $0.waitingEvent($1)
            }
        })

    private static let get = Route(
        method: .get, path: path, operation: "getDelayedEvent",
        summary: "An event that waits for its time.", chapter: .schedules,
        successes: [.json(.ok, "The event.", .delayedEvent)], problems: [.notFound, .corrupt],
        handler: .answer { context, call async throws(Problem) in
            let id = try call.name().description
            let event = try await context.ask { broker async throws(BrokerError) in
                try await broker.waitingEvent(id)
            }
            return .json { $0.waitingEvent(event) }
        })

    private static let cancel = Route(
        method: .delete, path: path, operation: "cancelDelayedEvent",
        summary: "Cancels an event that waits for its time: it will never come.", chapter: .schedules,
        successes: [.done], problems: [.notFound, .invalid],
        handler: .answer { context, call async throws(Problem) in
            let id = try call.name().description
            try await context.ask { broker async throws(BrokerError) in
                try await broker.cancelWaitingEvent(id)
            }
            return .done
        })
}
