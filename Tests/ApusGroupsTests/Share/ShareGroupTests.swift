// SPDX-License-Identifier: Apache-2.0

// Share groups by KIP-932: joining, what members get, leaving.

import ApusGroups
import Testing

extension Scene {
    func share(
        _ id: String, group: String = "share", epoch: Int32 = 0, names: [String]? = ["t"]
    ) -> GroupError? {
        do throws(GroupRefusal) {
            _ = try shareBeat(id, group: group, epoch: epoch, names: names)
            return nil
        } catch {
            return error.error
        }
    }

    func shareBeat(
        _ id: String, group: String = "share", epoch: Int32 = 0, names: [String]? = nil
    ) throws(GroupRefusal) -> HeartbeatAnswer {
        try coordinator.shareHeartbeat(
            ShareHeartbeat(
                group: group, memberID: id, memberEpoch: epoch, subscribedNames: names, clientID: "c",
                clientHost: "/h"), catalog: catalog, entropy: newEntropy(), now: now)
    }
}

struct ShareGroupTests {
    @Test func aMemberThatIsAloneGetsEverything() throws {
        let scene = Scene()
        let answer = try scene.shareBeat("a", names: ["t"])
        #expect(answer.memberEpoch == 1)
        #expect(answer.heartbeatInterval == .seconds(5))
        #expect(answer.assignment == [TopicPartitions(topic: 1, partitions: [0, 1, 2, 3])])
        #expect(try scene.shareBeat("a", epoch: 1).assignment == nil)
    }

    @Test func membersDividePartitionsWithoutWaiting() throws {
        let scene = Scene()
        _ = try scene.shareBeat("a", names: ["t"])
        let second = try scene.shareBeat("b", names: ["t"])
        #expect(second.assignment?.first?.partitions.count == 2)
        let first = try scene.shareBeat("a", epoch: 1)
        #expect(first.memberEpoch == 2)
        #expect(first.assignment == [TopicPartitions(topic: 1, partitions: [0, 1])])
    }

    @Test func moreMembersThanPartitionsShareThemEvenly() throws {
        let scene = Scene()
        scene.catalog = .of(["t": 2])
        for number in 0..<7 { _ = try scene.shareBeat("m\(number)", names: ["t"]) }
        var counts: [Int32: Int] = [:]
        for number in 0..<7 {
            let answer = try scene.shareBeat("m\(number)", epoch: 0, names: ["t"])
            #expect(answer.assignment?.flatMap(\.partitions).count == 1)
            for partition in answer.assignment?.flatMap(\.partitions) ?? [] {
                counts[partition, default: 0] += 1
            }
        }
        #expect(counts.values.sorted() == [3, 4])
    }

    @Test func membersOfATopicWithOnePartitionAllHaveIt() throws {
        let scene = Scene()
        scene.catalog = .of(["t": 1])
        for id in ["a", "b", "c"] {
            #expect(try scene.shareBeat(id, names: ["t"]).assignment?.flatMap(\.partitions) == [0])
        }
    }

    @Test func whatCanStaysWhereItIs() throws {
        let scene = Scene()
        scene.catalog = .of(["t": 2])
        var before: [String: [TopicPartitions]] = [:]
        for id in ["a", "b", "c", "d"] { _ = try scene.shareBeat(id, names: ["t"]) }
        for id in ["a", "b", "c", "d"] {
            before[id] = try scene.shareBeat(id, epoch: 0, names: ["t"]).assignment
        }
        _ = try scene.shareBeat("e", names: ["t"])
        for id in ["a", "b", "c", "d"] {
            #expect(try scene.shareBeat(id, epoch: 0, names: ["t"]).assignment == before[id])
        }
    }

    @Test func aMemberLeavesOrIsMissed() throws {
        let scene = Scene()
        _ = try scene.shareBeat("a", names: ["t"])
        _ = try scene.shareBeat("b", names: ["t"])
        #expect(try scene.shareBeat("a", epoch: 1).assignment?.flatMap(\.partitions).count == 2)
        #expect(try scene.shareBeat("b", epoch: -1).memberEpoch == -1)
        #expect(scene.share("b", epoch: -1) == .unknownMemberID)
        #expect(try scene.shareBeat("a", epoch: 2).assignment?.flatMap(\.partitions).count == 4)
        scene.pass(.seconds(45))
        #expect(scene.share("a", epoch: 3) == .unknownMemberID)
        #expect(scene.coordinator.describeShare("share")?.state == "Empty")
        #expect(scene.coordinator.delete("share") == nil)
        #expect(scene.coordinator.bytes == 0)
    }

    @Test func requestsThatSayTooLittleAreRefused() {
        let scene = Scene { $0.shareMembersMax = 1 }
        #expect(scene.share("a", names: nil) == .invalidRequest)
        #expect(scene.share("a", names: []) == .invalidRequest)
        #expect(scene.share("a", group: "") == .invalidRequest)
        #expect(scene.share("a", epoch: -2) == .invalidRequest)
        #expect(scene.share("", epoch: 1) == .invalidRequest)
        #expect(scene.share("a", epoch: 1) == .unknownMemberID)
        #expect(scene.share("a") == nil)
        #expect(scene.share("b") == .groupMaxSizeReached)
        #expect(scene.share("a", epoch: 5) == .fencedMemberEpoch)
    }

    @Test func aGroupIsDescribed() throws {
        let scene = Scene()
        _ = try scene.shareBeat("a", names: ["t", "u"])
        let seen = scene.coordinator.describeShare("share")
        #expect(seen?.kind == .share)
        #expect(seen?.state == "Stable")
        #expect(seen?.assignorName == "simple")
        #expect(seen?.groupEpoch == 1)
        #expect(seen?.members.map(\.subscribedNames) == [["t", "u"]])
        #expect(seen?.members.first?.assignment == [TopicPartitions(topic: 1, partitions: [0, 1, 2, 3])])
        #expect(scene.coordinator.list(kinds: ["share"]).map(\.protocolType) == ["share"])
        #expect(scene.coordinator.sharedPartitions(group: "share", memberID: "a")?.count == 1)
        #expect(scene.coordinator.sharedPartitions(group: "share", memberID: "b") == nil)
    }

    @Test func newTopicsAreFoundByTheNextHeartbeat() throws {
        let scene = Scene()
        _ = try scene.shareBeat("a", names: ["t", "u"])
        scene.catalog = .of(["t": 4, "u": 1], version: 2)
        let answer = try scene.shareBeat("a", epoch: 1)
        #expect(answer.memberEpoch == 2)
        #expect(answer.assignment?.map(\.topic) == [1, 2])
    }
}

extension ShareGroupTests {
    @Test func whoIsSilentForTooLongIsNamedOnceSoThatOthersGetWhatItHas() throws {
        let scene = Scene()
        _ = try scene.shareBeat("a", names: ["t"])
        _ = try scene.shareBeat("b", names: ["t"])
        scene.now += .seconds(40)
        _ = try scene.shareBeat("b", epoch: 2)
        scene.now += .seconds(10)
        #expect(scene.coordinator.advance(to: scene.now) == [.shareMemberGone(group: "share", memberID: "a")])
        #expect(scene.coordinator.advance(to: scene.now).isEmpty)
        // Who leaves has said so by itself.
        _ = try scene.shareBeat("b", epoch: -1)
        scene.now += .seconds(100)
        #expect(scene.coordinator.advance(to: scene.now).isEmpty)
    }
}
