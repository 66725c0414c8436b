// SPDX-License-Identifier: Apache-2.0

// Connections and feeds by definition: checked against what else is defined, and written down. What runs because of them is elsewhere.

public import ApusModel
import ApusTransport

extension PushSettings {
    /// The outside topic that it delivers to, if it does.
    var outsidePlace: OutsidePlace? {
        guard case .bus(let connection, let topic) = destination else { return nil }
        return OutsidePlace(connection: connection, topic: topic)
    }
}

extension Engine: BridgeRegistry {
    public func storedConnections() -> [StoredConnection] {
        definitions.connections.values.sorted { $0.name < $1.name }
    }

    public func storedFeeds() -> [StoredFeed] {
        definitions.feeds.values.sorted { $0.name < $1.name }
    }

    public func putConnection(_ name: ResourceName, url: String) async throws(BrokerError) -> Bool {
        try await change { [self] () throws(BrokerError) -> Decision<Bool> in
            let definitions = definitions
            let existing = definitions.connections[name]
            guard existing != nil || definitions.connections.count < context.options.bridgesMax else {
                throw .invalid("there are \(definitions.connections.count) connections, which is the limit")
            }
            let connection = StoredConnection(
                name: name, created: existing?.created ?? context.clock.wall, url: url)
            guard connection != existing else { return .nothing(false) }
            return Decision(changes: [.connection(connection)]) { () throws(BrokerError) in existing == nil }
        }
    }

    public func deleteConnection(_ name: ResourceName) async throws(BrokerError) {
        try await change { [self] () throws(BrokerError) -> Decision<Void> in
            guard definitions.connections[name] != nil else { throw .unknownConnection(name) }
            let uses = uses(ofConnection: name)
            guard uses == 0 else {
                throw .conflict(
                    "connection '\(name)' is used by \(uses) feeds, rules or subscriptions: delete them first"
                )
            }
            return Decision(changes: [.connectionDeleted(name)]) { () throws(BrokerError) in }
        }
    }

    public func putFeed(_ name: ResourceName, _ settings: FeedSettings) async throws(BrokerError) -> Bool {
        try await change { [self] () throws(BrokerError) -> Decision<Bool> in
            let definitions = definitions
            let existing = definitions.feeds[name]
            guard existing != nil || definitions.feeds.count < context.options.bridgesMax else {
                throw .invalid("there are \(definitions.feeds.count) feeds, which is the limit")
            }
            try check(name, settings, definitions)
            let feed = StoredFeed(
                name: name, created: existing?.created ?? context.clock.wall, settings: settings)
            guard feed != existing else { return .nothing(false) }
            return Decision(changes: [.feed(feed)]) { () throws(BrokerError) in existing == nil }
        }
    }

    private func check(
        _ name: ResourceName, _ settings: FeedSettings, _ definitions: Definitions
    ) throws(BrokerError) {
        guard definitions.connections[settings.connection] != nil else {
            throw .unknownConnection(settings.connection)
        }
        _ = try requireTopic(settings.into)
        if let topic = settings.deadLetter {
            guard topic != settings.into else {
                throw .invalid("what cannot be published to topic '\(topic)' cannot be put there either")
            }
            _ = try requireTopic(topic)
        }
        guard (1...10_000).contains(settings.prefetch) else {
            throw .invalid("a feed's prefetch is 1 to 10,000, not \(settings.prefetch)")
        }
        let names =
            switch settings.source {
            case .topic(let topic, let group): [topic, group]
            case .queue(let queue): [queue]
            }
        for text in names {
            guard (1...Defaults.busTopicBytesMax).contains(text.utf8.count), !text.hasControlCharacter else {
                throw .invalid(
                    "the name of an outside topic, group or queue has 1 to \(Defaults.busTopicBytesMax) bytes and no control characters"
                )
            }
        }
        let other = definitions.feeds.values.first {
            $0.name != name && $0.settings.connection == settings.connection
                && $0.settings.source == settings.source
        }
        if let other {
            throw .conflict("feed '\(other.name)' takes the same events: each of the two would get some")
        }
        if let cycle = definitions.cycle(adding: settings) {
            let way = cycle.map(\.description).joined(separator: " → ")
            throw .invalid("feed '\(name)' would bring in events that go back to where it takes them: \(way)")
        }
    }

    public func deleteFeed(_ name: ResourceName) async throws(BrokerError) {
        try await change { [self] () throws(BrokerError) -> Decision<Void> in
            guard definitions.feeds[name] != nil else { throw .unknownFeed(name) }
            return Decision(changes: [.feedDeleted(name)]) { () throws(BrokerError) in }
        }
    }

    public func uses(ofConnection name: ResourceName) -> Int {
        let definitions = definitions
        return definitions.feeds.values.count { $0.settings.connection == name }
            + definitions.subscriptions.values.count { $0.settings.push?.connection == name }
    }
}
