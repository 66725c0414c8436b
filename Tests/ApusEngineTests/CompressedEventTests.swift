// SPDX-License-Identifier: Apache-2.0

// Batches that came compressed, for those who look inside: rules, subscriptions, readers by offset; and batches that cannot be opened.

import ApusCompression
import ApusModel
import ApusRules
import ApusStorage
import CloudEvents
import NIOCore
import Synchronization
import Testing

@testable import ApusEngine

@Suite struct CompressedEventTests {
    /// A topic whose log has the events "a", "b", "c" in one batch, then what `change` makes of that batch, then "z".
    private func rig(
        of topic: String, ordering: Bool = false, _ change: (RecordBatch) throws -> RecordBatch
    ) async throws -> EngineRig {
        let rig = try EngineRig()
        try await rig.topic(topic)
        try await rig.topic("copies")
        try await rig.rule(
            "all",
            RuleSettings(
                topic: try ResourceName(topic), pattern: .matchAll,
                targets: [RuleTarget(.topic(try ResourceName("copies")))]))
        try await rig.subscription(
            "worker", .shared(topic) { if ordering { $0.ordering = OrderingSettings() } })
        try await rig.publish(["a", "b", "c"], to: topic)
        let partition = try #require(
            rig.engine.catalog.withLock { $0.topics.values.first { $0.name.description == topic } }?
                .partitions.first)
        let batch = try #require(try rig.store.read(partition.log, from: .zero, byteLimit: 1).first)
        rig.store.append(try change(batch), holding: partition.claim) { _ in }
        try await rig.publish(["z"], to: topic)
        rig.settle()
        return rig
    }

    @Test(arguments: CompressionCodec.allCases, [false, true])
    func `who looks inside sees the events of a compressed batch`(
        codec: CompressionCodec, ordering: Bool
    ) async throws {
        let rig = try await rig(of: "orders", ordering: ordering) { try $0.compressed(with: codec) }
        let all = ["a", "b", "c", "a", "b", "c", "z"]
        #expect(try await rig.ids(of: "orders") == all)
        #expect(try await rig.ids(of: "copies") == all)
        let leased = try await rig.receive("worker")
        #expect(leased.map(\.stored.event.id) == all)
        // Handed out again, each is read from its batch by itself.
        try await rig.settle("worker", leased.map(\.lease), .release(delay: .zero, counted: false))
        rig.pass(.seconds(5))
        #expect(try await rig.receive("worker").map(\.stored.event.id).sorted() == all.sorted())
        #expect(rig.engine.status().unopened == UnopenedReport())
    }

    @Test(arguments: [false, true])
    func `a batch that cannot be opened is passed over and told of once`(ordering: Bool) async throws {
        let rig = try await rig(of: "orders", ordering: ordering) { batch in
            // A codec that Kafka has no name for.
            try RecordBatch(compressing: batch, as: 6)
        }
        #expect(try await rig.ids(of: "copies") == ["a", "b", "c", "z"])
        #expect(try await rig.receive("worker").map(\.stored.event.id) == ["a", "b", "c", "z"])
        let orders = try ResourceName("orders")
        let before = try await rig.engine.fetch(
            orders, partition: 0, from: .earliest, limit: 100, pattern: nil, wait: .zero)
        #expect(before.events.map(\.event.id) == ["a", "b", "c"] && before.next == Offset(3))
        await #expect(throws: BrokerError.self) {
            try await rig.engine.fetch(
                orders, partition: 0, from: .offset(Offset(3)), limit: 100, pattern: nil, wait: .zero)
        }
        let after = try await rig.engine.fetch(
            orders, partition: 0, from: .offset(Offset(6)), limit: 100, pattern: nil, wait: .zero)
        #expect(after.events.map(\.event.id) == ["z"])
        let report = rig.engine.status().unopened
        #expect(report.count == 1)
        #expect(report.latest.first?.offset == Offset(3) && report.latest.first?.next == Offset(6))
        let verified = try await rig.engine.verify { _ in }
        #expect(
            verified.damage.contains { $0.contains("topic 'orders', partition 0") && $0.contains("codec 6") })
    }
}

extension RecordBatch {
    /// The batch with another codec in its header, and its checksum put right.
    fileprivate init(compressing batch: RecordBatch, as codec: UInt16) throws {
        var bytes = batch.bytes
        bytes.setInteger(codec, at: 21)
        do throws(RecordBatchError) { try self.init(verifying: bytes) } catch {
            guard case .checksumMismatch(_, let computed) = error else { throw error }
            bytes.setInteger(computed, at: 17)
            try self.init(verifying: bytes)
        }
    }
}
