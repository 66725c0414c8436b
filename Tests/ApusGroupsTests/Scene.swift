// SPDX-License-Identifier: Apache-2.0

// A coordinator with a clock and a record of what it answered, in the words that tests are told in. A class, so that a question can
// contain what is done: `scene.joinAnswer(scene.join())`.

import ApusGroups

final class Scene {
    var coordinator: GroupCoordinator
    var now = Duration.seconds(1_000)
    var catalog = TopicCatalog.of(["t": 4])
    private(set) var answers: [GroupTicket: GroupAnswer] = [:]
    private var lastTicket: UInt64 = 0
    private var lastEntropy: UInt128 = 0
    /// Answers that came for a ticket which had one already.
    private(set) var doubleAnswers = 0

    init(_ adjust: (inout GroupLimits) -> Void = { _ in }) {
        var limits = GroupLimits()
        adjust(&limits)
        coordinator = GroupCoordinator(limits: limits)
    }

    func newEntropy() -> UInt128 {
        lastEntropy += 1
        return lastEntropy
    }

    func newTicket() -> GroupTicket {
        lastTicket += 1
        return GroupTicket(rawValue: lastTicket)
    }

    func take(_ actions: [GroupAction]) {
        for case .answer(let ticket, let answer) in actions {
            if answers.updateValue(answer, forKey: ticket) != nil { doubleAnswers += 1 }
        }
    }

    func joinAnswer(_ ticket: GroupTicket) -> JoinAnswer? {
        if case .join(let answer) = answers[ticket] { answer } else { nil }
    }

    func syncAnswer(_ ticket: GroupTicket) -> SyncAnswer? {
        if case .sync(let answer) = answers[ticket] { answer } else { nil }
    }

    /// Time passes, and the coordinator is called at each of its deadlines on the way.
    func pass(_ duration: Duration) {
        let end = now + duration
        while let deadline = coordinator.nextDeadline, deadline <= end {
            now = max(now, deadline)
            take(coordinator.advance(to: now))
        }
        now = end
    }

    // MARK: Classic

    func join(
        _ group: String = "g", _ id: String = "", instance: String? = nil, client: String = "c",
        session: Duration = .seconds(45), rebalance: Duration? = .seconds(300), type: String = "consumer",
        protocols: [String: [UInt8]]? = nil, ordered: [GroupProtocol]? = nil, requiresKnownID: Bool = true,
        skips: Bool = true
    ) -> GroupTicket {
        let ticket = newTicket()
        let offered =
            ordered
            ?? (protocols ?? ["range": [1]]).sorted { $0.key < $1.key }
            .map { GroupProtocol(name: $0.key, metadata: $0.value) }
        let request = JoinRequest(
            group: group, memberID: id, instanceID: instance, clientID: client, clientHost: "/127.0.0.1",
            sessionTimeout: session, rebalanceTimeout: rebalance, protocolType: type, protocols: offered,
            requiresKnownMemberID: requiresKnownID, supportsSkippingAssignment: skips)
        take(coordinator.join(request, ticket: ticket, entropy: newEntropy(), now: now))
        return ticket
    }

    func sync(
        _ group: String = "g", _ id: String, generation: Int32, instance: String? = nil, type: String? = nil,
        name: String? = nil, _ assignments: [String: [UInt8]] = [:]
    ) -> GroupTicket {
        let ticket = newTicket()
        let request = SyncRequest(
            group: group, generation: generation, memberID: id, instanceID: instance, protocolType: type,
            protocolName: name,
            assignments: assignments.sorted { $0.key < $1.key }
                .map { MemberAssignment(memberID: $0.key, assignment: $0.value) })
        take(coordinator.sync(request, ticket: ticket, now: now))
        return ticket
    }

    func heartbeat(
        _ group: String = "g", _ id: String, generation: Int32, instance: String? = nil
    ) -> GroupError? {
        coordinator.heartbeat(
            group: group, memberID: id, instanceID: instance, generation: generation, now: now)
    }

    func leave(_ group: String = "g", _ members: LeavingMember...) -> LeaveAnswer {
        let (answer, actions) = coordinator.leave(group: group, members, now: now)
        take(actions)
        return answer
    }

    func cancel(_ ticket: GroupTicket) { take(coordinator.cancel(ticket, now: now)) }

    func commit(
        _ group: String = "g", _ id: String = "", instance: String? = nil, generation: Int32 = -1,
        transactional: Bool = false, knowsConsumerGroups: Bool = true
    ) -> GroupError? {
        coordinator.validateCommit(
            CommitRequest(
                group: group, memberID: id, instanceID: instance, generation: generation,
                isTransactional: transactional, knowsConsumerGroups: knowsConsumerGroups), now: now)
    }

    func state(_ group: String = "g") -> String? { coordinator.describeClassic(group)?.state.rawValue }

    /// Has a new dynamic member told who it is.
    func identify(_ group: String = "g", client: String = "c") -> String {
        let ticket = join(group, client: client)
        return joinAnswer(ticket)?.memberID ?? "none"
    }

    /// A stable group of `count` dynamic members with a part each; the first leads.
    func stableGroup(
        _ group: String = "g", of count: Int, session: Duration = .seconds(45)
    )
        -> (members: [String], generation: Int32)
    {
        var tickets: [GroupTicket] = []
        for _ in 0..<count {
            let id = identify(group)
            tickets.append(join(group, id, session: session))
        }
        pass(.seconds(6))
        let joined = tickets.compactMap { joinAnswer($0) }
        let generation = joined.first?.generation ?? -1
        let members = joined.map(\.memberID)
        for follower in members.dropFirst() { _ = sync(group, follower, generation: generation) }
        let parts = Dictionary(members.enumerated().map { ($1, [UInt8($0)]) }) { first, _ in first }
        if let leader = members.first { _ = sync(group, leader, generation: generation, parts) }
        return (members, generation)
    }
}
