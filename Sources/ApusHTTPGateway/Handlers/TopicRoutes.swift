// SPDX-License-Identifier: Apache-2.0

// Topics: list, create or change, look, delete.

internal import ApusEngine
internal import ApusHTTPCodec
internal import ApusModel
internal import JSONText

/// Routes about topics.
enum TopicRoutes {
    static let all: [Route] = [list, put, get, delete, PurgeRoute.route]

    private static let path = PathTemplate("/v1/topics/{topic}")

    private static let list = Route(
        method: .get, path: PathTemplate("/v1/topics"), operation: "listTopics",
        summary: "Lists topics by name.",
        chapter: .topics,
        parameters: [
            .search,
            QueryParameter(
                name: "readers", schema: .boolean,
                about: "Whether it is told how the subscriptions of each topic stand; false if absent."),
        ] + QueryParameter.page,
        successes: [.json(.ok, "A page of topics.", .topics)],
        problems: [.invalid],
        handler: .answer { context, call throws(Problem) in
            let page = try call.query.page()
            let topics = try context.look { broker throws(BrokerError) in try broker.topics(page) }
            guard try call.query.bool("readers") else {
                return .page("topics", topics, of: page, next: \.name.description) { $0.topic($1) }
            }
            let readers = context.broker.readers(of: Set(topics.map(\.name)))
            return .page("topics", topics, of: page, next: \.name.description) { writer, topic in
                writer.topic(topic, readers[topic.name] ?? TopicReaders())
            }
        })

    private static let put = Route(
        method: .put, path: path, operation: "putTopic",
        summary: "Creates a topic, or changes the settings that the body names.", chapter: .topics,
        body: .optionalJSON(.reference(.topicSettings)),
        successes: [.json(.ok, "Changed.", .topic), .json(.created, "Created.", .topic)],
        problems: [.notFound, .unsupportedMediaType, .conflict, .invalid],
        handler: .answer { context, call async throws(Problem) in
            let name = try call.name()
            let changes = try TopicChanges(try call.optionalMembers(Schema.topicSettings))
            return try await put(name, changes, context)
        })

    private static func put(
        _ name: ResourceName, _ changes: TopicChanges, _ context: GatewayContext
    ) async throws(Problem) -> Answer {
        if exists(name, context) { return try await alter(name, changes, context) }
        do {
            let topic = try await context.broker.createTopic(
                name, changes.settings(over: context.configuration.topicDefaults))
            return .json(.created) { $0.topic(topic) }
        } catch .conflict(let reason) {
            // Somebody else may have created it since it was looked for.
            guard exists(name, context) else { throw Problem(.conflict(reason)) }
            return try await alter(name, changes, context)
        } catch {
            throw Problem(error)
        }
    }

    private static func exists(_ name: ResourceName, _ context: GatewayContext) -> Bool {
        (try? context.broker.topic(name)) != nil
    }

    private static func alter(
        _ name: ResourceName, _ changes: TopicChanges, _ context: GatewayContext
    ) async throws(Problem) -> Answer {
        let topic = try await context.ask { broker async throws(BrokerError) in
            try await broker.alterTopic(name, changes)
        }
        return .json { $0.topic(topic) }
    }

    private static let get = Route(
        method: .get, path: path, operation: "getTopic",
        summary: "A topic's settings, and where its partitions begin and end.", chapter: .topics,
        successes: [.json(.ok, "The topic.", .topic)], problems: [.notFound],
        handler: .answer { context, call throws(Problem) in
            let name = try call.name()
            let topic = try context.look { broker throws(BrokerError) in try broker.topic(name) }
            return .json { $0.topic(topic) }
        })

    private static let delete = Route(
        method: .delete, path: path, operation: "deleteTopic",
        summary: "Deletes a topic with all its events.", chapter: .topics,
        parameters: [
            QueryParameter(
                name: "cascade", schema: .boolean,
                about: "Whether to delete rules, subscriptions and feeds that use it.")
        ],
        successes: [.done], problems: [.notFound, .conflict, .invalid],
        handler: .answer { context, call async throws(Problem) in
            let name = try call.name()
            let cascade = try call.query.bool("cascade")
            try await context.ask {
                [bridges = context.configuration.bridges] broker async throws(BrokerError) in
                if cascade, let bridges {
                    // A topic that is not there has no feeds.
                    for feed in bridges.feeds() where feed.stored.settings.into == name {
                        try await bridges.deleteFeed(feed.stored.name)
                    }
                }
                try await broker.deleteTopic(name, cascade: cascade)
            }
            return .done
        })
}

extension Answer {
    /// A page of a list.
    static func page<Element>(
        _ member: StaticString, _ elements: [Element], of page: Page, isFull: Bool = false,
        next: (Element) -> String, _ write: (inout JSONWriter, Element) -> Void
    ) -> Answer {
        .json { writer in
            writer.object { writer in
                writer.member(member, list: elements, write)
                // A full page may be the last one: then the next is empty.
                let mayBeMore = isFull || elements.count >= page.limit
                writer.member("next", mayBeMore ? elements.last.map(next) : nil)
            }
        }
    }
}
