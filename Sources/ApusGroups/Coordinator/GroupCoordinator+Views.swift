// SPDX-License-Identifier: Apache-2.0

// What can be seen of groups from outside, and deleting one.

/// The kinds of groups, as Kafka's ListGroups spells them.
public enum GroupKind: String, Sendable, Hashable, CaseIterable {
    case classic
    case consumer
    case share
}

/// A line of a list of groups.
public struct GroupListing: Sendable, Hashable {
    public var id: String
    public var kind: GroupKind
    /// Empty while no member has said it.
    public var protocolType: String
    /// `Stable`, `Empty` and so on.
    public var state: String
}

/// A classic group and its members.
public struct ClassicDescription: Sendable, Hashable {
    public var id: String
    public var state: ClassicState
    public var protocolType: String
    /// Of a stable group; otherwise empty.
    public var protocolName: String
    public var members: [Member]

    /// A member of a classic group.
    public struct Member: Sendable, Hashable {
        public var memberID: String
        public var instanceID: String?
        public var clientID: String
        public var clientHost: String
        /// Of a stable group; otherwise empty.
        public var metadata: [UInt8]
        public var assignment: [UInt8]
    }
}

/// A group whose partitions are assigned by the server: a consumer group or a share group.
public struct AssignedGroupDescription: Sendable, Hashable {
    public var id: String
    public var kind: GroupKind
    /// `Stable`, `Empty` and so on.
    public var state: String
    public var groupEpoch: Int32
    /// The epoch that the present target was computed for.
    public var assignmentEpoch: Int32
    public var assignorName: String
    public var members: [Member]

    /// One of its members. A share group knows no instances, expressions and targets.
    public struct Member: Sendable, Hashable {
        public var memberID: String
        public var instanceID: String?
        public var rackID: String?
        public var memberEpoch: Int32
        public var clientID: String
        public var clientHost: String
        public var subscribedNames: [String]
        public var subscribedRegex: String?
        /// What it has.
        public var assignment: [TopicPartitions]
        /// What it is to have.
        public var target: [TopicPartitions]
    }
}

extension ConsumerGroup {
    var description: AssignedGroupDescription {
        AssignedGroupDescription(
            id: id, kind: .consumer, state: state.rawValue, groupEpoch: epoch, assignmentEpoch: targetEpoch,
            assignorName: (targetEpoch == 0 ? .uniform : assignor).rawValue,
            members: membersInOrder.map { member in
                .init(
                    memberID: member.id, instanceID: member.instanceID, rackID: member.rackID,
                    memberEpoch: member.epoch, clientID: member.clientID, clientHost: member.clientHost,
                    subscribedNames: member.names, subscribedRegex: member.regex,
                    assignment: member.assigned.listed, target: target[member.id]?.listed ?? [])
            })
    }
}

extension ShareGroup {
    var description: AssignedGroupDescription {
        AssignedGroupDescription(
            id: id, kind: .share, state: state.rawValue, groupEpoch: epoch, assignmentEpoch: targetEpoch,
            assignorName: "simple",
            members: membersInOrder.map { member in
                .init(
                    memberID: member.id, instanceID: nil, rackID: member.rackID, memberEpoch: member.epoch,
                    clientID: member.clientID, clientHost: member.clientHost, subscribedNames: member.names,
                    subscribedRegex: nil, assignment: member.assigned.listed,
                    target: target[member.id]?.listed ?? [])
            })
    }
}

extension ClassicGroup {
    var description: ClassicDescription {
        ClassicDescription(
            id: id, state: state, protocolType: protocolType ?? "",
            protocolName: state == .stable ? protocolName ?? "" : "",
            members: membersInOrder.map { member in
                .init(
                    memberID: member.id, instanceID: member.instanceID, clientID: member.clientID,
                    clientHost: member.clientHost,
                    metadata: state == .stable ? member.metadata(in: protocolName) : [],
                    assignment: member.assignment)
            })
    }
}

extension GroupCoordinator {
    /// Of which kind a group is. `nil`: there is none of this name here; it may have offsets still.
    public func kind(of id: String) -> GroupKind? {
        if classicGroups[id] != nil { return .classic }
        if consumerGroups[id] != nil { return .consumer }
        return shareGroups[id] == nil ? nil : .share
    }

    /// DescribeGroups, for a classic group. `nil`: there is none of this name here. If there is none of another kind either and offsets are kept for the
    /// name, it is a group without members (`Empty`); otherwise it is `Dead` (from version 6 on GROUP_ID_NOT_FOUND).
    public func describeClassic(_ id: String) -> ClassicDescription? { classicGroups[id]?.description }

    /// ConsumerGroupDescribe. `nil` (GROUP_ID_NOT_FOUND): there is no consumer group of this name here.
    public func describeConsumer(_ id: String) -> AssignedGroupDescription? {
        consumerGroups[id]?.description
    }

    /// ShareGroupDescribe. `nil` (GROUP_ID_NOT_FOUND): there is no share group of this name here.
    public func describeShare(_ id: String) -> AssignedGroupDescription? { shareGroups[id]?.description }

    /// ListGroups: the groups in one of `states` and of one of `kinds`, by name. Nothing given means all. Case does not matter.
    /// Names that only have offsets are not here.
    public func list(states: [String] = [], kinds: [String] = []) -> [GroupListing] {
        let states = Set(states.map { $0.lowercased() })
        let kinds = Set(kinds.map { $0.lowercased() })
        return
            listings
            .filter { states.isEmpty || states.contains($0.state.lowercased()) }
            .filter { kinds.isEmpty || kinds.contains($0.kind.rawValue) }
            .sorted { $0.id < $1.id }
    }

    private var listings: [GroupListing] {
        let classic = classicGroups.groups.values.map {
            GroupListing(
                id: $0.id, kind: .classic, protocolType: $0.protocolType ?? "", state: $0.state.rawValue)
        }
        let consumer = consumerGroups.groups.values.map {
            GroupListing(
                id: $0.id, kind: .consumer, protocolType: ConsumerSubscription.protocolType,
                state: $0.state.rawValue)
        }
        let share = shareGroups.groups.values.map {
            GroupListing(id: $0.id, kind: .share, protocolType: "share", state: $0.state.rawValue)
        }
        return classic + consumer + share
    }

    /// DeleteGroups: forgets a group without members. `groupIDNotFound` if there is none of this name here; it may have offsets still.
    public mutating func delete(_ id: String) -> GroupError? {
        if let error = refusal(ofName: id) { return error }
        let isEmpty = classicGroups[id]?.isEmpty ?? consumerGroups[id]?.isVacant ?? shareGroups[id]?.isVacant
        guard let isEmpty else { return .groupIDNotFound }
        guard isEmpty else { return .nonEmptyGroup }
        forget(id)
        return nil
    }
}
