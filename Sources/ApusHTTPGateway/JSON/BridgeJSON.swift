// SPDX-License-Identifier: Apache-2.0

// Connections and feeds as JSON, both ways.

internal import ApusEngine
internal import ApusModel
internal import JSONText

extension FeedSettings {
    /// What a request's body says.
    init(_ reader: MemberReader) throws(Problem) {
        func text(_ name: String) throws(Problem) -> String? {
            reader.isNull(name) ? nil : try reader.string(name)
        }
        let source: Source
        switch (try text("from"), try text("queue")) {
        case (let topic?, nil): source = .topic(topic, group: try text("group") ?? Defaults.feedGroup)
        case (nil, let queue?):
            guard try text("group") == nil else {
                throw Problem(.malformed, "'group' goes with 'from': a queue is consumed as it is")
            }
            source = .queue(queue)
        default: throw Problem(.malformed, "a feed has exactly one of 'from' and 'queue'")
        }
        self.init(
            connection: try reader.require("connection", reader.name), source: source,
            into: try reader.require("into", reader.name),
            prefetch: try reader.int("prefetch", in: Bounds.feedPrefetch) ?? Defaults.feedPrefetch,
            start: try reader.choice("start", Start.self) ?? .latest,
            deadLetter: reader.isNull("dead_letter") ? nil : try reader.name("dead_letter"),
            isPaused: try reader.bool("paused") ?? false)
    }
}

extension JSONWriter {
    mutating func connection(_ connection: ConnectionDescription) {
        object { writer in
            writer.member("name", connection.stored.name.description)
            writer.member("url", connection.maskedURL)
            writer.member("created", connection.stored.created)
            var since: Timestamp?
            var failure: String?
            switch connection.state {
            case .unused: writer.member("state", "unused")
            case .connecting: writer.member("state", "connecting")
            case .connected(let moment):
                writer.member("state", "connected")
                since = moment
            case .failing(let moment, let reason):
                writer.member("state", "failing")
                (since, failure) = (moment, reason)
            }
            writer.member("since", since.map(TimeText.text))
            writer.member("failure", failure)
            writer.member("uses", connection.uses)
        }
    }

    mutating func feed(_ feed: FeedDescription) {
        object { writer in
            let settings = feed.stored.settings
            writer.member("name", feed.stored.name.description)
            writer.member("connection", settings.connection.description)
            switch settings.source {
            case .topic(let topic, let group):
                writer.member("from", topic)
                writer.member("group", group)
            case .queue(let queue): writer.member("queue", queue)
            }
            writer.member("into", settings.into.description)
            writer.member("prefetch", settings.prefetch)
            writer.member("start", settings.start.rawValue)
            writer.member("dead_letter", settings.deadLetter?.description)
            writer.member("paused", settings.isPaused)
            writer.member("created", feed.stored.created)
            writer.member("state", feed.state.rawValue)
            writer.member("since", feed.since)
            writer.member("last_failure", feed.lastFailure)
            writer.member("received", feed.counts.received)
            writer.member("published", feed.counts.published)
            writer.member("duplicates", feed.counts.duplicates)
            writer.member("refused", feed.counts.refused)
            writer.member("last_received", feed.lastReceived.map(TimeText.text))
            writer.member("lag", feed.lag.map { DurationText.format($0) })
        }
    }
}
