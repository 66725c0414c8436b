// SPDX-License-Identifier: Apache-2.0

// Consumer groups as people look at them: who is in them, and how far they are. Positions are the broker's; members are known only to whoever
// coordinates them, a gateway, which lets others look through a seam.

public import ApusModel

/// Who is in a consumer group.
public struct GroupMembership: Sendable, Hashable {
    /// One of its members.
    public struct Member: Sendable, Hashable {
        /// As the coordinator named it.
        public var id: String
        /// The name that a static member keeps over restarts.
        public var instance: String?
        /// What the client calls itself.
        public var client: String
        /// Where it comes from.
        public var host: String
        /// The partitions that it has.
        public var partitions: [TopicPartition]

        /// One member of a group.
        public init(
            id: String, instance: String?, client: String, host: String, partitions: [TopicPartition]
        ) {
            self.id = id
            self.instance = instance
            self.client = client
            self.host = host
            self.partitions = partitions
        }
    }

    /// `classic`, `consumer` or `share`, as Kafka names the protocols.
    public var kind: String
    /// `Stable`, `Empty` and so on, as Kafka spells it.
    public var state: String
    /// Its members, in order.
    public var members: [Member]

    /// Who is in a group.
    public init(kind: String, state: String, members: [Member]) {
        self.kind = kind
        self.state = state
        self.members = members
    }

    /// A group of which only positions are known, as after a restart.
    public static let positionsOnly = GroupMembership(kind: "classic", state: "Empty", members: [])
}

/// Whoever knows the members of groups, and forgets groups that have none.
public protocol GroupObserver: Sendable {
    /// The groups that it knows, in any order: those with members, and some that had some.
    func groupNames() -> [String]
    /// Who is in a group; nil for one that it does not know.
    func membership(of group: String) -> GroupMembership?
    /// Forgets a group that has no members; its positions are the broker's to forget.
    ///
    /// - Returns: false while it has members, and nothing is forgotten.
    func forget(_ group: String) -> Bool
}

/// How far a group has come in one partition.
public struct GroupProgress: Sendable, Hashable {
    /// The partition.
    public var place: TopicPartition
    /// What the group has committed there; nil when it has not.
    public var committed: CommittedOffset?
    /// Whether a transaction that is not decided yet will set it if it commits.
    public var isPending: Bool
    /// The first offset that cannot be read yet; nil when the partition is not open.
    public var end: Offset?

    /// How many events are between the two; nil when nothing is committed, or the end is not known.
    public var lag: Int64? {
        guard let committed, let end else { return nil }
        return max(0, end.rawValue - committed.offset.rawValue)
    }
}

extension Broker {
    /// How far a group has come, in the order of topics and partitions: where it has committed a position, and in `others`.
    public func progress(
        ofGroup group: String, also others: some Sequence<TopicPartition> = []
    ) throws(CoordinatorError) -> [GroupProgress] {
        var found = try committedOffsets(group: group)
        var seen = Set(found.map(\.place))
        for place in others where seen.insert(place).inserted {
            found.append(GroupOffset(place, nil, isPending: false))
        }
        return found.sorted { ($0.place.topic, $0.place.partition) < ($1.place.topic, $1.place.partition) }
            .map { known in
                GroupProgress(
                    place: known.place, committed: known.position, isPending: known.isPending,
                    end: (try? bounds(known.place.topic, partition: known.place.partition))?.end)
            }
    }
}
