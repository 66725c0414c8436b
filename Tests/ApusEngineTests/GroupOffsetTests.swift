// SPDX-License-Identifier: Apache-2.0

// Positions that consumer groups commit: what is answered is durable, what is refused is never seen, and nothing grows without end.

import ApusEngine
import ApusModel
import ApusStorage
import ApusTesting
import Synchronization
import Testing

@Suite struct GroupOffsetTests {
    private static let log = LogID(high: 0x6170_7573, low: 3 << 24)

    @Test func `a committed position is there after a restart`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders", TopicSettings(partitions: 3))
        let outcomes = try rig.commit(
            "billing",
            [
                ("orders", 0, CommittedOffset(Offset(5), leaderEpoch: 2, metadata: "half way")),
                ("orders", 2, CommittedOffset(Offset(7))),
            ])
        #expect(outcomes == [nil, nil])
        var life = rig
        for _ in 0..<2 {
            let found = try life.engine.committedOffsets(group: "billing")
            #expect(found.map(\.place.partition) == [0, 2])
            #expect(found.map(\.position?.offset) == [Offset(5), Offset(7)])
            #expect(found.map(\.position?.leaderEpoch) == [2, nil])
            #expect(found.first?.position?.metadata == "half way")
            #expect(found.first?.position?.time == rig.clock.wall)
            #expect(found.allSatisfy { !$0.isPending })
            life = try life.restarted()
        }
    }

    @Test func `each position that cannot be committed is refused by itself`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        let outcomes = try rig.commit(
            "billing",
            [
                ("orders", 0, CommittedOffset(Offset(5))), ("orders", 1, CommittedOffset(Offset(5))),
                ("nothing", 0, CommittedOffset(Offset(5))),
                ("orders", 0, CommittedOffset(Offset(6), metadata: String(repeating: "m", count: 4097))),
            ])
        #expect(outcomes == [nil, .unknownPartition, .unknownPartition, .metadataTooLarge])
        #expect(try rig.positions("billing") == ["orders/0": 5])
        #expect(try rig.commit("", [("orders", 0, CommittedOffset(Offset(5)))]) == [.invalidGroup])
    }

    @Test func `commits that come while one is written share the next flush`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        let answered = Atomic(0)
        let name = try ResourceName("orders")
        for number in 0..<1000 {
            rig.engine.commitOffsets(
                group: "group-\(number)",
                [OffsetCommit(TopicPartition(name, 0), CommittedOffset(Offset(Int64(number))))]
            ) { outcomes in
                if outcomes == [nil] { answered.add(1, ordering: .relaxed) }
            }
        }
        #expect(try rig.engine.groupsWithOffsets().isEmpty)
        rig.settle()
        #expect(answered.load(ordering: .relaxed) == 1000)
        let batches = try rig.store.read(GroupOffsetTests.log, from: .zero, byteLimit: 1 << 20)
        #expect(batches.count == 2)
        #expect(try rig.engine.groupsWithOffsets().count == 1000)
    }

    @Test func `a commit that could not be written is refused and never seen`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try rig.commit("billing", [("orders", 0, CommittedOffset(Offset(1)))])
        rig.store.refuseAppends(to: GroupOffsetTests.log, with: .diskFull)
        let refused = try rig.commit("billing", [("orders", 0, CommittedOffset(Offset(2)))])
        #expect(refused == [.broker(.unavailable(.diskFull))])
        #expect(try rig.positions("billing") == ["orders/0": 1])
        rig.store.refuseAppends(to: GroupOffsetTests.log, with: nil)
        let again = try rig.restarted()
        #expect(try again.positions("billing") == ["orders/0": 1])
        try again.commit("billing", [("orders", 0, CommittedOffset(Offset(3)))])
        #expect(try again.positions("billing") == ["orders/0": 3])
    }

    @Test func `the log is folded into snapshots and loses nothing`() async throws {
        let rig = try EngineRig { $0.snapshotBytes = 1000 }
        try await rig.topic("orders", TopicSettings(partitions: 4))
        for round in 0..<200 {
            for group in 0..<5 where (round + group) % 3 != 0 {
                try rig.commit(
                    "group-\(group)", [("orders", round % 4, CommittedOffset(Offset(Int64(round))))])
            }
        }
        let bounds = try rig.store.bounds(GroupOffsetTests.log)
        #expect(bounds.start > Offset(100))
        let before = try rig.allPositions()
        #expect(before.count == 5)
        let again = try rig.restarted()
        #expect(try again.allPositions() == before)
    }

    @Test func `positions and groups are deleted`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders", TopicSettings(partitions: 2))
        for group in ["a", "b"] {
            try rig.commit(
                group,
                [("orders", 0, CommittedOffset(Offset(1))), ("orders", 1, CommittedOffset(Offset(2)))])
        }
        let name = try ResourceName("orders")
        let places = [TopicPartition(name, 0), TopicPartition(name, 9)]
        #expect(
            rig.told { rig.engine.deleteOffsets(group: "a", in: places, completion: $0) }
                == [nil, .unknownPartition])
        #expect(
            rig.told { rig.engine.deleteOffsets(group: "x", in: places, completion: $0) }
                == [.unknownGroup, .unknownGroup])
        #expect(
            rig.told { rig.engine.deleteGroups(["b", "c"], completion: $0) } == [nil, .unknownGroup])
        let again = try rig.restarted()
        #expect(try again.allPositions() == ["a": ["orders/1": 2]])
        #expect(again.told { again.engine.deleteGroups(["a"], completion: $0) } == [nil])
        #expect(try again.engine.groupsWithOffsets().isEmpty)
    }

    @Test func `a topic made again under its name has no positions`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try await rig.topic("bills")
        try rig.commit(
            "billing", [("orders", 0, CommittedOffset(Offset(4))), ("bills", 0, CommittedOffset(Offset(5)))])
        try rig.commit("other", [("orders", 0, CommittedOffset(Offset(4)))])
        let name = try ResourceName("orders")
        try await rig.driving { [engine = rig.engine] in try await engine.deleteTopic(name, cascade: true) }
        try await rig.topic("orders")
        #expect(try rig.positions("billing") == ["bills/0": 5])
        rig.pass(.seconds(30))
        #expect(try rig.engine.groupsWithOffsets() == ["billing"])
        let again = try rig.restarted()
        #expect(try again.allPositions() == ["billing": ["bills/0": 5]])
    }

    @Test func `a group is forgotten when nobody has heard of it for seven days`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders", TopicSettings(retentionAge: nil))
        try rig.commit("quiet", [("orders", 0, CommittedOffset(Offset(1)))])
        try rig.commit("busy", [("orders", 0, CommittedOffset(Offset(1)))])
        for _ in 0..<7 {
            rig.pass(.seconds(86_400), step: .seconds(7200))
            rig.engine.touchGroups(["busy", "unknown"])
            rig.settle()
        }
        #expect(try rig.engine.groupsWithOffsets() == ["busy", "quiet"])
        rig.pass(.seconds(7200), step: .seconds(600))
        #expect(try rig.engine.groupsWithOffsets() == ["busy"])
        let again = try rig.restarted()
        #expect(try again.engine.groupsWithOffsets() == ["busy"])
        again.pass(.seconds(7 * 86_400), step: .seconds(7200))
        #expect(try again.engine.groupsWithOffsets().isEmpty)
    }

    @Test func `there are only so many groups and bytes of positions`() async throws {
        let rig = try EngineRig {
            $0.groupsMax = 2
            $0.offsetsBytesMax = 1000
        }
        try await rig.topic("orders", TopicSettings(partitions: 100))
        try rig.commit("a", [("orders", 0, CommittedOffset(Offset(1)))])
        try rig.commit("b", [("orders", 0, CommittedOffset(Offset(1)))])
        let third = try rig.commit("c", [("orders", 0, CommittedOffset(Offset(1)))])
        #expect(third == [.limitReached("no more than 2 groups can have positions")])
        var taken = 0
        for partition in 0..<100 {
            let outcome = try rig.commit("a", [("orders", partition, CommittedOffset(Offset(1)))])
            if outcome == [nil] { taken += 1 }
        }
        #expect((5..<20).contains(taken))
        // What is there can still be moved on.
        #expect(try rig.commit("a", [("orders", 0, CommittedOffset(Offset(9)))]) == [nil])
    }

    @Test func `positions that cannot be opened are unavailable and not empty`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        try rig.commit("billing", [("orders", 0, CommittedOffset(Offset(4)))])
        rig.store.refuseReads(of: GroupOffsetTests.log, with: .failed("simulated"))
        let again = try rig.restarted()
        #expect(throws: CoordinatorError.self) { try again.engine.committedOffsets(group: "billing") }
        #expect(
            try again.commit("billing", [("orders", 0, CommittedOffset(Offset(5)))]).first.flatMap(\.self)
                != nil)
        again.store.refuseReads(of: GroupOffsetTests.log, with: nil)
        again.pass(.seconds(5))
        #expect(try again.positions("billing") == ["orders/0": 4])
    }
}

extension EngineRig {
    /// Commits and says what was answered.
    @discardableResult
    func commit(
        _ group: String, _ positions: [(topic: String, partition: Int, position: CommittedOffset)]
    ) throws -> [CoordinatorError?] {
        let commits = try positions.map {
            OffsetCommit(TopicPartition(try ResourceName($0.topic), $0.partition), $0.position)
        }
        return told { engine.commitOffsets(group: group, commits, completion: $0) }
    }

    /// What a request was told, once the engine has nothing more to do.
    func told(_ request: (@escaping CoordinatorCompletion) -> Void) -> [CoordinatorError?] {
        let answer = Answer<[CoordinatorError?]>()
        request { answer.set($0) }
        settle()
        return answer.value ?? [.invalidRequest("no answer")]
    }

    /// Positions by `topic/partition`.
    func positions(_ group: String) throws -> [String: Int64] {
        try engine.committedOffsets(group: group).reduce(into: [:]) { positions, found in
            positions["\(found.place.topic)/\(found.place.partition)"] = found.position?.offset.rawValue
        }
    }

    func allPositions() throws -> [String: [String: Int64]] {
        try engine.groupsWithOffsets().reduce(into: [:]) { $0[$1] = try positions($1) }
    }
}

/// An answer that comes later.
final class Answer<Value: Sendable>: Sendable {
    private let state = Mutex<Value?>(nil)
    var value: Value? { state.withLock { $0 } }
    func set(_ value: Value) { state.withLock { $0 = value } }
}
