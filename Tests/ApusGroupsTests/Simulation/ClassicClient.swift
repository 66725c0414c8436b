// SPDX-License-Identifier: Apache-2.0

// A consumer of the classic protocol in a simulation: joins, syncs, assigns when it leads, reports, and reacts to errors as clients do.

import ApusGroups

final class ClassicClient: SimulatedClient {
    enum Stage: Equatable {
        case out
        case joining(GroupTicket)
        case joined
        case syncing(GroupTicket)
        case stable
    }

    static let partitions: [UInt8] = Array(0..<12)

    let name: String
    let group: String
    let instance: String?
    let requiresKnownID: Bool
    let skips: Bool
    var isAlive = true
    var stage = Stage.out
    var memberID = ""
    var generation: Int32 = -1
    var part: [UInt8] = []
    private var joined: JoinAnswer?
    private var flavour: UInt8 = 0

    init(name: String, group: String, instance: String?, requiresKnownID: Bool, skips: Bool) {
        self.name = name
        self.group = group
        self.instance = instance
        self.requiresKnownID = requiresKnownID
        self.skips = skips
    }

    var isSettled: Bool { stage == .stable }

    var ticket: GroupTicket? {
        switch stage {
        case .joining(let ticket), .syncing(let ticket): ticket
        default: nil
        }
    }

    /// Begins anew: a process that has just started.
    func restart() {
        isAlive = true
        forget()
    }

    private func forget() {
        stage = .out
        memberID = ""
        generation = -1
        part = []
    }

    func act(in world: World) {
        switch stage {
        case .out:
            join(in: world)
        case .joining(let ticket):
            guard world.isDisturbed, world.chance(0.1) else { return }
            // The connection is lost, and the client tries again.
            stage = .out
            world.cancel(ticket)
        case .joined: sync(in: world)
        case .syncing(let ticket):
            if world.chance(0.5) { return heartbeat(in: world) }
            guard world.isDisturbed, world.chance(0.1) else { return }
            stage = .joined
            world.cancel(ticket)
        case .stable:
            if world.isDisturbed, world.chance(0.03) {
                // Something that it says of itself is different now.
                flavour &+= 1
                return join(in: world)
            }
            if world.chance(0.2) {
                let error = world.coordinator.validateCommit(
                    CommitRequest(
                        group: group, memberID: memberID, instanceID: instance, generation: generation),
                    now: world.now)
                return react(to: error, in: world)
            }
            heartbeat(in: world)
        }
    }

    func leave(in world: World) {
        let ticket = self.ticket
        let member = LeavingMember(memberID: memberID, instanceID: instance)
        forget()
        isAlive = false
        if let ticket { world.abandon(ticket) }
        world.perform { coordinator, now in coordinator.leave(group: group, [member], now: now).actions }
    }

    func die(in world: World, closingConnection: Bool) {
        let ticket = self.ticket
        isAlive = false
        stage = .out
        guard let ticket else { return }
        if closingConnection { world.cancel(ticket) } else { world.abandon(ticket) }
    }

    private func join(in world: World) {
        let ticket = world.newTicket(for: self)
        stage = .joining(ticket)
        let request = JoinRequest(
            group: group, memberID: memberID, instanceID: instance, clientID: name, clientHost: "/h",
            sessionTimeout: .seconds(10), rebalanceTimeout: .seconds(60), protocolType: "consumer",
            protocols: [
                GroupProtocol(name: flavour % 3 == 1 ? "sticky" : "range", metadata: [flavour]),
                GroupProtocol(name: "both", metadata: [flavour]),
            ], requiresKnownMemberID: requiresKnownID, supportsSkippingAssignment: skips)
        let entropy = world.entropy()
        world.perform { coordinator, now in
            coordinator.join(request, ticket: ticket, entropy: entropy, now: now)
        }
    }

    private func sync(in world: World) {
        guard let joined else { return stage = .out }
        var assignments: [MemberAssignment] = []
        if joined.leader == memberID, !joined.skipAssignment {
            let count = joined.members.count
            assignments = joined.members.enumerated().map { place, member in
                MemberAssignment(
                    memberID: member.memberID, assignment: Self.partitions.filter { Int($0) % count == place }
                )
            }
        }
        let ticket = world.newTicket(for: self)
        stage = .syncing(ticket)
        let request = SyncRequest(
            group: group, generation: generation, memberID: memberID, instanceID: instance,
            protocolType: joined.protocolType, protocolName: joined.protocolName, assignments: assignments)
        world.perform { coordinator, now in coordinator.sync(request, ticket: ticket, now: now) }
    }

    private func heartbeat(in world: World) {
        let error = world.coordinator.heartbeat(
            group: group, memberID: memberID, instanceID: instance, generation: generation, now: world.now)
        react(to: error, in: world)
    }

    private func react(to error: GroupError?, in world: World) {
        guard let error else { return }
        if let ticket {
            stage = .out
            world.cancel(ticket)
        }
        part = []
        switch error {
        case .rebalanceInProgress: stage = .out
        case .fencedInstanceID:
            forget()
            isAlive = false
        default: forget()
        }
    }

    func take(_ answer: GroupAnswer, for ticket: GroupTicket, in world: World) {
        switch answer {
        case .join(let answer):
            guard stage == .joining(ticket) else { return world.fail("\(name): a join in stage \(stage)") }
            stage = .out
            if answer.error == .memberIDRequired { return memberID = answer.memberID }
            if answer.error != nil { return react(to: answer.error, in: world) }
            joined = answer
            memberID = answer.memberID
            generation = answer.generation
            part = []
            stage = .joined
            world.record(joined: answer, in: group)
        case .sync(let answer):
            guard stage == .syncing(ticket) else { return world.fail("\(name): a sync in stage \(stage)") }
            stage = .joined
            if answer.error != nil { return react(to: answer.error, in: world) }
            part = answer.assignment
            stage = .stable
            world.record(part: part, of: instance ?? memberID, in: group, generation: generation)
        }
    }
}
