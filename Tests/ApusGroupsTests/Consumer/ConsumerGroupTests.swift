// SPDX-License-Identifier: Apache-2.0

// Consumer groups by KIP-848: joining, reconciling, leaving.

import ApusGroups
import Testing

struct ConsumerGroupTests {
    @Test func aMemberThatIsAloneGetsEverythingAtOnce() {
        let scene = Scene()
        let one = Consumer("a")
        #expect(scene.beat(one) == nil)
        #expect(one.epoch == 1)
        #expect(one.told == [TopicPartitions(topic: 1, partitions: [0, 1, 2, 3])])
        #expect(scene.consumerState == "Stable")
    }

    @Test func theIntervalIsTold() throws {
        let scene = Scene()
        let answer = try scene.coordinator.consumerHeartbeat(
            Consumer("a").request(), catalog: scene.catalog, entropy: 1, now: scene.now)
        #expect(answer.heartbeatInterval == .seconds(5))
        #expect(answer.memberID == "a")
    }

    @Test func aMemberWithoutAnIdentityIsGivenOne() throws {
        let scene = Scene()
        var request = Consumer("").request()
        let answer = try scene.coordinator.consumerHeartbeat(
            request, catalog: scene.catalog, entropy: .max, now: scene.now)
        #expect(answer.memberID == String(repeating: "_", count: 21) + "w")
        request.memberEpoch = 1
        #expect(scene.send(request) == .invalidRequest)
    }

    @Test func partitionsAreTakenOverOnlyWhenTheirOwnerHasGivenThemUp() {
        let scene = Scene()
        let (one, two) = (Consumer("a"), Consumer("b"))
        scene.beat(one)
        #expect(scene.beat(two) == nil)
        // At its epoch, but what it is to have is still in use.
        #expect(two.epoch == 2)
        #expect(two.told == [])
        #expect(scene.consumerState == "Reconciling")
        // The first learns what it may keep; its epoch stays until it has confirmed.
        scene.beat(one)
        #expect(one.epoch == 1)
        #expect(one.told == [TopicPartitions(topic: 1, partitions: [0, 1])])
        scene.beat(two)
        #expect(two.told == [])
        scene.beat(one)
        #expect(one.epoch == 2)
        scene.beat(two)
        #expect(two.told == [TopicPartitions(topic: 1, partitions: [2, 3])])
        #expect(scene.consumerState == "Stable")
    }

    @Test func aHeartbeatWithoutNewsIsAnsweredWithoutAnAssignment() throws {
        let scene = Scene()
        let one = Consumer("a")
        scene.beat(one)
        let quiet = ConsumerHeartbeat(group: "g", memberID: "a", memberEpoch: 1)
        let answer = try scene.coordinator.consumerHeartbeat(
            quiet, catalog: scene.catalog, entropy: 1, now: scene.now)
        #expect(answer.assignment == nil)
        #expect(answer.memberEpoch == 1)
        var all = one.request()
        all.rebalanceTimeout = .seconds(1)
        let full = try scene.coordinator.consumerHeartbeat(
            all, catalog: scene.catalog, entropy: 1, now: scene.now)
        #expect(full.assignment == one.told)
    }

    @Test func whoDoesNotGivePartitionsUpInTimeIsDropped() {
        let scene = Scene()
        let (one, two) = (Consumer("a"), Consumer("b"))
        scene.beat(one)
        scene.beat(two)
        one.isStuck = true
        for _ in 0..<11 {
            scene.beat(one)
            scene.beat(two)
            scene.pass(.seconds(5))
        }
        #expect(one.epoch == 1)
        #expect(two.told == [])
        scene.pass(.seconds(5))
        #expect(scene.beat(one) == .unknownMemberID)
        scene.beat(two)
        #expect(two.told == [TopicPartitions(topic: 1, partitions: [0, 1, 2, 3])])
    }

    @Test func whoIsSilentIsDroppedAndItsPartitionsAreFree() {
        let scene = Scene()
        let (one, two) = (Consumer("a"), Consumer("b"))
        scene.settle([one, two])
        for _ in 0..<9 {
            scene.pass(.seconds(5))
            scene.beat(two)
        }
        #expect(scene.coordinator.describeConsumer("g")?.members.map(\.memberID) == ["b"])
        scene.beat(two)
        #expect(two.owned.count == 4)
        #expect(scene.beat(one) == .unknownMemberID)
    }

    @Test func whoLeavesFreesItsPartitionsAtOnce() {
        let scene = Scene()
        let (one, two) = (Consumer("a"), Consumer("b"))
        scene.settle([one, two])
        #expect(scene.leave(one) == nil)
        scene.beat(two)
        #expect(two.owned.count == 4)
        #expect(scene.leave(one) == .unknownMemberID)
        #expect(scene.leave(two) == nil)
        #expect(scene.consumerState == "Empty")
    }

    @Test func whoSpeaksAtAnotherEpochIsFenced() {
        let scene = Scene()
        let one = Consumer("a")
        scene.beat(one)
        one.epoch = 2
        #expect(scene.beat(one) == .fencedMemberEpoch)
        one.lose()
        #expect(scene.beat(one) == nil)
        #expect(one.owned.count == 4)
    }

    @Test func whoMissedAnAnswerMayStillSpeakAtItsFormerEpoch() {
        let scene = Scene()
        let (one, two) = (Consumer("a"), Consumer("b"))
        scene.settle([one, two])
        #expect(one.epoch == 2)
        one.names = ["t", "u"]
        #expect(scene.send(one.request()) == nil)
        // The answer is lost; it speaks again as before, and learns.
        #expect(scene.coordinator.describeConsumer("g")?.members.first?.memberEpoch == 3)
        #expect(scene.beat(one) == nil)
        #expect(one.epoch == 3)
        // With partitions that it may not have, it is fenced.
        one.epoch = 2
        one.owned = ["1/0", "1/1", "1/2", "1/3"]
        #expect(scene.beat(one) == .fencedMemberEpoch)
    }

    @Test func aChangedSubscriptionMovesPartitions() {
        let scene = Scene()
        scene.catalog = .of(["t": 4, "u": 2])
        let (one, two) = (Consumer("a", ["t"]), Consumer("b", ["u"]))
        scene.settle([one, two])
        #expect(one.owned == ["1/0", "1/1", "1/2", "1/3"])
        #expect(two.owned == ["2/0", "2/1"])
        two.names = ["t", "u"]
        scene.settle([one, two])
        #expect(one.owned.count == 3)
        #expect(two.owned.count == 3)
        #expect(one.owned.isDisjoint(with: two.owned))
    }

    @Test func newPartitionsAndTopicsAreFoundByTheNextHeartbeat() {
        let scene = Scene()
        let one = Consumer("a", ["t", "u"])
        scene.beat(one)
        scene.catalog = .of(["t": 6], version: 2)
        scene.beat(one)
        #expect(one.owned.count == 6)
        #expect(one.epoch == 2)
        scene.catalog = .of(["t": 6, "u": 1], version: 3)
        scene.beat(one)
        #expect(one.owned.contains("2/0"))
        // A catalog that is new in other respects changes nothing.
        scene.catalog = .of(["t": 6, "u": 1, "z": 9], version: 4)
        scene.beat(one)
        #expect(one.epoch == 3)
    }

    @Test func partitionsOfATopicThatIsGoneAreGivenUp() {
        let scene = Scene()
        scene.catalog = .of(["t": 4, "u": 2])
        let one = Consumer("a", ["t", "u"])
        scene.beat(one)
        scene.catalog = .of(["t": 4], version: 2)
        scene.settle([one])
        #expect(one.owned == ["1/0", "1/1", "1/2", "1/3"])
        #expect(scene.consumerState == "Stable")
    }

    @Test func joiningNeedsWhatJoiningNeeds() {
        let scene = Scene()
        func refused(_ change: (inout ConsumerHeartbeat) -> Void) -> GroupError? {
            var request = Consumer("a").request()
            change(&request)
            return scene.send(request)
        }
        #expect(refused { $0.group = "" } == .invalidRequest)
        #expect(refused { $0.instanceID = "" } == .invalidRequest)
        #expect(refused { $0.rackID = "" } == .invalidRequest)
        #expect(refused { $0.rebalanceTimeout = nil } == .invalidRequest)
        #expect(refused { $0.subscribedNames = nil } == .invalidRequest)
        #expect(refused { $0.subscribedNames = [] } == .invalidRequest)
        #expect(refused { $0.owned = [TopicPartitions(topic: 1, partitions: [0])] } == .invalidRequest)
        #expect(refused { $0.memberEpoch = -3 } == .invalidRequest)
        #expect(refused { $0.memberEpoch = -2 } == .invalidRequest)
        #expect(refused { $0.serverAssignor = "magic" } == .unsupportedAssignor)
        #expect(refused { $0.subscribedRegex = "(" } == .invalidRegularExpression)
        #expect(refused { $0.memberEpoch = 5 } == .unknownMemberID)
        #expect(scene.coordinator.groupCount == 0)
        #expect(refused { $0.owned = nil } == nil)
    }

    @Test func aGroupThatIsNotThereKnowsNobody() {
        let scene = Scene()
        let one = Consumer("a")
        one.epoch = 7
        #expect(scene.beat(one) == .unknownMemberID)
        #expect(scene.leave(one) == .unknownMemberID)
    }

    @Test func aFullGroupTakesNobody() {
        let scene = Scene { $0.consumerMembersMax = 1 }
        #expect(scene.beat(Consumer("a")) == nil)
        #expect(scene.beat(Consumer("b")) == .groupMaxSizeReached)
    }

    @Test func theAssignorThatMostWishForIsTaken() {
        let scene = Scene()
        scene.catalog = .of(["t": 2, "u": 2])
        let members = [
            Consumer("a", ["t", "u"], assignor: "range"), Consumer("b", ["t", "u"], assignor: "range"),
            Consumer("c", ["t", "u"], assignor: "uniform"),
        ]
        scene.settle(members)
        #expect(scene.coordinator.describeConsumer("g")?.assignorName == "range")
        #expect(members[0].owned == ["1/0", "2/0"])
        #expect(members[1].owned == ["1/1", "2/1"])
        #expect(members[2].owned == [])
    }

    @Test func topicsAreSubscribedToByExpression() {
        let scene = Scene()
        scene.catalog = .of(["a1": 1, "a2": 1, "b1": 1])
        let one = Consumer("m", nil, regex: "a[0-9]+")
        scene.beat(one)
        #expect(one.owned == ["1/0", "2/0"])
        scene.catalog = .of(["a1": 1, "a2": 1, "a3": 2, "b1": 1], version: 2)
        scene.settle([one])
        #expect(one.owned == ["1/0", "2/0", "3/0", "3/1"])
        one.regex = ""
        one.names = ["b1"]
        scene.settle([one])
        #expect(one.owned == ["4/0"])
    }

    @Test func differentExpressionsAreBounded() {
        let scene = Scene { $0.regularExpressionsMax = 1 }
        #expect(scene.beat(Consumer("a", nil, regex: "x.*")) == nil)
        #expect(scene.beat(Consumer("b", nil, regex: "x.*")) == nil)
        #expect(scene.beat(Consumer("c", nil, regex: "y.*")) == .invalidRequest)
        #expect(scene.coordinator.describeConsumer("g")?.members.count == 2)
    }

    @Test func aGroupIsDescribed() {
        let scene = Scene()
        let (one, two) = (Consumer("a"), Consumer("b", instance: "i"))
        scene.beat(one)
        scene.beat(two)
        let seen = scene.coordinator.describeConsumer("g")
        #expect(seen?.state == "Reconciling")
        #expect(seen?.groupEpoch == 2)
        #expect(seen?.assignmentEpoch == 2)
        #expect(seen?.assignorName == "uniform")
        #expect(seen?.members.map(\.memberID) == ["a", "b"])
        #expect(seen?.members.map(\.instanceID) == [nil, "i"])
        #expect(seen?.members.map(\.memberEpoch) == [1, 2])
        #expect(seen?.members[0].assignment == [TopicPartitions(topic: 1, partitions: [0, 1, 2, 3])])
        #expect(seen?.members[0].target == [TopicPartitions(topic: 1, partitions: [0, 1])])
        #expect(seen?.members[1].assignment == [])
        #expect(seen?.members[1].target == [TopicPartitions(topic: 1, partitions: [2, 3])])
        #expect(scene.coordinator.list(kinds: ["consumer"]).map(\.state) == ["Reconciling"])
        #expect(scene.coordinator.describeClassic("g") == nil)
        _ = scene.leave(one)
        #expect(scene.consumerState == "Assigning")
    }

    @Test func commitsAreHeldAgainstTheMembersEpoch() {
        let scene = Scene()
        let one = Consumer("a")
        scene.beat(one)
        #expect(scene.commit("g", "a", generation: 1) == nil)
        #expect(scene.commit("g", "a", generation: 0) == .staleMemberEpoch)
        #expect(scene.commit("g", "a", generation: 2, transactional: true) == .illegalGeneration)
        #expect(scene.commit("g", "x", generation: 1) == .unknownMemberID)
        #expect(scene.commit("g", "a", generation: 1, knowsConsumerGroups: false) == .unsupportedVersion)
        #expect(scene.commit("g") == .unknownMemberID)
        #expect(scene.commit("g", transactional: true) == nil)
        #expect(scene.coordinator.validateFetch(group: "g", memberID: "a", memberEpoch: 1) == nil)
        #expect(
            scene.coordinator.validateFetch(group: "g", memberID: "a", memberEpoch: 0) == .staleMemberEpoch)
        #expect(
            scene.coordinator.validateFetch(group: "g", memberID: "x", memberEpoch: 1) == .unknownMemberID)
        #expect(scene.coordinator.validateFetch(group: "g", memberID: nil, memberEpoch: -1) == nil)
        #expect(scene.coordinator.validateFetch(group: "z", memberID: "a", memberEpoch: 9) == nil)
        _ = scene.leave(one)
        #expect(scene.commit("g") == nil)
    }

    @Test func anEmptyGroupIsForgottenAndLeavesNothing() {
        let scene = Scene()
        let one = Consumer("a")
        scene.beat(one)
        scene.pass(.seconds(1_000))
        #expect(scene.consumerState == nil)
        #expect(scene.coordinator.bytes == 0)
        #expect(scene.coordinator.nextDeadline == nil)
    }
}
