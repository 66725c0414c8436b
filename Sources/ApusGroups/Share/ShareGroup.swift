// SPDX-License-Identifier: Apache-2.0

// A share group (KIP-932): its members share partitions, event by event. So partitions need not be given up before another gets them, a member
// has what it is told at once, and there is nothing to wait for.

/// The states of a share group, with Kafka's names.
public enum ShareState: String, Sendable, Hashable, CaseIterable {
    case empty = "Empty"
    case stable = "Stable"
    case dead = "Dead"
}

/// ShareGroupHeartbeat. What is `nil` has not changed since the last heartbeat.
public struct ShareHeartbeat: Sendable, Hashable {
    public var group: String
    /// Chosen by the member. May be empty when it joins, and is chosen here then.
    public var memberID: String
    /// The epoch that the member was told last, 0 to join or -1 to leave.
    public var memberEpoch: Int32
    public var rackID: String?
    public var subscribedNames: [String]?
    public var clientID: String
    /// The client's address, for descriptions only.
    public var clientHost: String

    public init(
        group: String, memberID: String, memberEpoch: Int32, rackID: String? = nil,
        subscribedNames: [String]? = nil, clientID: String = "", clientHost: String = ""
    ) {
        self.group = group
        self.memberID = memberID
        self.memberEpoch = memberEpoch
        self.rackID = rackID
        self.subscribedNames = subscribedNames
        self.clientID = clientID
        self.clientHost = clientHost
    }
}

struct ShareMember: Sendable, Hashable {
    let id: String
    var rackID: String?
    var clientID: String
    var clientHost: String
    /// Sorted, each once.
    var names: [String] = []
    var epoch: Int32 = 0
    var previousEpoch: Int32 = 0
    var assigned = PartitionMap()
    /// When the member is taken for dead.
    var sessionDeadline = Duration.zero

    var bytes: Int {
        384 + [id, rackID ?? "", clientID, clientHost].utf8Count + names.utf8Count + 16 * names.count
    }
}

struct ShareGroup: CoordinatedGroup {
    let id: String
    private(set) var epoch: Int32 = 0
    private(set) var targetEpoch: Int32 = 0
    private(set) var members: [String: ShareMember] = [:]
    private(set) var target: [String: PartitionMap] = [:]
    private var shapes: [TopicID: Int32] = [:] {
        didSet { partitionCount = shapes.values.reduce(0) { $0 + Int($1) } }
    }
    private var partitionCount = 0
    private var catalogVersion: UInt64?
    var timing = GroupTiming()
    private var memberBytes = 0

    init(id: String) { self.id = id }

    var isVacant: Bool { members.isEmpty }
    /// Each partition is with a member and in the target of one; further members of it have one each.
    var bytes: Int {
        1_024 + memberBytes + 96 * (members.count + partitionCount)
    }
    var state: ShareState { members.isEmpty ? .empty : .stable }
    var membersInOrder: [ShareMember] { members.values.sorted { $0.id < $1.id } }

    /// A heartbeat of somebody who is or becomes a member. `request` is well-formed.
    mutating func heartbeat(
        _ request: ShareHeartbeat, catalog: TopicCatalog, now: Duration, limits: GroupLimits
    ) throws(GroupRefusal) -> HeartbeatAnswer {
        let before = members[request.memberID]
        var member = try sender(of: request, limits: limits)
        if let rack = request.rackID { member.rackID = rack }
        if let names = request.subscribedNames { member.names = Set(names).sorted() }
        member.clientID = request.clientID
        member.clientHost = request.clientHost
        if before?.names != member.names || before == nil { bumpEpoch() }
        put(member)
        refresh(catalog)
        member.assigned = target[member.id] ?? PartitionMap()
        if member.epoch != targetEpoch {
            member.previousEpoch = member.epoch
            member.epoch = targetEpoch
        }
        member.sessionDeadline = now + limits.shareSessionTimeout
        put(member)
        wake(at: member.sessionDeadline)
        let isTold = request.memberEpoch == MemberEpoch.joining || member.assigned != before?.assigned
        return HeartbeatAnswer(
            memberID: member.id, memberEpoch: member.epoch, heartbeatInterval: limits.shareHeartbeatInterval,
            assignment: isTold ? member.assigned.listed : nil)
    }

    private func sender(
        of request: ShareHeartbeat, limits: GroupLimits
    ) throws(GroupRefusal) -> ShareMember {
        let isJoining = request.memberEpoch == MemberEpoch.joining
        guard let member = members[request.memberID] else {
            guard isJoining else {
                throw GroupRefusal(
                    .unknownMemberID, "Member \(request.memberID) is not in group \(id): join it first")
            }
            guard members.count < limits.shareMembersMax else {
                throw GroupRefusal(
                    .groupMaxSizeReached, "Group \(id) has \(members.count) members, the most it may have")
            }
            return ShareMember(
                id: request.memberID, clientID: request.clientID, clientHost: request.clientHost)
        }
        // One epoch behind is whoever has missed an answer.
        guard isJoining || request.memberEpoch == member.epoch || request.memberEpoch == member.previousEpoch
        else {
            throw GroupRefusal(
                .fencedMemberEpoch,
                "Member \(member.id) of group \(id) is at epoch \(member.epoch), not \(request.memberEpoch)")
        }
        return member
    }

    /// A member leaves.
    mutating func leave(_ memberID: String, limits: GroupLimits) throws(GroupRefusal) -> HeartbeatAnswer {
        guard members[memberID] != nil else {
            throw GroupRefusal(.unknownMemberID, "Member \(memberID) is not in group \(id)")
        }
        remove(memberID)
        return HeartbeatAnswer(
            memberID: memberID, memberEpoch: MemberEpoch.leaving,
            heartbeatInterval: limits.shareHeartbeatInterval, assignment: nil)
    }

    private mutating func put(_ member: ShareMember) {
        let old = members.updateValue(member, forKey: member.id)
        memberBytes += member.bytes - (old?.bytes ?? 0)
    }

    private mutating func remove(_ id: String) {
        guard let member = members.removeValue(forKey: id) else { return }
        memberBytes -= member.bytes
        target[id] = nil
        bumpEpoch()
    }

    private mutating func bumpEpoch() { epoch = epoch == .max ? 1 : epoch + 1 }

    private mutating func refresh(_ catalog: TopicCatalog) {
        if catalogVersion == catalog.version, epoch == targetEpoch { return }
        var index = SubscriptionIndex(catalog: catalog)
        for member in members.values { index.add(member.id, names: member.names, regex: nil) }
        if index.shapes != shapes {
            shapes = index.shapes
            if epoch == targetEpoch { bumpEpoch() }
        }
        catalogVersion = catalog.version
        guard epoch != targetEpoch else { return }
        let task = AssignmentTask(
            members: members.values.map {
                .init(
                    id: $0.id, instanceID: nil, topics: index.topics[$0.id] ?? [],
                    current: target[$0.id] ?? PartitionMap())
            }, shapes: shapes)
        target = task.sharedAssignment()
        targetEpoch = epoch
    }

    mutating func advance(to now: Duration, limits: GroupLimits, _ actions: inout [GroupAction]) {
        guard timing.isDue(at: now) else { return }
        for member in membersInOrder where member.sessionDeadline <= now {
            remove(member.id)
            actions.append(.shareMemberGone(group: id, memberID: member.id))
        }
        timing.wakeUp = members.values.lazy.map(\.sessionDeadline).min()
    }
}
