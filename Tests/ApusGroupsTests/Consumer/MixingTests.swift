// SPDX-License-Identifier: Apache-2.0

// Members of one kind that come to a group of another.

import ApusGroups
import Testing

struct MixingTests {
    @Test func aClassicMemberIsNotLetIntoAConsumerGroupWithMembers() {
        let scene = Scene()
        let one = Consumer("a")
        scene.beat(one)
        #expect(scene.joinAnswer(scene.join())?.error == .inconsistentGroupProtocol)
        #expect(scene.heartbeat("g", "a", generation: 1) == .unknownMemberID)
        #expect(scene.syncAnswer(scene.sync("g", "a", generation: 1))?.error == .unknownMemberID)
        #expect(scene.leave("g", LeavingMember(memberID: "a")).soleError == .unknownMemberID)
        #expect(scene.consumerState == "Stable")
    }

    @Test func aConsumerIsNotLetIntoAClassicGroupWithMembers() {
        let scene = Scene()
        let (members, generation) = scene.stableGroup(of: 1)
        #expect(scene.beat(Consumer("a")) == .groupIDNotFound)
        #expect(scene.heartbeat("g", members[0], generation: generation) == nil)
    }

    @Test func emptyGroupsBecomeWhatComes() {
        let scene = Scene()
        let (members, _) = scene.stableGroup(of: 1)
        _ = scene.leave("g", LeavingMember(memberID: members[0]))
        let one = Consumer("a")
        #expect(scene.beat(one) == nil)
        #expect(scene.state() == nil)
        #expect(scene.coordinator.groupCount == 1)
        _ = scene.leave(one)
        #expect(scene.joinAnswer(scene.join())?.error == .memberIDRequired)
        #expect(scene.consumerState == nil)
        #expect(scene.coordinator.groupCount == 1)
    }

    @Test func aShareGroupIsForItsOwnKindOnly() {
        let scene = Scene()
        #expect(scene.share("s") == nil)
        #expect(scene.joinAnswer(scene.join("share"))?.error == .inconsistentGroupProtocol)
        #expect(scene.beat(Consumer("a"), "share") == .groupIDNotFound)
        #expect(scene.commit("share") == .groupIDNotFound)
        #expect(
            scene.coordinator.validateFetch(group: "share", memberID: nil, memberEpoch: -1)
                == .groupIDNotFound)
        #expect(scene.coordinator.validateOffsetDelete(group: "share") == .groupIDNotFound)
        scene.beat(Consumer("a"))
        #expect(scene.share("s", group: "g") == .groupIDNotFound)
    }

    @Test func theKindOfAGroupIsKnown() {
        let scene = Scene()
        _ = scene.identify("c")
        scene.beat(Consumer("a"), "k")
        _ = scene.share("s")
        #expect(
            ["c", "k", "share", "x"].map { scene.coordinator.kind(of: $0) } == [
                .classic, .consumer, .share, nil,
            ])
    }

    @Test func deletingOffsetsHasToKnowWhatIsSubscribedTo() {
        let scene = Scene()
        #expect(scene.coordinator.validateOffsetDelete(group: "g") == nil)
        #expect(!scene.coordinator.isSubscribed(group: "g", topic: "t"))
        scene.beat(Consumer("a", ["t"], regex: "x.*"))
        #expect(scene.coordinator.isSubscribed(group: "g", topic: "t"))
        #expect(scene.coordinator.isSubscribed(group: "g", topic: "xyz"))
        #expect(!scene.coordinator.isSubscribed(group: "g", topic: "u"))
        let subscription: [UInt8] = [0, 1, 0, 0, 0, 2, 0, 1, 116, 0, 2, 117, 118, 0, 0, 0, 0]
        let ticket = scene.join("c", protocols: ["range": subscription], requiresKnownID: false)
        scene.pass(.seconds(3))
        #expect(scene.joinAnswer(ticket)?.error == nil)
        #expect(scene.coordinator.validateOffsetDelete(group: "c") == nil)
        #expect(scene.coordinator.isSubscribed(group: "c", topic: "t"))
        #expect(scene.coordinator.isSubscribed(group: "c", topic: "uv"))
        #expect(!scene.coordinator.isSubscribed(group: "c", topic: "u"))
        _ = scene.join("d", type: "connect", requiresKnownID: false)
        scene.pass(.seconds(3))
        #expect(scene.coordinator.validateOffsetDelete(group: "d") == .nonEmptyGroup)
    }

    @Test func whatAMemberSaysThatCannotBeReadMaySubscribeToAnything() {
        let scene = Scene()
        _ = scene.join(protocols: ["range": [0, 1, 127, 255, 255, 255]], requiresKnownID: false)
        scene.pass(.seconds(3))
        #expect(scene.coordinator.isSubscribed(group: "g", topic: "any"))
    }
}
