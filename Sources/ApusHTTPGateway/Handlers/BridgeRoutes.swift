// SPDX-License-Identifier: Apache-2.0

// Connections to outside brokers and feeds from them: list, create or replace, look, pause, delete.

internal import ApusEngine
internal import ApusHTTPCodec
internal import ApusModel
internal import JSONText

/// Routes about bridges.
enum BridgeRoutes {
    static let all: [Route] = [
        listConnections, putConnection, getConnection, deleteConnection, listFeeds, putFeed, getFeed,
        deleteFeed,
        pausing("pause", true, "Stops a feed from taking events; what it has taken is finished."),
        pausing("resume", false, "Lets a feed take events again, from where it stopped."),
    ]

    private static let connectionPath = PathTemplate("/v1/connections/{connection}")
    private static let feedPath = PathTemplate("/v1/feeds/{feed}")

    private static func control(_ context: GatewayContext) throws(Problem) -> any BridgeControl {
        guard let bridges = context.configuration.bridges else {
            throw Problem(.notFound, "this server has no bridges")
        }
        return bridges
    }

    private static func asked<Value>(
        _ context: GatewayContext,
        _ operation: (any BridgeControl) async throws(BrokerError) -> Value
    ) async throws(Problem) -> Value {
        let bridges = try control(context)
        do throws(BrokerError) { return try await operation(bridges) } catch { throw Problem(error) }
    }

    private static func page<Element>(
        _ elements: [Element], _ page: Page, _ name: (Element) -> String
    ) -> [Element] {
        Array(elements.filter { element in page.after.map { name(element) > $0 } ?? true }.prefix(page.limit))
    }

    // MARK: Connections

    private static let listConnections = Route(
        method: .get, path: PathTemplate("/v1/connections"), operation: "listConnections",
        summary: "Lists connections to outside brokers by name.", chapter: .bridges,
        parameters: QueryParameter.page,
        successes: [.json(.ok, "A page of connections.", .connections)], problems: [.notFound, .invalid],
        handler: .answer { context, call throws(Problem) in
            let asked = try call.query.page()
            let connections = page(try control(context).connections(), asked) { $0.stored.name.description }
            return .page("connections", connections, of: asked, next: \.stored.name.description) {
                $0.connection($1)
            }
        })

    private static let putConnection = Route(
        method: .put, path: connectionPath, operation: "putConnection",
        summary:
            "Creates or replaces a connection. A broker that cannot be reached is no error; a URL that cannot work is.",
        chapter: .bridges, body: .json(.reference(.connectionSettings)),
        successes: [.json(.ok, "Replaced.", .connection), .json(.created, "Created.", .connection)],
        problems: [.notFound, .unsupportedMediaType, .conflict, .invalid],
        handler: .answer { context, call async throws(Problem) in
            let name = try call.name()
            let reader = try call.members(Schema.connectionSettings)
            let url = try reader.require("url", reader.string)
            let (connection, isNew) = try await asked(context) { bridges async throws(BrokerError) in
                try await bridges.putConnection(name, url: url)
            }
            return .json(isNew ? .created : .ok) { $0.connection(connection) }
        })

    private static let getConnection = Route(
        method: .get, path: connectionPath, operation: "getConnection",
        summary: "A connection, and whether its broker is reached.", chapter: .bridges,
        successes: [.json(.ok, "The connection.", .connection)], problems: [.notFound],
        handler: .answer { context, call async throws(Problem) in
            let name = try call.name()
            let connection = try await asked(context) { bridges throws(BrokerError) in
                try bridges.connection(name)
            }
            return .json { $0.connection(connection) }
        })

    private static let deleteConnection = Route(
        method: .delete, path: connectionPath, operation: "deleteConnection",
        summary: "Deletes a connection that no feed, rule or subscription uses.", chapter: .bridges,
        successes: [.done], problems: [.notFound, .conflict, .invalid],
        handler: .answer { context, call async throws(Problem) in
            let name = try call.name()
            try await asked(context) { bridges async throws(BrokerError) in
                try await bridges.deleteConnection(name)
            }
            return .done
        })

    // MARK: Feeds

    private static let listFeeds = Route(
        method: .get, path: PathTemplate("/v1/feeds"), operation: "listFeeds",
        summary: "Lists feeds by name, and what each is doing.", chapter: .bridges,
        parameters: QueryParameter.page,
        successes: [.json(.ok, "A page of feeds.", .feeds)], problems: [.notFound, .invalid],
        handler: .answer { context, call throws(Problem) in
            let asked = try call.query.page()
            let feeds = page(try control(context).feeds(), asked) { $0.stored.name.description }
            return .page("feeds", feeds, of: asked, next: \.stored.name.description) { $0.feed($1) }
        })

    private static let putFeed = Route(
        method: .put, path: feedPath, operation: "putFeed",
        summary:
            "Creates or replaces a feed, which takes events from an outside broker and publishes them here.",
        chapter: .bridges, body: .json(.reference(.feedSettings)),
        successes: [.json(.ok, "Replaced.", .feed), .json(.created, "Created.", .feed)],
        problems: [.notFound, .unsupportedMediaType, .conflict, .invalid],
        handler: .answer { context, call async throws(Problem) in
            let name = try call.name()
            let settings = try FeedSettings(try call.members(Schema.feedSettings))
            let (feed, isNew) = try await asked(context) { bridges async throws(BrokerError) in
                try await bridges.putFeed(name, settings)
            }
            return .json(isNew ? .created : .ok) { $0.feed(feed) }
        })

    private static let getFeed = Route(
        method: .get, path: feedPath, operation: "getFeed", summary: "A feed, and what it is doing.",
        chapter: .bridges, successes: [.json(.ok, "The feed.", .feed)], problems: [.notFound],
        handler: .answer { context, call async throws(Problem) in
            let name = try call.name()
            let feed = try await asked(context) { bridges throws(BrokerError) in try bridges.feed(name) }
            return .json { $0.feed(feed) }
        })

    private static let deleteFeed = Route(
        method: .delete, path: feedPath, operation: "deleteFeed",
        summary: "Deletes a feed; its place at the source stays.", chapter: .bridges,
        successes: [.done], problems: [.notFound, .conflict, .invalid],
        handler: .answer { context, call async throws(Problem) in
            let name = try call.name()
            try await asked(context) { bridges async throws(BrokerError) in try await bridges.deleteFeed(name)
            }
            return .done
        })

    private static func pausing(_ verb: String, _ isPaused: Bool, _ summary: String) -> Route {
        Route(
            method: .post, path: PathTemplate("/v1/feeds/{feed}/\(verb)"), operation: "\(verb)Feed",
            summary: summary, chapter: .bridges, successes: [.json(.ok, "Done.", .feed)],
            problems: [.notFound, .conflict, .invalid],
            handler: .answer { context, call async throws(Problem) in
                let name = try call.name()
                let feed = try await asked(context) { bridges async throws(BrokerError) in
                    var settings = try bridges.feed(name).stored.settings
                    settings.isPaused = isPaused
                    return try await bridges.putFeed(name, settings).0
                }
                return .json { $0.feed(feed) }
            })
    }
}
