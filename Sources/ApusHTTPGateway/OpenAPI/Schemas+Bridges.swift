// SPDX-License-Identifier: Apache-2.0

// The named schemas of connections to outside brokers, and of feeds from them.

internal import ApusEngine

extension Schema {
    static func bridges(_ definition: Definition) -> Schema {
        switch definition {
        case .connectionSettings: .object(connectionSettings)
        case .connections: bridgePage("connections", of: .connection)
        case .feedSettings: .object(feedSettings)
        case .feeds: bridgePage("feeds", of: .feed)
        case .feed: .object(ObjectSchema().requiring("name", .name).merging(feedSettings).merging(feedState))
        default:
            .object(
                ObjectSchema().requiring("name", .name).merging(connectionSettings).merging(connectionState))
        }
    }

    private static func bridgePage(_ member: String, of element: Definition) -> Schema {
        .object(
            ObjectSchema()
                .requiring(member, .list(.reference(element)))
                .requiring("next", .nullable(.text), "the value of 'after' for the next page"))
    }

    static let connectionSettings = ObjectSchema()
        .requiring(
            "url",
            .string(StringRules(lengthMax: 4096, example: "amqp://apus:{secret:rabbit}@rabbit.example/")),
            "the broker; secrets are masked in answers, and a masked URL that is sent back stands for the stored one"
        )

    private static let connectionState = ObjectSchema()
        .requiring("created", .time)
        .requiring("state", .choice(["unused", "connecting", "connected", "failing"]))
        .requiring("since", .nullable(.time), "of 'connected' and 'failing'")
        .requiring("failure", .nullable(.text), "why it fails")
        .requiring("uses", .count, "feeds, rules and subscriptions that use it")

    private static let outsideName = Schema.string(StringRules(lengthMax: 255))

    /// Exactly one of `from` and `queue`.
    static let feedSettings = ObjectSchema()
        .requiring("connection", .name)
        .allowing("from", .nullable(outsideName), "the outside topic that it takes events from")
        .allowing(
            "group", .nullable(outsideName),
            "with 'from': programs of the same group share events; 'apus' if absent"
        )
        .allowing(
            "queue", .nullable(outsideName), "in place of 'from': a queue that somebody else made, as it is"
        )
        .requiring("into", .name, "the topic that it publishes them to")
        .allowing("prefetch", .integer(Bounds.feedPrefetch), "events taken and not settled; 256 if absent")
        .allowing(
            "start", .choice(FeedSettings.Start.allCases.map(\.rawValue)),
            "where it begins if it is new at its source; latest if absent"
        )
        .allowing(
            "dead_letter", .nullable(.name),
            "the topic for events that cannot be published; null has the source dead-letter them"
        )
        .allowing("paused", .boolean)

    private static let feedState = ObjectSchema()
        .requiring("created", .time)
        .requiring("state", .choice(FeedDescription.State.allCases.map(\.rawValue)))
        .requiring("since", .time)
        .requiring("last_failure", .nullable(.text), "since the server started")
        .requiring("received", .count, "events taken since the server started, repeats included")
        .requiring("published", .count, "of these, those that were published")
        .requiring("duplicates", .count, "of these, those that were recognised as published before")
        .requiring("refused", .count, "events that were given up")
        .requiring("last_received", .nullable(.time))
        .requiring("lag", .nullable(.duration), "how long the last event had waited at its source")
}
