// SPDX-License-Identifier: Apache-2.0

// How a server divides partitions among the members of a group.

/// The assignors that a member of a consumer group can wish for.
public enum ServerAssignor: String, Sendable, Hashable, CaseIterable {
    /// As even as can be, and as much as can be stays where it is.
    case uniform
    /// Each topic in contiguous ranges, so that equal partitions of topics that are divided alike meet at one member.
    case range
}

/// What an assignor has to know.
struct AssignmentTask: Sendable {
    struct Member: Sendable {
        var id: String
        var instanceID: String?
        /// The topics it subscribes to that exist.
        var topics: Set<TopicID>
        /// What it was to have so far.
        var current: PartitionMap
    }

    /// In the order of their identities, so that the result depends on nothing else.
    var members: [Member]
    /// The number of partitions of each topic that a member subscribes to.
    var shapes: [TopicID: Int32]

    init(members: [Member], shapes: [TopicID: Int32]) {
        self.members = members.sorted { $0.id < $1.id }
        self.shapes = shapes
    }

    /// Each partition of a topic that somebody subscribes to goes to exactly one of those who do.
    func solve(_ assignor: ServerAssignor) -> [String: PartitionMap] {
        guard !members.isEmpty else { return [:] }
        return switch assignor {
        case .range: rangeAssignment()
        case .uniform:
            members.allSatisfy { $0.topics == members[0].topics }
                ? evenAssignment() : balancedAssignment()
        }
    }
}
