// SPDX-License-Identifier: Apache-2.0

// Events in the hands of holders, who settle them by offset; and the configs of groups.

import ApusEngine
import ApusModel
import ApusTesting
import Synchronization
import Testing

extension EngineRig {
    /// What a holder gets: offsets with attempts, by partition.
    func acquire(
        _ name: String, _ holder: LeaseHolder, from partitions: Set<Int> = [0], limit: Int = 100
    ) async throws -> [AcquiredEvent] {
        try await driving { [engine] in
            let result = await withCheckedContinuation { continuation in
                guard let name = try? ResourceName(name) else { return }
                _ = engine.acquire(
                    name,
                    AcquireRequest(holder: holder, partitions: partitions, limit: limit, byteLimit: 1 << 20)
                ) { continuation.resume(returning: $0) }
            }
            return try result.get()
        }
    }

    func settle(
        _ name: String, _ holder: LeaseHolder, partition: Int = 0, _ verdicts: [OffsetVerdict]
    ) async throws -> Bool {
        try await driving { [engine] in
            let result = await withCheckedContinuation { continuation in
                guard let name = try? ResourceName(name) else { return }
                engine.settle(name, by: holder, partition: partition, verdicts) {
                    continuation.resume(returning: $0)
                }
            }
            return try result.get()
        }
    }

    func release(_ name: String, _ holder: LeaseHolder, counted: Bool) async throws {
        _ = try await driving { [engine] in
            let result = await withCheckedContinuation { continuation in
                guard let name = try? ResourceName(name) else { return }
                engine.release(name, by: holder, counted: counted) { continuation.resume(returning: $0) }
            }
            return try result.get()
        }
    }
}

@Suite struct HoldTests {
    private let one = LeaseHolder(nonce: 1)
    private let two = LeaseHolder(nonce: 2)

    private func rig(partitions: Int = 1, _ ids: [String]) async throws -> EngineRig {
        let rig = try EngineRig()
        var settings = TopicSettings()
        settings.partitions = partitions
        try await rig.topic("orders", settings)
        try await rig.subscription("work", .shared("orders"))
        try await rig.publish(ids, to: "orders")
        return rig
    }

    @Test func `a holder settles by offset, all or nothing`() async throws {
        let rig = try await rig(["a", "b", "c", "d"])
        #expect(try await rig.acquire("work", one, limit: 2).map(\.offset.rawValue) == [0, 1])
        #expect(try await rig.acquire("work", two).map(\.offset.rawValue) == [2, 3])
        // One of them is another's: nothing counts.
        let both = (0...2).map { OffsetVerdict(Offset($0), .acknowledge) }
        #expect(try await rig.settle("work", one, both) == false)
        #expect(try rig.describe("work").inFlight == 4)
        let mixed = [
            OffsetVerdict(Offset(0), .acknowledge),
            OffsetVerdict(Offset(1), .release(delay: .zero, counted: true)),
        ]
        #expect(try await rig.settle("work", one, mixed))
        #expect(try await rig.settle("work", one, mixed) == false)
        #expect(
            try await rig.acquire("work", two).map { [$0.offset.rawValue, Int64($0.attempt)] } == [[1, 2]])
        // What was settled stays so, and the rest comes again.
        let again = try rig.restarted()
        #expect(try await again.acquire("work", one).map(\.attempt) == [3, 2, 2])
    }

    @Test func `a verdict that rejects is answered when the dead letter is there`() async throws {
        let rig = try await rig(["a", "b"])
        #expect(try await rig.acquire("work", one).count == 2)
        let verdicts = [
            OffsetVerdict(Offset(0), .reject(reason: "bad")), OffsetVerdict(Offset(1), .acknowledge),
        ]
        #expect(try await rig.settle("work", one, verdicts))
        #expect(try await rig.ids(of: "orders.dead-letter") == ["a"])
        #expect(try rig.describe("work").positions[0].cursor == Offset(2))
    }

    @Test func `what a holder has goes back, with its attempts or without`() async throws {
        let rig = try await rig(["a", "b", "c"])
        #expect(try await rig.acquire("work", one, limit: 2).count == 2)
        #expect(try await rig.acquire("work", two).count == 1)
        try await rig.release("work", one, counted: false)
        #expect(try await rig.acquire("work", one).map(\.attempt) == [1, 1])
        try await rig.release("work", one, counted: true)
        #expect(try await rig.acquire("work", one).map(\.attempt) == [2, 2])
        #expect(try rig.describe("work").inFlight == 3)
    }

    @Test func `locks end, and are renewed`() async throws {
        let rig = try await rig(["a", "b"])
        #expect(try await rig.acquire("work", one).count == 2)
        rig.pass(.seconds(20))
        #expect(try await rig.settle("work", one, [OffsetVerdict(Offset(0), .extend(.seconds(30)))]))
        rig.pass(.seconds(20))
        #expect(try await rig.acquire("work", two).map(\.offset.rawValue) == [1])
        #expect(try await rig.settle("work", one, [OffsetVerdict(Offset(1), .acknowledge)]) == false)
        #expect(try await rig.settle("work", one, [OffsetVerdict(Offset(0), .acknowledge)]))
    }

    @Test func `only the partitions that are asked for are handed out of`() async throws {
        let rig = try await rig(partitions: 4, (0..<40).map { "\($0)" })
        let first = try await rig.acquire("work", one, from: [1, 3])
        #expect(Set(first.map(\.partition)).isSubset(of: [1, 3]))
        let second = try await rig.acquire("work", two, from: [0, 2])
        #expect(Set(second.map(\.partition)).isSubset(of: [0, 2]))
        #expect(first.count + second.count == 40)
        try await rig.release("work", one, counted: true)
        try await rig.release("work", two, counted: true)
        // What came back is not lost when somebody else's is passed over on the way.
        #expect(
            try await rig.acquire("work", one, from: [3]).allSatisfy { $0.partition == 3 && $0.attempt == 2 })
        #expect(
            try await rig.acquire("work", two, from: [0, 1, 2]).count == 40
                - first.count { $0.partition == 3 })
    }

    @Test func `whoever waits is told of every reason to look again`() async throws {
        let rig = try await rig([])
        let name = try ResourceName("work")
        let outlook = rig.engine.acquire(
            name, AcquireRequest(holder: one, partitions: [0], limit: 1, byteLimit: 1)
        ) { _ in }
        #expect(outlook.count == 0)
        let counts = Counts()
        let waits = (0..<3).map { _ in
            rig.engine.whenAcquirable(name, since: outlook.version) { counts.add() }
        }
        #expect(waits.allSatisfy { $0 != nil })
        waits[0]?.cancel()
        try await rig.publish(["a"], to: "orders")
        rig.settle()
        #expect(counts.value == 2)
        // What has been since is a reason to look at once.
        #expect(rig.engine.whenAcquirable(name, since: outlook.version) { counts.add() } == nil)
        #expect(counts.value == 3)
    }

    @Test func `a subscription is moved by partition`() async throws {
        let rig = try await rig(["a", "b", "c", "d"])
        #expect(try await rig.acquire("work", one).count == 4)
        _ = try await rig.settle("work", one, (0...3).map { OffsetVerdict(Offset($0), .acknowledge) })
        _ = try await rig.driving { [engine = rig.engine] in
            try await engine.reposition(try ResourceName("work"), to: [0: Offset(2)])
        }
        #expect(try await rig.acquire("work", one).map(\.offset.rawValue) == [2, 3])
        await #expect(throws: BrokerError.beyondEnd(end: Offset(4))) {
            try await rig.driving { [engine = rig.engine] in
                try await engine.reposition(try ResourceName("work"), to: [0: Offset(5)])
            }
        }
    }

    @Test func `order over all partitions is not handed out of some of them`() async throws {
        let rig = try await rig(partitions: 2, ["a"])
        try await rig.subscription("ordered", .shared("orders") { $0.ordering = OrderingSettings() })
        await #expect(throws: BrokerError.self) { try await rig.acquire("ordered", one, from: [0]) }
        #expect(try await rig.acquire("ordered", one, from: [0, 1]).count == 1)
    }

    @Test func `configs of groups are kept, in snapshots too`() async throws {
        let rig = try EngineRig { $0.snapshotBytes = 1 }
        let (group, other) = (try ResourceName("g"), try ResourceName("h"))
        for round in 0..<20 {
            _ = try await rig.driving { [engine = rig.engine] in
                try await engine.configureGroup(group, ["a": "\(round)", "ä\"": "x"])
                try await engine.configureGroup(other, ["b": "1"])
                try await engine.configureGroup(other, [:])
            }
        }
        rig.settle()
        let again = try rig.restarted()
        #expect(again.engine.groupConfigs(group) == ["a": "19", "ä\"": "x"])
        #expect(again.engine.groupConfigs(other) == [:])
    }
}

/// Counts from any thread.
private final class Counts: Sendable {
    private let count = Mutex(0)

    var value: Int { count.withLock { $0 } }

    func add() { count.withLock { $0 += 1 } }
}
