// SPDX-License-Identifier: Apache-2.0

// What was seen of a type of events in a topic. Sightings add up: what a look has seen is put to what earlier looks have, in any order, so
// that the log may hold differences and snapshots of the same form.

/// How an event got into a topic, as far as its record tells.
public enum EventWay: String, Hashable, Sendable, CaseIterable {
    /// A Kafka client produced it.
    case kafka
    /// A rule copied it from another topic.
    case rule
}

/// How often something was seen, and when.
public struct SightingCount: Hashable, Sendable {
    /// How many events.
    public var count: Int64
    /// The timestamp of the earliest, in milliseconds since 1970.
    public var first: Int64
    /// The timestamp of the latest.
    public var last: Int64

    /// How often something was seen, and when.
    public init(count: Int64 = 1, first: Int64, last: Int64) {
        self.count = count
        self.first = first
        self.last = last
    }

    /// Puts together what was seen by two.
    public mutating func add(_ other: SightingCount) {
        count += other.count
        first = min(first, other.first)
        last = max(last, other.last)
    }
}

/// A producer as its events tell of it.
public struct EventSource: Hashable, Sendable, Comparable {
    /// The attribute `source`.
    public var name: String
    /// How its events came in; nil when the records do not tell: over HTTP, by a feed, or by a Kafka client that leaves no trace.
    public var way: EventWay?

    /// A producer.
    public init(_ name: String, _ way: EventWay? = nil) {
        self.name = name
        self.way = way
    }

    public static func < (left: EventSource, right: EventSource) -> Bool {
        (left.name, left.way?.rawValue ?? "") < (right.name, right.way?.rawValue ?? "")
    }
}

/// What was seen of a type of events in a topic.
public struct EventSighting: Hashable, Sendable {
    /// All of them.
    public var seen: SightingCount
    /// By whom they were published.
    public var sources: [EventSource: SightingCount]
    /// Events of producers that came when there were ``CatalogLimits/sources`` already.
    public var otherSources: Int64

    /// What was seen of a type of events in a topic.
    public init(
        seen: SightingCount, sources: [EventSource: SightingCount] = [:], otherSources: Int64 = 0
    ) {
        self.seen = seen
        self.sources = sources
        self.otherSources = otherSources
    }
}

/// What was seen in a topic.
public struct TopicSightings: Hashable, Sendable {
    /// The identity of the topic: one that is made again under the same name is another.
    public var topic: String
    /// By type.
    public var types: [String: EventSighting] = [:]
    /// Events of types that came when there were ``CatalogLimits/typesOfTopic`` already, or with a longer name than is kept.
    public var others: Int64 = 0
    /// Events that nobody looked at: so many came that looking fell behind.
    public var passedOver: Int64 = 0
    /// Per partition, up to where it was looked at.
    public var positions: [Int: Int64] = [:]

    /// Nothing was seen yet.
    public init(topic: String) { self.topic = topic }
}

/// How much the catalogue holds.
public struct CatalogLimits: Hashable, Sendable {
    /// Declarations.
    public var declarations = 10_000
    /// Types that are told apart in one topic.
    public var typesOfTopic = 200
    /// Types that are told apart in all topics, counted in each.
    public var types = 10_000
    /// Producers that are told apart of one type in one topic.
    public var sources = 20
    /// Producers that are told apart in all.
    public var sourcesInAll = 20_000
    /// The longest name of a producer that is kept, in bytes.
    public var sourceBytes = 1_024

    /// The limits that hold unless told otherwise.
    public init() {}
}
