// SPDX-License-Identifier: Apache-2.0

// Connections and feeds as the registry's log keeps them. A connection's URL is written as it was given: with references to secrets, or with the secrets
// themselves, like those of webhooks.

import ApusModel
import JSONText

/// A topic of an outside broker.
struct OutsidePlace: Sendable, Hashable {
    var connection: ResourceName
    var topic: String
}

extension FeedSettings {
    /// The topic that it takes events from; nil for a queue, of which nobody here knows what gets into it.
    var outsidePlace: OutsidePlace? {
        guard case .topic(let topic, _) = source else { return nil }
        return OutsidePlace(connection: connection, topic: topic)
    }
}

extension StoredConnection {
    func write(to writer: inout JSONWriter) {
        writer.entry("change", "connection")
        writer.entry("name", name.description)
        writer.entry("created", created.rawValue)
        writer.entry("url", url)
    }
}

extension StoredFeed {
    func write(to writer: inout JSONWriter) {
        writer.entry("change", "feed")
        writer.entry("name", name.description)
        writer.entry("created", created.rawValue)
        writer.entry("connection", settings.connection.description)
        switch settings.source {
        case .topic(let topic, let group):
            writer.entry("from", topic)
            writer.entry("group", group)
        case .queue(let queue): writer.entry("queue", queue)
        }
        writer.entry("into", settings.into.description)
        writer.entry("prefetch", Int64(settings.prefetch))
        writer.entry("start", settings.start.rawValue)
        if let topic = settings.deadLetter { writer.entry("deadLetter", topic.description) }
        if settings.isPaused { writer.entry("paused", "true") }
    }
}

extension RegistryChange {
    /// The change if it is one of a bridge's; nil for any other.
    init?(bridge object: JSONObject, _ name: ResourceName) throws(RegistryCodingError) {
        let created = Timestamp(milliseconds: object["created"]?.number?.int64 ?? 0)
        switch object["change"]?.string {
        case "connection":
            guard let url = object["url"]?.string else {
                throw RegistryCodingError(reason: "a connection without a URL")
            }
            self = .connection(StoredConnection(name: name, created: created, url: url))
        case "connection-deleted": self = .connectionDeleted(name)
        case "feed":
            let settings = try FeedSettings(registry: object)
            self = .feed(StoredFeed(name: name, created: created, settings: settings))
        case "feed-deleted": self = .feedDeleted(name)
        default: return nil
        }
    }
}

extension FeedSettings {
    fileprivate init(registry object: JSONObject) throws(RegistryCodingError) {
        func name(_ member: String) -> ResourceName? {
            object[member]?.string.flatMap { try? ResourceName($0) }
        }
        guard let connection = name("connection"), let into = name("into") else {
            throw RegistryCodingError(reason: "a feed without connection or topic")
        }
        let source: Source
        if let topic = object["from"]?.string {
            source = .topic(topic, group: object["group"]?.string ?? Defaults.feedGroup)
        } else if let queue = object["queue"]?.string {
            source = .queue(queue)
        } else {
            throw RegistryCodingError(reason: "a feed without a source")
        }
        self.init(
            connection: connection, source: source, into: into,
            prefetch: object["prefetch"]?.number?.int64.map { Int(clamping: $0) } ?? Defaults.feedPrefetch,
            start: object["start"]?.string.flatMap { Start(rawValue: $0) } ?? .latest,
            deadLetter: name("deadLetter"), isPaused: object["paused"] != nil)
    }
}

extension JSONWriter {
    fileprivate mutating func entry(_ name: String, _ value: String) {
        key(name)
        string(value)
    }

    fileprivate mutating func entry(_ name: String, _ value: Int64) {
        key(name)
        integer(value)
    }
}
