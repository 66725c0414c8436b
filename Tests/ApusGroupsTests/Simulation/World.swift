// SPDX-License-Identifier: Apache-2.0

// A coordinator, clients of all kinds, and a seed that decides who does what and when. First come disturbances: clients die, leave, come back,
// lose connections and answers, change their minds, and topics grow. Then it is quiet, and everything must come to rest.

import ApusGroups
import TestThreads

protocol SimulatedClient: AnyObject {
    var name: String { get }
    var group: String { get }
    var isAlive: Bool { get set }
    /// Has what it is to have, as far as it knows.
    var isSettled: Bool { get }
    /// The request of it that waits.
    var ticket: GroupTicket? { get }
    func act(in world: World)
    func leave(in world: World)
    func die(in world: World, closingConnection: Bool)
    func restart()
    func take(_ answer: GroupAnswer, for ticket: GroupTicket, in world: World)
}

final class World {
    var coordinator: GroupCoordinator
    var now = Duration.seconds(100)
    var random: SeededGenerator
    var catalog = TopicCatalog.of(["t": 6, "u": 3, "v": 2])
    private(set) var isDisturbed = true
    private(set) var failures: [String] = []
    /// What happened, to compare two runs.
    private(set) var transcript = Hasher64()

    private var steps = 0

    private(set) var clients: [any SimulatedClient] = []
    private var due: [Duration] = []
    private var lastTicket: UInt64 = 0
    private var holders: [GroupTicket: any SimulatedClient] = [:]
    private var abandoned: Set<GroupTicket> = []
    private var finished: Set<GroupTicket> = []
    private var parts: [String: [String: [UInt8]]] = [:]
    private var generations: [String: (protocolName: String?, members: [String]?)] = [:]

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        var limits = GroupLimits()
        limits.newMemberJoinTimeout = .seconds(60)
        coordinator = GroupCoordinator(limits: limits)
        for number in 0..<10 {
            let name = "c\(number)"
            add(
                ClassicClient(
                    name: name, group: "classic\(number % 2)", instance: chance(0.3) ? "i\(number % 7)" : nil,
                    requiresKnownID: chance(0.7), skips: chance(0.5)))
        }
        for number in 0..<8 {
            add(
                ConsumerClient(
                    name: "k\(number)", group: "consumer\(number % 2)",
                    instance: chance(0.3) ? "i\(number)" : nil))
        }
        for number in 0..<5 { add(ShareClient(name: "s\(number)", group: "share")) }
    }

    private func add(_ client: any SimulatedClient) {
        clients.append(client)
        due.append(now + .milliseconds(Int.random(in: 0...5_000, using: &random)))
    }

    // MARK: What clients use

    func chance(_ probability: Double) -> Bool { Double.random(in: 0..<1, using: &random) < probability }

    func entropy() -> UInt128 { UInt128(random.next()) << 64 | UInt128(random.next()) }

    func fail(_ what: String) {
        if failures.count < 10 { failures.append("\(now): \(what)") }
    }

    func newTicket(for client: any SimulatedClient) -> GroupTicket {
        lastTicket += 1
        let ticket = GroupTicket(rawValue: lastTicket)
        holders[ticket] = client
        return ticket
    }

    func perform(_ verb: (inout GroupCoordinator, Duration) -> [GroupAction]) {
        take(verb(&coordinator, now))
    }

    /// The connection is gone: no answer may come.
    func cancel(_ ticket: GroupTicket) {
        holders[ticket] = nil
        finished.insert(ticket)
        take(coordinator.cancel(ticket, now: now))
    }

    /// Nobody waits for the answer, but the server does not know.
    func abandon(_ ticket: GroupTicket) {
        holders[ticket] = nil
        abandoned.insert(ticket)
    }

    private func take(_ actions: [GroupAction]) {
        for case .answer(let ticket, let answer) in actions {
            transcript.combine("\(now) \(ticket.rawValue) \(answer)")
            guard finished.insert(ticket).inserted else {
                fail("ticket \(ticket.rawValue) is answered twice or after it was cancelled")
                continue
            }
            if abandoned.remove(ticket) != nil { continue }
            guard let client = holders.removeValue(forKey: ticket) else {
                fail("ticket \(ticket.rawValue) is nobody's")
                continue
            }
            client.take(answer, for: ticket, in: self)
        }
    }

    // MARK: What must hold of answers

    /// Members of one generation are told the same, and the leader is told of all of them.
    func record(joined answer: JoinAnswer, in group: String) {
        let key = "\(group)/\(answer.generation)"
        let members = answer.members.isEmpty ? nil : answer.members.map(\.memberID)
        guard let known = generations[key] else { return generations[key] = (answer.protocolName, members) }
        if known.protocolName != answer.protocolName { fail("\(key) has two protocols") }
        generations[key] = (known.protocolName, members ?? known.members)
    }

    /// What members of one generation get does not overlap.
    func record(part: [UInt8], of member: String, in group: String, generation: Int32) {
        let key = "\(group)/\(generation)"
        for (other, theirs) in parts[key] ?? [:] where other != member && !Set(theirs).isDisjoint(with: part)
        {
            fail("\(key): \(member) and \(other) both have \(Set(theirs).intersection(part).sorted())")
        }
        parts[key, default: [:]][member] = part
    }

    // MARK: Time

    func run(disturbedFor disturbance: Duration, quietFor quiet: Duration) {
        let calm = now + disturbance
        let end = calm + quiet
        while now < end, failures.isEmpty {
            if isDisturbed, now >= calm { calmDown() }
            step()
            steps += 1
            if isDisturbed || steps % 32 == 0 { check() }
        }
        checkRest()
    }

    private func step() {
        let place = due.indices.min { due[$0] < due[$1] } ?? 0
        if let deadline = coordinator.nextDeadline, deadline <= due[place] {
            // Timers may be late.
            now = max(now, deadline) + (isDisturbed && chance(0.1) ? .milliseconds(500) : .zero)
            return take(coordinator.advance(to: now))
        }
        now = max(now, due[place])
        due[place] = now + .milliseconds(Int.random(in: 100...3_000, using: &random))
        let client = clients[place]
        if isDisturbed, disturb(client) { return }
        if client.isAlive { client.act(in: self) }
    }

    /// True if the client did something out of the ordinary.
    private func disturb(_ client: any SimulatedClient) -> Bool {
        if !client.isAlive {
            if chance(0.1) { client.restart() }
            return true
        }
        if chance(0.02) {
            client.die(in: self, closingConnection: chance(0.5))
        } else if chance(0.02) {
            client.leave(in: self)
        } else if chance(0.01) {
            intrude()
        } else if chance(0.01) {
            grow()
        } else {
            return false
        }
        return true
    }

    /// Somebody of one kind comes to a group of another and goes again.
    private func intrude() {
        let consumer = Consumer("intruder", ["t"])
        if let answer = try? coordinator.consumerHeartbeat(
            consumer.request("classic0"), catalog: catalog, entropy: entropy(), now: now)
        {
            _ = try? coordinator.consumerHeartbeat(
                ConsumerHeartbeat(
                    group: "classic0", memberID: answer.memberID, memberEpoch: MemberEpoch.leaving),
                catalog: catalog, entropy: 0, now: now)
        }
        lastTicket += 1
        let ticket = GroupTicket(rawValue: lastTicket)
        abandon(ticket)
        let request = JoinRequest(
            group: "consumer0", clientID: "intruder", sessionTimeout: .seconds(10),
            rebalanceTimeout: .seconds(10),
            protocolType: "consumer", protocols: [GroupProtocol(name: "both", metadata: [])],
            requiresKnownMemberID: false)
        let random = entropy()
        perform { coordinator, now in
            coordinator.join(request, ticket: ticket, entropy: random, now: now)
        }
        cancel(ticket)
    }

    private func grow() {
        let counts = catalog.topics.mapValues(\.partitionCount)
        catalog = .of(counts.mapValues { min($0 + (chance(0.5) ? 1 : 0), 12) }, version: catalog.version + 1)
    }

    private func calmDown() {
        isDisturbed = false
        // Some are gone for good; of each group one is left at least.
        for (place, client) in clients.enumerated() where !client.isAlive {
            if place % 10 < 2 || chance(0.4) { client.restart() }
        }
    }

    // MARK: What must hold

    private func check() {
        if let breach = coordinator.breach { fail(breach) }
        for group in ["consumer0", "consumer1"] { checkOwners(of: group) }
    }

    /// Consumers that are members at the epoch which they know of use no partition together.
    private func checkOwners(of group: String) {
        guard let seen = coordinator.describeConsumer(group) else { return }
        let epochs = Dictionary(seen.members.map { ($0.memberID, $0.memberEpoch) }) { first, _ in first }
        var users: [String: String] = [:]
        for case let client as ConsumerClient in clients where client.group == group && client.isAlive {
            guard client.consumer.epoch > 0, epochs[client.consumer.id] == client.consumer.epoch else {
                continue
            }
            for partition in client.consumer.owned {
                if let other = users.updateValue(client.name, forKey: partition) {
                    fail("\(group): \(partition) is used by \(client.name) and \(other)")
                }
            }
        }
    }

    private func checkRest() {
        if coordinator.waitingCount > 0 { fail("\(coordinator.waitingCount) requests still wait") }
        for client in clients where client.isAlive {
            if !client.isSettled { fail("\(client.name) of \(client.group) is not settled") }
            if client.ticket != nil { fail("\(client.name) waits") }
        }
        for group in ["classic0", "classic1"] { checkClassicRest(of: group) }
        for group in ["consumer0", "consumer1"] { checkConsumerRest(of: group) }
        checkShareRest()
    }

    private func checkClassicRest(of group: String) {
        let members = clients.compactMap { $0 as? ClassicClient }.filter { $0.group == group && $0.isAlive }
        guard !members.isEmpty else { return }
        if Set(members.map(\.generation)).count != 1 { fail("\(group): generations differ") }
        if members.flatMap(\.part).sorted() != ClassicClient.partitions {
            fail("\(group): parts are not the whole")
        }
        let seen = coordinator.describeClassic(group)
        if seen?.state != .stable || seen?.members.count != members.count {
            fail(
                "\(group) is \(seen?.state.rawValue ?? "gone") with \(seen?.members.count ?? 0) of \(members.count)"
            )
        }
    }

    private func checkConsumerRest(of group: String) {
        let members = clients.compactMap { $0 as? ConsumerClient }.filter { $0.group == group && $0.isAlive }
        guard !members.isEmpty, let seen = coordinator.describeConsumer(group) else { return }
        if seen.state != "Stable" || seen.members.count != members.count {
            fail("\(group) is \(seen.state) with \(seen.members.count) of \(members.count)")
        }
        for member in seen.members {
            let client = members.first { $0.consumer.id == member.memberID }
            if client.map({ $0.consumer.owned != Consumer.flat(member.target) }) ?? true {
                fail("\(group): \(member.memberID) does not have what it is to have")
            }
        }
    }

    private func checkShareRest() {
        let members = clients.compactMap { $0 as? ShareClient }.filter(\.isAlive)
        guard !members.isEmpty, let seen = coordinator.describeShare("share") else { return }
        if seen.members.count != members.count { fail("share has \(seen.members.count) of \(members.count)") }
        for member in seen.members
        where members.first(where: { $0.name == member.memberID })?.told != member.target {
            fail("share: \(member.memberID) does not have what it is to have")
        }
        let topics = Set(seen.members.flatMap(\.subscribedNames))
        let wanted = topics.reduce(0) { $0 + Int(catalog.topics[$1]?.partitionCount ?? 0) }
        if Set(seen.members.flatMap { Consumer.flat($0.assignment) }).count != wanted {
            fail("share: a partition is nobody's")
        }
    }

    /// Everybody goes, and after a while nothing is left.
    func end() {
        for client in clients { client.isAlive = false }
        let end = now + .seconds(3_000)
        while let deadline = coordinator.nextDeadline, deadline <= end {
            now = max(now, deadline)
            take(coordinator.advance(to: now))
        }
        if coordinator.bytes != 0 || coordinator.groupCount != 0 || coordinator.waitingCount != 0 {
            fail("\(coordinator.groupCount) groups and \(coordinator.bytes) bytes are left")
        }
    }
}

/// FNV-1a over text: the same in each run, unlike the library's.
struct Hasher64 {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func combine(_ text: String) {
        for byte in text.utf8 { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }
    }
}
