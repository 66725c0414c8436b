// SPDX-License-Identifier: Apache-2.0

// Members with a name of their own that survives a restart of their process.

import ApusGroups
import Testing

struct StaticMemberTests {
    /// A stable group of static members a, b, …; the first leads.
    private func stableGroup(_ scene: Scene, of instances: [String]) -> (members: [String], generation: Int32)
    {
        let tickets = instances.map { scene.join(instance: $0) }
        scene.pass(.seconds(6))
        let members = tickets.compactMap { scene.joinAnswer($0)?.memberID }
        let generation = tickets.first.flatMap { scene.joinAnswer($0)?.generation } ?? -1
        for (id, instance) in zip(members, instances).dropFirst() {
            _ = scene.sync("g", id, generation: generation, instance: instance)
        }
        let parts = Dictionary(members.enumerated().map { ($1, [UInt8($0)]) }) { first, _ in first }
        _ = scene.sync("g", members[0], generation: generation, instance: instances[0], parts)
        #expect(scene.state() == "Stable")
        return (members, generation)
    }

    @Test func aStaticMemberIsAMemberAtOnce() {
        let scene = Scene()
        let ticket = scene.join(instance: "a")
        scene.pass(.seconds(3))
        #expect(scene.joinAnswer(ticket)?.error == nil)
        #expect(scene.joinAnswer(ticket)?.memberID.hasPrefix("a-") == true)
        #expect(scene.joinAnswer(ticket)?.members.map(\.instanceID) == ["a"])
    }

    @Test func aFollowerThatWasRestartedGoesOnWithItsPart() {
        let scene = Scene()
        let (members, generation) = stableGroup(scene, of: ["a", "b"])
        let answer = scene.joinAnswer(scene.join(instance: "b"))
        #expect(answer?.error == nil)
        #expect(answer?.generation == generation)
        #expect(answer?.memberID != members[1])
        #expect(answer?.leader == members[0])
        #expect(answer?.skipAssignment == false)
        #expect(scene.state() == "Stable")
        let sync = scene.sync("g", answer?.memberID ?? "", generation: generation, instance: "b")
        #expect(scene.syncAnswer(sync)?.assignment == [1])
    }

    @Test func aLeaderThatWasRestartedLeadsOnWithoutAssigning() {
        let scene = Scene()
        let (members, generation) = stableGroup(scene, of: ["a", "b"])
        let answer = scene.joinAnswer(scene.join(instance: "a"))
        #expect(answer?.skipAssignment == true)
        #expect(answer?.leader == answer?.memberID)
        #expect(answer?.members.count == 2)
        let sync = scene.sync("g", answer?.memberID ?? "", generation: generation, instance: "a")
        #expect(scene.syncAnswer(sync)?.assignment == [0])
        #expect(scene.heartbeat("g", members[1], generation: generation, instance: "b") == nil)
    }

    @Test func anOldLeaderThatWasRestartedIsToldThatItsFormerSelfLeads() {
        let scene = Scene()
        let (members, _) = stableGroup(scene, of: ["a", "b"])
        let answer = scene.joinAnswer(scene.join(instance: "a", skips: false))
        #expect(answer?.skipAssignment == false)
        #expect(answer?.leader == members[0])
        #expect(answer?.members.isEmpty == true)
    }

    @Test func theFormerSelfIsFenced() {
        let scene = Scene()
        let (members, generation) = stableGroup(scene, of: ["a", "b"])
        _ = scene.join(instance: "b")
        #expect(scene.heartbeat("g", members[1], generation: generation, instance: "b") == .fencedInstanceID)
        #expect(
            scene.commit("g", members[1], instance: "b", generation: generation) == .fencedInstanceID)
        #expect(
            scene.joinAnswer(scene.join("g", members[1], instance: "b"))?.error == .fencedInstanceID)
        let sync = scene.sync("g", members[1], generation: generation, instance: "b")
        #expect(scene.syncAnswer(sync)?.error == .fencedInstanceID)
        let leave = scene.leave("g", LeavingMember(memberID: members[1], instanceID: "b"))
        #expect(leave.soleError == .fencedInstanceID)
        #expect(scene.heartbeat("g", members[1], generation: generation) == .unknownMemberID)
    }

    @Test func requestsOfTheFormerSelfThatWaitAreFenced() {
        let scene = Scene()
        let first = scene.join(instance: "a")
        let second = scene.join(instance: "a")
        #expect(scene.joinAnswer(first)?.error == .fencedInstanceID)
        scene.pass(.seconds(6))
        #expect(scene.joinAnswer(second)?.error == nil)
        #expect(scene.joinAnswer(second)?.members.count == 1)
    }

    @Test func aRestartDuringTheSyncHasTheGroupGatherAnew() {
        let scene = Scene()
        let tickets = ["a", "b"].map { scene.join(instance: $0) }
        scene.pass(.seconds(6))
        let ids = tickets.compactMap { scene.joinAnswer($0)?.memberID }
        let waiting = scene.sync("g", ids[1], generation: 1, instance: "b")
        let again = scene.join(instance: "b")
        #expect(scene.syncAnswer(waiting)?.error == .fencedInstanceID)
        #expect(scene.state() == "PreparingRebalance")
        _ = scene.join("g", ids[0], instance: "a")
        #expect(scene.joinAnswer(again)?.generation == 2)
    }

    @Test func aRestartWithAnotherChoiceOfProtocolsHasTheGroupGatherAnew() {
        let scene = Scene()
        let both = ["range", "sticky"].map { GroupProtocol(name: $0, metadata: []) }
        let ticket = scene.join(instance: "a", ordered: both)
        scene.pass(.seconds(6))
        let id = scene.joinAnswer(ticket)?.memberID ?? ""
        _ = scene.sync("g", id, generation: 1, instance: "a")
        let again = scene.join(instance: "a", ordered: Array(both.dropFirst()))
        #expect(scene.joinAnswer(again)?.generation == 2)
        #expect(scene.joinAnswer(again)?.protocolName == "sticky")
    }

    @Test func absentStaticMembersKeepTheirPlaceThroughARebalance() {
        let scene = Scene()
        let tickets = [
            scene.join(instance: "a", session: .seconds(600), rebalance: .seconds(60)),
            scene.join(instance: "b", session: .seconds(600), rebalance: .seconds(60)),
        ]
        scene.pass(.seconds(6))
        let ids = tickets.compactMap { scene.joinAnswer($0)?.memberID }
        for id in ids.reversed() { _ = scene.sync("g", id, generation: 1) }
        let again = scene.join("g", ids[0], instance: "a", session: .seconds(600), rebalance: .seconds(60))
        scene.pass(.seconds(60))
        #expect(scene.joinAnswer(again)?.members.map(\.instanceID) == ["a", "b"])
    }

    @Test func ifOnlyAbsentStaticMembersAreLeftTheirSessionsDecide() {
        let scene = Scene()
        let dynamic = scene.identify()
        let tickets = [
            scene.join(instance: "a", session: .seconds(600), rebalance: .seconds(60)),
            scene.join("g", dynamic, session: .seconds(600), rebalance: .seconds(60)),
        ]
        scene.pass(.seconds(6))
        let ids = tickets.compactMap { scene.joinAnswer($0)?.memberID }
        for id in ids.reversed() { _ = scene.sync("g", id, generation: 1) }
        _ = scene.leave("g", LeavingMember(memberID: dynamic))
        scene.pass(.seconds(500))
        #expect(scene.state() == "PreparingRebalance")
        scene.pass(.seconds(101))
        #expect(scene.state() == "Empty")
    }

    @Test func anAdministratorRemovesAStaticMemberByItsInstance() {
        let scene = Scene()
        let (members, generation) = stableGroup(scene, of: ["a", "b"])
        let answer = scene.leave("g", LeavingMember(memberID: "", instanceID: "b"))
        #expect(answer.members.map(\.error) == [nil])
        #expect(scene.heartbeat("g", members[1], generation: generation, instance: "b") == .unknownMemberID)
        #expect(scene.state() == "PreparingRebalance")
    }

    @Test func anInstanceThatNobodyHasIsUnknown() {
        let scene = Scene()
        let (members, generation) = scene.stableGroup(of: 1)
        #expect(scene.heartbeat("g", members[0], generation: generation, instance: "z") == .unknownMemberID)
        #expect(scene.joinAnswer(scene.join("g", members[0], instance: "z"))?.error == .unknownMemberID)
        let told = scene.identify()
        #expect(scene.joinAnswer(scene.join("g", told, instance: "z"))?.error == .unknownMemberID)
    }
}
