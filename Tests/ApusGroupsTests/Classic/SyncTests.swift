// SPDX-License-Identifier: Apache-2.0

// What happens within a generation of a classic group: syncing, heartbeats, commits, leaving, silence.

import ApusGroups
import Testing

struct SyncTests {
    /// Two members, the first of which leads, that have not synced yet.
    private func completingGroup(_ scene: Scene, rebalance: Duration = .seconds(300)) -> [String] {
        let ids = [scene.identify(), scene.identify()]
        for id in ids { _ = scene.join("g", id, rebalance: rebalance) }
        scene.pass(.seconds(6))
        #expect(scene.state() == "CompletingRebalance")
        return ids
    }

    @Test func followersWaitForTheLeadersAssignment() {
        let scene = Scene()
        let ids = completingGroup(scene)
        let follower = scene.sync("g", ids[1], generation: 1)
        #expect(scene.syncAnswer(follower) == nil)
        let leader = scene.sync("g", ids[0], generation: 1, [ids[0]: [10], ids[1]: [20]])
        #expect(scene.syncAnswer(leader)?.assignment == [10])
        #expect(scene.syncAnswer(follower)?.assignment == [20])
        #expect(scene.syncAnswer(follower)?.protocolName == "range")
        #expect(scene.syncAnswer(follower)?.protocolType == "consumer")
        #expect(scene.state() == "Stable")
    }

    @Test func aFollowerThatSyncsLateGetsItsPartAtOnce() {
        let scene = Scene()
        let ids = completingGroup(scene)
        _ = scene.sync("g", ids[0], generation: 1, [ids[1]: [20], "stranger": [1]])
        #expect(scene.syncAnswer(scene.sync("g", ids[1], generation: 1))?.assignment == [20])
        // The leader forgot itself: it has an empty part.
        #expect(scene.coordinator.describeClassic("g")?.members.map(\.assignment) == [[], [20]])
    }

    @Test func aSyncOfAnotherGenerationOrProtocolIsRefused() {
        let scene = Scene()
        let ids = completingGroup(scene)
        #expect(scene.syncAnswer(scene.sync("g", ids[0], generation: 2))?.error == .illegalGeneration)
        #expect(scene.syncAnswer(scene.sync("g", "x", generation: 1))?.error == .unknownMemberID)
        #expect(scene.syncAnswer(scene.sync("h", "x", generation: 1))?.error == .unknownMemberID)
        let otherType = scene.sync("g", ids[0], generation: 1, type: "connect")
        #expect(scene.syncAnswer(otherType)?.error == .inconsistentGroupProtocol)
        let otherName = scene.sync("g", ids[0], generation: 1, type: "consumer", name: "sticky")
        #expect(scene.syncAnswer(otherName)?.error == .inconsistentGroupProtocol)
    }

    @Test func aSyncWhileTheGroupGathersIsToldToJoin() {
        let scene = Scene()
        let (members, generation) = scene.stableGroup(of: 2)
        _ = scene.join("g", members[0])
        let ticket = scene.sync("g", members[1], generation: generation)
        #expect(scene.syncAnswer(ticket)?.error == .rebalanceInProgress)
    }

    @Test func membersThatDoNotSyncInTimeAreDropped() {
        let scene = Scene()
        let ids = completingGroup(scene, rebalance: .seconds(60))
        let follower = scene.sync("g", ids[1], generation: 1)
        for _ in 0..<5 {
            scene.pass(.seconds(10))
            #expect(scene.heartbeat("g", ids[0], generation: 1) == nil)
        }
        #expect(scene.syncAnswer(follower) == nil)
        scene.pass(.seconds(10))
        #expect(scene.syncAnswer(follower)?.error == .rebalanceInProgress)
        #expect(scene.heartbeat("g", ids[0], generation: 1) == .unknownMemberID)
        #expect(scene.heartbeat("g", ids[1], generation: 1) == .rebalanceInProgress)
    }

    @Test func aMemberThatDoesNotSyncIsDroppedFromAStableGroupToo() {
        let scene = Scene()
        let ids = completingGroup(scene, rebalance: .seconds(60))
        _ = scene.sync("g", ids[0], generation: 1)
        for _ in 0..<5 {
            scene.pass(.seconds(10))
            for id in ids { #expect(scene.heartbeat("g", id, generation: 1) == nil) }
        }
        scene.pass(.seconds(10))
        #expect(scene.heartbeat("g", ids[1], generation: 1) == .unknownMemberID)
        #expect(scene.heartbeat("g", ids[0], generation: 1) == .rebalanceInProgress)
    }

    @Test func waitingForASyncIsNoSilence() {
        let scene = Scene()
        let ids = completingGroup(scene, rebalance: .seconds(200))
        let follower = scene.sync("g", ids[1], generation: 1)
        for _ in 0..<6 {
            scene.pass(.seconds(30))
            #expect(scene.heartbeat("g", ids[0], generation: 1) == nil)
        }
        _ = scene.sync("g", ids[0], generation: 1, [ids[1]: [5]])
        #expect(scene.syncAnswer(follower)?.assignment == [5])
        scene.pass(.seconds(44))
        #expect(scene.heartbeat("g", ids[1], generation: 1) == nil)
    }

    @Test func heartbeatsAreAnsweredByTheStateOfTheGroup() {
        let scene = Scene()
        #expect(scene.heartbeat("g", "m", generation: 1) == .unknownMemberID)
        let ids = completingGroup(scene)
        #expect(scene.heartbeat("g", ids[0], generation: 1) == nil)
        #expect(scene.heartbeat("g", ids[0], generation: 0) == .illegalGeneration)
        #expect(scene.heartbeat("g", "x", generation: 1) == .unknownMemberID)
        _ = scene.sync("g", ids[0], generation: 1)
        #expect(scene.heartbeat("g", ids[0], generation: 1) == nil)
        _ = scene.join("g", ids[0])
        #expect(scene.heartbeat("g", ids[1], generation: 1) == .rebalanceInProgress)
        let told = scene.identify()
        #expect(scene.heartbeat("g", told, generation: 1) == .unknownMemberID)
    }

    @Test func aSilentMemberIsDroppedAndTheOthersGatherAnew() {
        let scene = Scene()
        let (members, generation) = scene.stableGroup(of: 2)
        scene.pass(.seconds(40))
        #expect(scene.heartbeat("g", members[1], generation: generation) == nil)
        scene.pass(.seconds(4))
        #expect(scene.state() == "Stable")
        scene.pass(.seconds(1))
        #expect(scene.state() == "PreparingRebalance")
        let ticket = scene.join("g", members[1])
        #expect(scene.joinAnswer(ticket)?.leader == members[1])
        #expect(scene.joinAnswer(ticket)?.generation == generation + 1)
    }

    @Test func aGroupWhoseMembersAllFallSilentIsEmpty() {
        let scene = Scene()
        let (_, generation) = scene.stableGroup(of: 3)
        scene.pass(.seconds(46))
        #expect(scene.state() == "Empty")
        // Each that was missed had the others gather anew, and the last one ended a generation.
        #expect(scene.coordinator.describeClassic("g")?.members.isEmpty == true)
        #expect(generation == 1)
    }

    @Test func leavingEndsAMembershipAndHasTheOthersGatherAnew() {
        let scene = Scene()
        let (members, generation) = scene.stableGroup(of: 3)
        let answer = scene.leave("g", LeavingMember(memberID: members[2]))
        #expect(answer.members.map(\.error) == [nil])
        #expect(answer.soleError == nil)
        #expect(scene.state() == "PreparingRebalance")
        let again = members.prefix(2).map { scene.join("g", $0) }
        #expect(again.map { scene.joinAnswer($0)?.generation } == [generation + 1, generation + 1])
    }

    @Test func aBatchOfLeavesAnswersForEach() {
        let scene = Scene()
        let (members, _) = scene.stableGroup(of: 2)
        let told = scene.identify()
        let answer = scene.leave(
            "g", LeavingMember(memberID: members[0]), LeavingMember(memberID: "x"),
            LeavingMember(memberID: told),
            LeavingMember(memberID: members[1], instanceID: "i"),
            LeavingMember(memberID: "", instanceID: "i"),
            LeavingMember(memberID: members[1]))
        #expect(
            answer.members.map(\.error)
                == [nil, .unknownMemberID, nil, .unknownMemberID, .unknownMemberID, nil])
        #expect(scene.state() == "Empty")
    }

    @Test func leavingAGroupThatIsNotThereIsAnsweredForEachMember() {
        let scene = Scene()
        let answer = scene.leave("g", LeavingMember(memberID: "a"), LeavingMember(memberID: "b"))
        #expect(answer.error == nil)
        #expect(answer.members.map(\.error) == [.unknownMemberID, .unknownMemberID])
        #expect(answer.soleError == .unknownMemberID)
    }

    @Test func whoLeavesWhileARequestOfItWaitsIsAnswered() {
        let scene = Scene()
        let id = scene.identify()
        let join = scene.join("g", id)
        _ = scene.leave("g", LeavingMember(memberID: id))
        #expect(scene.joinAnswer(join)?.error == .unknownMemberID)
        let other = Scene()
        let ids = completingGroup(other)
        let sync = other.sync("g", ids[1], generation: 1)
        _ = other.leave("g", LeavingMember(memberID: ids[1]))
        #expect(other.syncAnswer(sync)?.error == .unknownMemberID)
        #expect(other.coordinator.waitingCount == 0)
    }

    @Test func theLastOneThatAGatheringGroupWaitedForMayLeave() {
        let scene = Scene()
        let (members, generation) = scene.stableGroup(of: 2)
        let ticket = scene.join("g", members[0])
        _ = scene.leave("g", LeavingMember(memberID: members[1]))
        #expect(scene.joinAnswer(ticket)?.generation == generation + 1)
    }

    @Test func commitsOfMembersAreHeldAgainstTheGeneration() {
        let scene = Scene()
        let (members, generation) = scene.stableGroup(of: 2)
        #expect(scene.commit("g", members[0], generation: generation) == nil)
        #expect(scene.commit("g", members[0], generation: generation - 1) == .illegalGeneration)
        #expect(scene.commit("g", "x", generation: generation) == .unknownMemberID)
        #expect(scene.commit("g") == .unknownMemberID)
        #expect(scene.commit("g", transactional: true) == nil)
        let told = scene.identify()
        #expect(scene.commit("g", told, generation: generation) == .unknownMemberID)
        // While the group gathers, members may still commit what they have done.
        _ = scene.join("g", members[0])
        #expect(scene.commit("g", members[1], generation: generation) == nil)
    }

    @Test func commitsWhileTheGroupSyncsAreToldToWait() {
        let scene = Scene()
        let ids = completingGroup(scene)
        #expect(scene.commit("g", ids[1], generation: 1) == .rebalanceInProgress)
        #expect(scene.commit("g", ids[1], generation: 1, transactional: true) == nil)
    }

    @Test func whoAssignsItselfCommitsToAGroupWithoutMembers() {
        let scene = Scene()
        #expect(scene.commit("new") == nil)
        #expect(scene.commit("new", "m", generation: 3) == .unknownMemberID)
        #expect(scene.commit("new", "m", generation: 3, knowsConsumerGroups: false) == .illegalGeneration)
        #expect(scene.commit("new", "m", generation: 3, transactional: true) == .illegalGeneration)
        let (members, _) = scene.stableGroup(of: 1)
        #expect(scene.commit("g") == .unknownMemberID)
        _ = scene.leave("g", LeavingMember(memberID: members[0]))
        #expect(scene.commit("g") == nil)
    }

    @Test func aCommitIsASignOfLife() {
        let scene = Scene()
        let (members, generation) = scene.stableGroup(of: 1)
        scene.pass(.seconds(44))
        #expect(scene.commit("g", members[0], generation: generation) == nil)
        scene.pass(.seconds(44))
        #expect(scene.heartbeat("g", members[0], generation: generation) == nil)
    }
}
