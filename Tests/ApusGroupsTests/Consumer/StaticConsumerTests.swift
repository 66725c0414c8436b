// SPDX-License-Identifier: Apache-2.0

// Members of consumer groups with a name of their own that survives a restart of their process.

import Testing

@testable import ApusGroups

struct StaticConsumerTests {
    @Test func aMemberThatPausesComesBackToWhatItHad() {
        let scene = Scene()
        let (one, two) = (Consumer("a", instance: "i"), Consumer("b"))
        scene.settle([one, two])
        let had = one.owned
        #expect(scene.leave(one, epoch: MemberEpoch.pausing) == nil)
        scene.settle([two])
        #expect(two.owned.count == 2)
        let again = Consumer("a2", instance: "i")
        #expect(scene.beat(again) == nil)
        #expect(again.owned == had)
        #expect(again.epoch == two.epoch)
        #expect(scene.coordinator.describeConsumer("g")?.groupEpoch == 2)
        #expect(scene.consumerState == "Stable")
    }

    @Test func aMemberThatPausesAndStaysAwayIsDropped() {
        let scene = Scene()
        let (one, two) = (Consumer("a", instance: "i"), Consumer("b"))
        scene.settle([one, two])
        _ = scene.leave(one, epoch: MemberEpoch.pausing)
        for _ in 0..<10 {
            scene.pass(.seconds(5))
            scene.beat(two)
        }
        #expect(two.owned.count == 4)
    }

    @Test func anInstanceInUseIsNotTakenOver() {
        let scene = Scene()
        scene.beat(Consumer("a", instance: "i"))
        #expect(scene.beat(Consumer("b", instance: "i")) == .unreleasedInstanceID)
        scene.pass(.seconds(45))
        #expect(scene.beat(Consumer("b", instance: "i")) == nil)
    }

    @Test func theSameMemberMayJoinAnew() {
        let scene = Scene()
        let one = Consumer("a", instance: "i")
        scene.beat(one)
        one.lose()
        #expect(scene.beat(one) == nil)
        #expect(one.owned.count == 4)
    }

    @Test func theFormerSelfIsFenced() {
        let scene = Scene()
        let one = Consumer("a", instance: "i")
        scene.beat(one)
        _ = scene.leave(one, epoch: MemberEpoch.pausing)
        #expect(scene.beat(one) == .fencedMemberEpoch)
        scene.beat(Consumer("b", instance: "i"))
        #expect(scene.beat(one) == .fencedInstanceID)
        #expect(scene.leave(one) == .fencedInstanceID)
        let stranger = Consumer("c", instance: "j")
        stranger.epoch = 3
        #expect(scene.beat(stranger) == .unknownMemberID)
    }

    @Test func whatAPausedMemberHadToGiveUpIsFree() {
        let scene = Scene()
        let (one, two) = (Consumer("a", instance: "i"), Consumer("b"))
        scene.beat(one)
        scene.beat(two)
        one.isStuck = true
        scene.beat(one)
        scene.beat(two)
        #expect(two.owned.isEmpty)
        _ = scene.leave(one, epoch: MemberEpoch.pausing)
        scene.beat(two)
        #expect(two.owned.count == 2)
    }

    @Test func aMemberHasOneInstanceAtATime() {
        let scene = Scene()
        scene.beat(Consumer("a", instance: "i"))
        scene.beat(Consumer("a", instance: "j"))
        #expect(scene.coordinator.describeConsumer("g")?.members.map(\.instanceID) == ["j"])
        #expect(scene.beat(Consumer("b", instance: "i")) == nil)
        #expect(scene.coordinator.describeConsumer("g")?.members.count == 2)
        #expect(scene.coordinator.breach == nil)
    }

    @Test func twoMembersThatBecomeOneLeaveNothingUnassigned() {
        let scene = Scene()
        let (one, two) = (Consumer("a", instance: "i"), Consumer("b"))
        scene.settle([one, two])
        _ = scene.leave(one, epoch: MemberEpoch.pausing)
        let merged = Consumer("b", instance: "i")
        scene.settle([merged])
        #expect(merged.owned.count == 4)
        #expect(scene.coordinator.breach == nil)
    }

    @Test func leavingForGoodEndsIt() {
        let scene = Scene()
        let one = Consumer("a", instance: "i")
        scene.beat(one)
        #expect(scene.leave(one) == nil)
        #expect(scene.beat(Consumer("b", instance: "i")) == nil)
    }
}
