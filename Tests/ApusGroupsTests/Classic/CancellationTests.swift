// SPDX-License-Identifier: Apache-2.0

// Clients that go away while a request of theirs waits.

import ApusGroups
import Testing

struct CancellationTests {
    @Test func aMemberThatCannotKnowItselfIsGoneWithItsConnection() {
        let scene = Scene()
        let (members, generation) = scene.stableGroup(of: 1)
        let old = scene.join(requiresKnownID: false)
        let leader = scene.join("g", members[0])
        // A second one that never gets an answer.
        let other = scene.join(requiresKnownID: false)
        #expect(scene.joinAnswer(old)?.generation == generation + 1)
        #expect(scene.joinAnswer(leader)?.error == nil)
        scene.cancel(other)
        #expect(scene.joinAnswer(other) == nil)
        let again = scene.join("g", members[0])
        let oldAgain = scene.join("g", scene.joinAnswer(old)?.memberID ?? "")
        #expect(scene.joinAnswer(again)?.members.count == 2)
        #expect(scene.joinAnswer(oldAgain)?.error == nil)
        #expect(scene.coordinator.waitingCount == 0)
    }

    @Test func aMemberThatKnowsItselfMayComeBackWithinItsSession() {
        let scene = Scene()
        let (members, generation) = scene.stableGroup(of: 1)
        let id = scene.identify()
        let lost = scene.join("g", id)
        scene.cancel(lost)
        scene.pass(.seconds(30))
        _ = scene.heartbeat("g", members[0], generation: generation)
        let again = scene.join("g", id)
        let leader = scene.join("g", members[0])
        #expect(scene.joinAnswer(lost) == nil)
        #expect(scene.joinAnswer(again)?.generation == generation + 1)
        #expect(scene.joinAnswer(leader)?.members.count == 2)
    }

    @Test func aMemberThatDoesNotComeBackHoldsNobodyUpForLongerThanItsSession() {
        let scene = Scene()
        let (members, generation) = scene.stableGroup(of: 1)
        let lost = scene.join("g", scene.identify())
        scene.cancel(lost)
        let leader = scene.join("g", members[0])
        scene.pass(.seconds(44))
        #expect(scene.joinAnswer(leader) == nil)
        scene.pass(.seconds(1))
        #expect(scene.joinAnswer(leader)?.generation == generation + 1)
    }

    @Test func whoIsLostInTheFirstRebalanceIsNotInTheFirstGeneration() {
        let scene = Scene()
        let stays = scene.join("g", scene.identify())
        let lost = scene.join("g", scene.identify())
        scene.cancel(lost)
        scene.pass(.seconds(6))
        #expect(scene.joinAnswer(stays)?.members.count == 1)
    }

    @Test func ifAllAreLostTheGroupIsEmpty() {
        let scene = Scene()
        let tickets = [scene.join("g", scene.identify()), scene.join(requiresKnownID: false)]
        for ticket in tickets { scene.cancel(ticket) }
        scene.pass(.seconds(6))
        #expect(scene.state() == "Empty")
        #expect(scene.coordinator.waitingCount == 0)
    }

    @Test func aLeaderThatIsLostWhileItSyncsIsMissedLikeAnyOther() {
        let scene = Scene()
        let ids = [scene.identify(), scene.identify()]
        for id in ids { _ = scene.join("g", id) }
        scene.pass(.seconds(6))
        let follower = scene.sync("g", ids[1], generation: 1)
        scene.cancel(follower)
        scene.pass(.seconds(10))
        let again = scene.sync("g", ids[1], generation: 1)
        scene.pass(.seconds(35))
        // The leader was silent for its session: the follower is told to join anew.
        #expect(scene.syncAnswer(again)?.error == .rebalanceInProgress)
        let join = scene.join("g", ids[1])
        #expect(scene.joinAnswer(join)?.leader == ids[1])
    }

    @Test func aTicketThatWasAnsweredIsNotCancelled() {
        let scene = Scene()
        let (members, generation) = scene.stableGroup(of: 1)
        let ticket = scene.join("g", members[0])
        #expect(scene.joinAnswer(ticket) != nil)
        scene.cancel(ticket)
        #expect(scene.heartbeat("g", members[0], generation: generation + 1) == nil)
    }
}
