// SPDX-License-Identifier: Apache-2.0

// A group of the classic protocol: who is in it, and in which of its states it is. What moves it from state to state is in the extensions beside
// this file: joining, the rebalance, syncing, leaving.
//
//     Empty ──join──▶ PreparingRebalance ──all joined, or time is up──▶ CompletingRebalance ──leader's sync──▶ Stable
//       ▲                  │        ▲                                            │                               │
//       └──nobody is left──┘        └──────────── a member comes, goes, changes ─┴───────────────────────────────┘

/// The states of a classic group, with Kafka's names.
public enum ClassicState: String, Sendable, Hashable, CaseIterable {
    case empty = "Empty"
    case preparingRebalance = "PreparingRebalance"
    case completingRebalance = "CompletingRebalance"
    case stable = "Stable"
    case dead = "Dead"
}

struct ClassicGroup: CoordinatedGroup {
    let id: String
    var state = ClassicState.empty
    var generation: Int32
    var protocolType: String?
    var protocolName: String?
    var leader: String?

    // Invariants, after each input:
    // - support[p] is the number of members that list protocol p, and some protocol is listed by all members.
    // - joiningCount is the number of members whose join waits.
    // - A member has a deadline, or a request of it waits, or both.
    // - statics[i] is the identity of the one member with instance i.
    // - A leader is a member; there is one exactly when there are members.
    // - joinDeadline is set exactly in PreparingRebalance, syncDeadline only in CompletingRebalance and Stable.
    // - Nobody's join waits outside PreparingRebalance, nobody's sync outside CompletingRebalance.
    var members: [String: ClassicMember] = [:]
    var statics: [String: String] = [:]
    var support: [String: Int] = [:]
    var joiningCount = 0
    var nextNumber: UInt64 = 0
    /// Identities that were given out and have not joined yet, and until when each may.
    var pendingJoins: [String: Duration] = [:]
    /// Members of this generation that have not asked for their part.
    var pendingSyncs: Set<String> = []

    /// When the rebalance goes on without those who have not joined.
    var joinDeadline: Duration?
    /// In the first rebalance of an empty group: how much longer the wait for more members can become.
    var initialWaitLeft: Duration?
    var initialWait = Duration.zero
    var newMemberCame = false
    /// When members that have not synced are dropped.
    var syncDeadline: Duration?
    var timing = GroupTiming()

    /// What the group keeps in memory, roughly.
    private(set) var bytes = 512

    /// A group whose generations go on from `generation`, so that none is there twice where the group was of another kind before.
    init(id: String, generation: Int32 = 0) {
        self.id = id
        self.generation = generation
    }

    var isEmpty: Bool { state == .empty }
    var isVacant: Bool { members.isEmpty && pendingJoins.isEmpty }
    var hasEveryoneJoined: Bool { joiningCount == members.count && pendingJoins.isEmpty }

    /// How long the others wait for members to join: as long as the most patient asks for.
    var rebalanceTimeout: Duration {
        members.values.reduce(.zero) { max($0, $1.rebalanceTimeout) }
    }

    /// Members, the earliest first.
    var membersInOrder: [ClassicMember] { members.values.sorted { $0.number < $1.number } }

    // MARK: Members

    mutating func add(_ member: ClassicMember) {
        if members.isEmpty { protocolType = nil }
        if let instance = member.instanceID { statics[instance] = member.id }
        members[member.id] = member
        if member.isJoining { joiningCount += 1 }
        count(member.protocols, 1)
        bytes += member.bytes
        if leader == nil { leader = member.id }
        forgetPending(member.id)
    }

    /// Removes a member or a pending one, with an answer to what it waits for.
    mutating func remove(_ id: String, _ actions: inout [GroupAction]) {
        forgetPending(id)
        pendingSyncs.remove(id)
        answer(id, with: .unknownMemberID, &actions)
        guard let member = members.removeValue(forKey: id) else { return }
        count(member.protocols, -1)
        bytes -= member.bytes
        if let instance = member.instanceID, statics[instance] == id { statics[instance] = nil }
        if leader == id { leader = members.values.min { $0.number < $1.number }?.id }
    }

    mutating func expect(_ id: String, until deadline: Duration) {
        if pendingJoins.updateValue(deadline, forKey: id) == nil { bytes += id.utf8.count + 64 }
        wake(at: deadline)
    }

    mutating func forgetPending(_ id: String) {
        if pendingJoins.removeValue(forKey: id) != nil { bytes -= id.utf8.count + 64 }
    }

    /// What a member says of itself now, with the join of it that waits.
    mutating func update(
        _ id: String, from request: JoinRequest, ticket: GroupTicket, now: Duration, limits: GroupLimits,
        _ actions: inout [GroupAction]
    ) {
        supersede(id, &actions)
        guard var member = members[id] else { return }
        count(member.protocols, -1)
        bytes -= member.bytes
        member.protocols = request.protocols
        member.sessionTimeout = request.sessionTimeout
        member.rebalanceTimeout = request.rebalanceTimeout ?? request.sessionTimeout
        member.wait = .join(ticket)
        joiningCount += 1
        if member.isNew {
            member.sessionDeadline = now + limits.newMemberJoinTimeout
            wake(at: now + limits.newMemberJoinTimeout)
        }
        count(member.protocols, 1)
        bytes += member.bytes
        members[id] = member
    }

    mutating func setAssignment(_ assignment: [UInt8], of id: String) {
        guard let before = members[id]?.assignment.count else { return }
        members[id]?.assignment = assignment
        bytes += assignment.count - before
    }

    private mutating func count(_ protocols: [GroupProtocol], _ difference: Int) {
        for each in protocols {
            let sum = support[each.name, default: 0] + difference
            support[each.name] = sum == 0 ? nil : sum
        }
    }

    // MARK: Protocols

    /// Whether a member of this type with these protocols finds one that all others can follow too.
    func supports(_ type: String, _ protocols: [GroupProtocol]) -> Bool {
        if isEmpty { return !type.isEmpty && !protocols.isEmpty }
        return type == protocolType && protocols.contains { support[$0.name, default: 0] == members.count }
    }

    /// Of the protocols that all members can follow, the one that most of them want most. Among equals the leader decides.
    func electedProtocol() -> String? {
        let candidates = Set(support.lazy.filter { $0.value == members.count }.map(\.key))
        var votes: [String: Int] = [:]
        for member in members.values {
            guard let vote = member.protocols.first(where: { candidates.contains($0.name) }) else { continue }
            votes[vote.name, default: 0] += 1
        }
        guard let most = votes.values.max(), let leader, let chief = members[leader] else { return nil }
        return chief.protocols.first { votes[$0.name] == most }?.name
            ?? votes.lazy.filter { $0.value == most }.map(\.key).min()
    }

    // MARK: Who may speak for a member

    /// Why a request of this member is not taken; `nil` if it is.
    func refusal(of id: String, instance: String?) -> GroupError? {
        if let instance {
            guard let owner = statics[instance] else { return .unknownMemberID }
            if owner != id { return .fencedInstanceID }
        }
        return members[id] == nil ? .unknownMemberID : nil
    }
}
