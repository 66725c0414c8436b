// SPDX-License-Identifier: Apache-2.0

// The topics as group coordination sees them: names, identities and numbers of partitions. Groups look at them with every heartbeat, so one copy
// serves for a second.

internal import ApusEngine
internal import ApusGroups
internal import ApusKafkaCodec
internal import ApusModel
internal import NIOCore
internal import Synchronization

/// Gives the topics as they are, or were a moment ago.
final class TopicCatalogSource: Sendable {
    private struct State {
        var catalog = TopicCatalog(version: 0, topics: [:])
        var expiry: NIODeadline?
    }

    /// How old a copy may be.
    private static let age = TimeAmount.seconds(1)

    private let broker: any Broker
    private let state = Mutex(State())

    init(broker: any Broker) { self.broker = broker }

    /// The topics, with those of these names that there are: who subscribes to what was just made need not wait for a second heartbeat.
    func current(with names: [String]?) -> TopicCatalog {
        let now = NIODeadline.now()
        let known = state.withLock { $0.expiry.map { $0 > now } == true ? $0.catalog : nil }
        let isNew = { [broker] (name: String) in
            known?.topics[name] == nil && (try? ResourceName(name)).flatMap { broker.topicSummary($0) } != nil
        }
        if let known, !(names?.contains(where: isNew) ?? false) { return known }
        let topics = Dictionary(
            broker.topicSummaries().map { summary in
                (
                    summary.name.description,
                    TopicCatalog.Topic(
                        id: TopicID(KafkaUUID(high: summary.id.high, low: summary.id.low)),
                        partitionCount: Int32(summary.partitions))
                )
            }, uniquingKeysWith: { first, _ in first })
        return state.withLock { state in
            // The same topics are the same catalog: groups need not look again.
            if topics != state.catalog.topics {
                state.catalog = TopicCatalog(version: state.catalog.version + 1, topics: topics)
            }
            state.expiry = now + Self.age
            return state.catalog
        }
    }
}

extension TopicID {
    /// An identity as clients know it.
    init(_ id: KafkaUUID) { self.init(rawValue: UInt128(id.high) << 64 | UInt128(id.low)) }
}

extension KafkaUUID {
    /// An identity as groups know it.
    init(_ id: TopicID) {
        self.init(high: UInt64(id.rawValue >> 64), low: UInt64(truncatingIfNeeded: id.rawValue))
    }
}
