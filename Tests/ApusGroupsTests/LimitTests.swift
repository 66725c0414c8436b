// SPDX-License-Identifier: Apache-2.0

// What bounds a coordinator, and how groups that nobody is in are forgotten.

import ApusGroups
import Testing

struct LimitTests {
    @Test func aGroupTakesNoMoreMembersThanItMay() {
        let scene = Scene { $0.classicMembersMax = 2 }
        let (members, generation) = scene.stableGroup(of: 2)
        let more = scene.join(requiresKnownID: false)
        #expect(scene.joinAnswer(more)?.error == .groupMaxSizeReached)
        #expect(scene.state() == "Stable")
        #expect(scene.heartbeat("g", members[1], generation: generation) == nil)
    }

    @Test func whoIsLateToAFullRebalanceIsNotLetIn() {
        let scene = Scene { $0.classicMembersMax = 2 }
        let tickets = [scene.join("g", scene.identify()), scene.join("g", scene.identify())]
        let late = scene.join(requiresKnownID: false)
        #expect(scene.joinAnswer(late)?.error == .groupMaxSizeReached)
        scene.pass(.seconds(6))
        #expect(scene.joinAnswer(tickets[0])?.members.count == 2)
    }

    @Test func identitiesAreNotGivenOutWithoutEnd() {
        let scene = Scene { $0.classicMembersMax = 2 }
        #expect(scene.joinAnswer(scene.join())?.error == .memberIDRequired)
        #expect(scene.joinAnswer(scene.join())?.error == .memberIDRequired)
        #expect(scene.joinAnswer(scene.join())?.error == .groupMaxSizeReached)
        scene.pass(.seconds(45))
        #expect(scene.joinAnswer(scene.join())?.error == .memberIDRequired)
    }

    @Test func theGroupThatHasBeenEmptyLongestMakesRoom() {
        let scene = Scene { $0.groupsMax = 2 }
        let (first, _) = scene.stableGroup("a", of: 1)
        _ = scene.stableGroup("b", of: 1)
        #expect(scene.joinAnswer(scene.join("c"))?.error == .coordinatorNotAvailable)
        _ = scene.leave("a", LeavingMember(memberID: first[0]))
        #expect(scene.joinAnswer(scene.join("c"))?.error == .memberIDRequired)
        #expect(scene.coordinator.list().map(\.id) == ["b", "c"])
    }

    @Test func aGroupIsForgottenAfterItHasBeenEmptyForLong() {
        let scene = Scene()
        let (members, _) = scene.stableGroup(of: 1)
        _ = scene.leave("g", LeavingMember(memberID: members[0]))
        scene.pass(.seconds(599))
        #expect(scene.state() == "Empty")
        scene.pass(.seconds(1))
        #expect(scene.state() == nil)
        #expect(scene.coordinator.bytes == 0)
        #expect(scene.coordinator.nextDeadline == nil)
    }

    @Test func aGroupThatIsFilledAgainIsNotForgotten() {
        let scene = Scene()
        let (members, _) = scene.stableGroup(of: 1)
        _ = scene.leave("g", LeavingMember(memberID: members[0]))
        scene.pass(.seconds(300))
        let (again, generation) = scene.stableGroup(of: 1)
        #expect(generation == 3)
        for _ in 0..<20 {
            scene.pass(.seconds(30))
            #expect(scene.heartbeat("g", again[0], generation: generation) == nil)
        }
    }

    @Test func bytesAreCountedAndBounded() {
        let scene = Scene {
            $0.memberBytesMax = 1_000
            $0.bytesMax = 20_000
            $0.nameBytesMax = 100
        }
        let tooMuch = scene.join(protocols: ["range": Array(repeating: 0, count: 1_000)])
        #expect(scene.joinAnswer(tooMuch)?.error == .invalidRequest)
        let longName = scene.join(client: String(repeating: "c", count: 101))
        #expect(scene.joinAnswer(longName)?.error == .invalidRequest)
        #expect(scene.coordinator.bytes == 0)
        var refusals = 0
        for number in 0..<100 {
            let ticket = scene.join(
                "g\(number)", protocols: ["range": Array(repeating: 0, count: 900)], requiresKnownID: false)
            if scene.joinAnswer(ticket)?.error == .coordinatorNotAvailable { refusals += 1 }
            #expect(scene.coordinator.bytes <= 20_000)
        }
        #expect(refusals > 50)
        // All leave no trace in the end.
        scene.pass(.seconds(2_000))
        #expect(scene.coordinator.bytes == 0)
        #expect(scene.coordinator.groupCount == 0)
    }

    @Test func assignmentsAreBounded() {
        let scene = Scene { $0.assignmentBytesMax = 100 }
        let id = scene.identify()
        _ = scene.join("g", id)
        scene.pass(.seconds(3))
        let sync = scene.sync("g", id, generation: 1, [id: Array(repeating: 1, count: 101)])
        #expect(scene.syncAnswer(sync)?.error == .invalidRequest)
        #expect(scene.syncAnswer(scene.sync("g", id, generation: 1, [id: [1]]))?.assignment == [1])
    }
}
