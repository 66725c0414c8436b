// SPDX-License-Identifier: Apache-2.0

// A consumer group (KIP-848): the server knows what each member subscribes to and decides what each gets. Three numbers keep it together. The
// group's epoch grows when something changes: a member, a subscription, a topic. The target's epoch says for which of these the target was
// computed. A member's epoch says which target it has reached; it gets there in steps, giving up before taking.

/// The states of a consumer group, with Kafka's names.
public enum ConsumerState: String, Sendable, Hashable, CaseIterable {
    case empty = "Empty"
    /// Something has changed that the next heartbeat will compute a target for.
    case assigning = "Assigning"
    /// Members are on their way to the target.
    case reconciling = "Reconciling"
    case stable = "Stable"
    case dead = "Dead"
}

struct ConsumerGroup: CoordinatedGroup {
    let id: String
    private(set) var epoch: Int32 = 0
    private(set) var targetEpoch: Int32 = 0
    /// The assignor that the target was computed with.
    private(set) var assignor = ServerAssignor.uniform
    // Invariants:
    // - owners[t][p] is the one member that has partition p of t in `assigned` or `revoking`. Partitions nobody has are not in it.
    // - A partition is in the target of one member at most.
    // - statics[i] is the identity of the one member with instance i.
    private(set) var members: [String: ConsumerMember] = [:]
    private(set) var statics: [String: String] = [:]
    private(set) var target: [String: PartitionMap] = [:]
    private var owners: [TopicID: [Int32: String]] = [:]
    /// Topics that somebody subscribes to, as they were when a member last looked.
    private var shapes: [TopicID: Int32] = [:] {
        didSet { partitionCount = shapes.values.reduce(0) { $0 + Int($1) } }
    }
    private var partitionCount = 0
    private var catalogVersion: UInt64?
    var timing = GroupTiming()
    private var memberBytes = 0

    init(id: String) { self.id = id }

    var isVacant: Bool { members.isEmpty }

    /// Each partition is in the target, with its owner, and with a member.
    var bytes: Int { 1_024 + memberBytes + 128 * partitionCount }

    var state: ConsumerState {
        if members.isEmpty { return .empty }
        if epoch > targetEpoch { return .assigning }
        return members.values.allSatisfy { $0.isReconciled(to: targetEpoch) } ? .stable : .reconciling
    }

    var membersInOrder: [ConsumerMember] { members.values.sorted { $0.id < $1.id } }

    func owner(of partition: Int32, of topic: TopicID) -> String? { owners[topic]?[partition] }

    var regexes: Set<String> { Set(members.values.compactMap(\.regex)) }

    // MARK: Changes

    mutating func put(_ member: ConsumerMember) {
        let old = members.updateValue(member, forKey: member.id)
        memberBytes += member.bytes - (old?.bytes ?? 0)
        if let instance = member.instanceID { statics[instance] = member.id }
        if let old, old.assigned == member.assigned, old.revoking == member.revoking { return }
        if let old { release(old) }
        claim(member)
    }

    private mutating func claim(_ member: ConsumerMember) {
        for map in [member.assigned, member.revoking] {
            map.forEach { owners[$0, default: [:]][$1] = member.id }
        }
    }

    private mutating func release(_ member: ConsumerMember) {
        for map in [member.assigned, member.revoking] {
            map.forEach { topic, partition in
                if owners[topic]?[partition] == member.id { owners[topic]?[partition] = nil }
                if owners[topic]?.isEmpty == true { owners[topic] = nil }
            }
        }
    }

    /// A member is gone; what it had is free at once.
    mutating func remove(_ id: String) {
        guard let member = members.removeValue(forKey: id) else { return }
        memberBytes -= member.bytes
        release(member)
        target[id] = nil
        if let instance = member.instanceID, statics[instance] == id { statics[instance] = nil }
        bumpEpoch()
    }

    /// A static member comes back under a new identity and gets what the old one had.
    mutating func replace(_ old: ConsumerMember, by newID: String) {
        var successor = ConsumerMember(
            id: newID, instanceID: old.instanceID, rackID: old.rackID, clientID: old.clientID,
            clientHost: old.clientHost, rebalanceTimeout: old.rebalanceTimeout, assignor: old.assignor,
            names: old.names, regex: old.regex)
        successor.state = old.state
        successor.assigned = old.assigned
        successor.sessionDeadline = old.sessionDeadline
        let part = target.removeValue(forKey: old.id)
        members[old.id] = nil
        memberBytes -= old.bytes
        release(old)
        target[newID] = part
        put(successor)
    }

    mutating func bumpEpoch() { epoch = epoch == .max ? 1 : epoch + 1 }

    /// Looks at the topics, if they are not those it knows, and computes a new target if something has changed.
    mutating func refresh(_ catalog: TopicCatalog) {
        if catalogVersion == catalog.version, epoch == targetEpoch { return }
        var index = SubscriptionIndex(catalog: catalog)
        for member in members.values { index.add(member.id, names: member.names, regex: member.regex) }
        if index.shapes != shapes {
            shapes = index.shapes
            if catalogVersion != catalog.version, epoch == targetEpoch { bumpEpoch() }
        }
        catalogVersion = catalog.version
        guard epoch != targetEpoch else { return }
        assignor = preferredAssignor
        let task = AssignmentTask(
            members: members.values.map {
                .init(
                    id: $0.id, instanceID: $0.instanceID, topics: index.topics[$0.id] ?? [],
                    current: target[$0.id] ?? $0.assigned)
            }, shapes: shapes)
        target = task.solve(assignor)
        targetEpoch = epoch
    }

    /// The one that most members wish for.
    private var preferredAssignor: ServerAssignor {
        var votes: [ServerAssignor: Int] = [:]
        for member in members.values {
            if let wish = member.assignor { votes[wish, default: 0] += 1 }
        }
        let most = votes.values.max() ?? 0
        return ServerAssignor.allCases.first { votes[$0] == most } ?? .uniform
    }

    // MARK: Time

    mutating func advance(to now: Duration, limits: GroupLimits, _ actions: inout [GroupAction]) {
        guard timing.isDue(at: now) else { return }
        for member in membersInOrder {
            let isStuck = member.revocationDeadline.map { $0 <= now } ?? false
            if member.sessionDeadline <= now || isStuck { remove(member.id) }
        }
        timing.wakeUp = members.values.lazy
            .map { min($0.sessionDeadline, $0.revocationDeadline ?? $0.sessionDeadline) }.min()
    }
}
