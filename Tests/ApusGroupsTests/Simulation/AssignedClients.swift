// SPDX-License-Identifier: Apache-2.0

// Members of consumer groups and share groups in a simulation.

import ApusGroups

final class ConsumerClient: SimulatedClient {
    let name: String
    let group: String
    let instance: String?
    var isAlive = true
    private(set) var consumer: Consumer
    private var lives = 0
    private var hasMissedAnAnswer = false

    init(name: String, group: String, instance: String?) {
        self.name = name
        self.group = group
        self.instance = instance
        consumer = Consumer("\(name)-0", ["t"], instance: instance)
    }

    var isSettled: Bool { consumer.epoch > 0 }
    var ticket: GroupTicket? { nil }

    func restart() {
        isAlive = true
        lives += 1
        consumer = Consumer("\(name)-\(lives)", ["t"], instance: instance)
    }

    func act(in world: World) {
        if world.isDisturbed, world.chance(0.05) {
            consumer.names = [["t"], ["t", "u"], ["u", "v"], ["v"]].randomElement(using: &world.random)
            consumer.regex = world.chance(0.2) ? "[tv]" : ""
            consumer.assignor = world.chance(0.5) ? "range" : "uniform"
        }
        consumer.isStuck = world.isDisturbed && world.chance(0.3)
        if !consumer.isStuck { consumer.owned.formIntersection(Consumer.flat(consumer.told)) }
        var request = consumer.request(group)
        // Who has missed an answer says everything, so that it is told everything.
        if hasMissedAnAnswer { request.rebalanceTimeout = .seconds(60) }
        do throws(GroupRefusal) {
            let answer = try world.coordinator.consumerHeartbeat(
                request, catalog: world.catalog, entropy: world.entropy(), now: world.now)
            // An answer may get lost; the member then speaks at its former epoch.
            hasMissedAnAnswer = world.isDisturbed && world.chance(0.1)
            if hasMissedAnAnswer { return }
            consumer.take(answer)
        } catch {
            switch error.error {
            case .unknownMemberID, .fencedMemberEpoch: consumer.lose()
            case .fencedInstanceID:
                consumer.lose()
                isAlive = false
            case .unreleasedInstanceID, .groupIDNotFound: consumer.lose()
            default: world.fail("\(name): \(error.message)")
            }
        }
    }

    func leave(in world: World) {
        isAlive = false
        let epoch = instance != nil && world.chance(0.7) ? MemberEpoch.pausing : MemberEpoch.leaving
        _ = try? world.coordinator.consumerHeartbeat(
            ConsumerHeartbeat(group: group, memberID: consumer.id, memberEpoch: epoch, instanceID: instance),
            catalog: world.catalog, entropy: 0, now: world.now)
        consumer.lose()
    }

    func die(in world: World, closingConnection: Bool) { isAlive = false }

    func take(_ answer: GroupAnswer, for ticket: GroupTicket, in world: World) {
        world.fail("\(name): an answer to nothing")
    }
}

final class ShareClient: SimulatedClient {
    let name: String
    let group: String
    var isAlive = true
    private(set) var epoch: Int32 = 0
    private(set) var told: [TopicPartitions] = []
    private var names = ["t"]

    init(name: String, group: String) {
        self.name = name
        self.group = group
    }

    var isSettled: Bool { epoch > 0 }
    var ticket: GroupTicket? { nil }

    func restart() {
        isAlive = true
        epoch = 0
    }

    func act(in world: World) {
        if world.isDisturbed, world.chance(0.05) { names = world.chance(0.5) ? ["t"] : ["t", "u"] }
        let request = ShareHeartbeat(
            group: group, memberID: name, memberEpoch: epoch, subscribedNames: names, clientID: name)
        do throws(GroupRefusal) {
            let answer = try world.coordinator.shareHeartbeat(
                request, catalog: world.catalog, entropy: world.entropy(), now: world.now)
            epoch = answer.memberEpoch
            if let assignment = answer.assignment { told = assignment }
        } catch {
            guard error.error == .unknownMemberID || error.error == .fencedMemberEpoch else {
                return world.fail("\(name): \(error.message)")
            }
            epoch = 0
        }
    }

    func leave(in world: World) {
        isAlive = false
        _ = try? world.coordinator.shareHeartbeat(
            ShareHeartbeat(group: group, memberID: name, memberEpoch: MemberEpoch.leaving),
            catalog: world.catalog, entropy: 0, now: world.now)
        epoch = 0
    }

    func die(in world: World, closingConnection: Bool) { isAlive = false }

    func take(_ answer: GroupAnswer, for ticket: GroupTicket, in world: World) {
        world.fail("\(name): an answer to nothing")
    }
}
