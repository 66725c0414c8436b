// SPDX-License-Identifier: Apache-2.0

// What is seen of groups from outside, and deleting them.

import ApusGroups
import Testing

struct ViewTests {
    @Test func aStableGroupIsDescribedWithItsProtocolAndItsMembers() {
        let scene = Scene()
        let (members, _) = scene.stableGroup(of: 2)
        let seen = scene.coordinator.describeClassic("g")
        #expect(seen?.state == .stable)
        #expect(seen?.protocolType == "consumer")
        #expect(seen?.protocolName == "range")
        #expect(seen?.members.map(\.memberID) == members)
        #expect(seen?.members.map(\.metadata) == [[1], [1]])
        #expect(seen?.members.map(\.assignment) == [[0], [1]])
        #expect(seen?.members.map(\.clientHost) == ["/127.0.0.1", "/127.0.0.1"])
        #expect(scene.coordinator.describeClassic("other") == nil)
    }

    @Test func whatIsNotSettledIsNotDescribed() {
        let scene = Scene()
        let (members, _) = scene.stableGroup(of: 2)
        _ = scene.join("g", members[0])
        let seen = scene.coordinator.describeClassic("g")
        #expect(seen?.state == .preparingRebalance)
        #expect(seen?.protocolName == "")
        #expect(seen?.members.map(\.metadata) == [[], []])
    }

    @Test func groupsAreListedByStateAndKind() {
        let scene = Scene()
        _ = scene.stableGroup("b", of: 1)
        _ = scene.identify("a")
        let list = scene.coordinator.list()
        #expect(list.map(\.id) == ["a", "b"])
        #expect(list.map(\.state) == ["Empty", "Stable"])
        #expect(list.map(\.protocolType) == ["", "consumer"])
        #expect(scene.coordinator.list(states: ["stable"]).map(\.id) == ["b"])
        #expect(scene.coordinator.list(states: ["Empty", "Dead"]).map(\.id) == ["a"])
        #expect(scene.coordinator.list(kinds: ["Classic"]).count == 2)
        #expect(scene.coordinator.list(kinds: ["share"]).isEmpty)
    }

    @Test func onlyAGroupWithoutMembersIsDeleted() {
        let scene = Scene()
        #expect(scene.coordinator.delete("g") == .groupIDNotFound)
        #expect(scene.coordinator.delete("") == .invalidGroupID)
        let (members, _) = scene.stableGroup(of: 1)
        #expect(scene.coordinator.delete("g") == .nonEmptyGroup)
        _ = scene.leave("g", LeavingMember(memberID: members[0]))
        #expect(scene.coordinator.delete("g") == nil)
        #expect(scene.state() == nil)
        #expect(scene.coordinator.bytes == 0)
    }
}
