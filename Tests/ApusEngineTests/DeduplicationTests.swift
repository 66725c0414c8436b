// SPDX-License-Identifier: Apache-2.0

// Events that are published twice are stored once, where a topic says so.

import ApusModel
import ApusStorage
import ApusTesting
import CloudEvents
import Synchronization
import Testing

@testable import ApusEngine

@Suite struct DeduplicationTests {
    private func topic(
        _ rig: EngineRig, partitions: Int = 3, window: Duration = .seconds(60),
        key: DeduplicationSettings.Key = .identity
    ) async throws {
        try await rig.topic(
            "orders",
            TopicSettings(
                partitions: partitions, deduplication: DeduplicationSettings(window: window, key: key)))
    }

    @Test("A second publish gets the first one's receipt, in whatever partition that is")
    func receipts() async throws {
        let rig = try EngineRig()
        try await topic(rig)
        let first = try await rig.publish(["a", "b", "c", "d"], to: "orders")
        let second = try await rig.publish(["d", "c", "b", "e", "a", "e"], to: "orders")
        #expect(first.allSatisfy { !$0.isDuplicate })
        #expect(second.map(\.isDuplicate) == [true, true, true, false, true, true])
        for (receipt, original) in zip([second[0], second[1], second[2], second[4]], first.reversed()) {
            #expect(receipt.partition == original.partition && receipt.offset == original.offset)
        }
        #expect(try await rig.ids(of: "orders").sorted() == ["a", "b", "c", "d", "e"])
    }

    @Test("After the window the same event is another one")
    func window() async throws {
        let rig = try EngineRig()
        try await topic(rig)
        try await rig.publish(["a"], to: "orders")
        rig.clock.advance(by: .seconds(59))
        #expect(try await rig.publish(["a"], to: "orders")[0].isDuplicate)
        rig.clock.advance(by: .seconds(1))
        #expect(try await !rig.publish(["a"], to: "orders")[0].isDuplicate)
        #expect(try await rig.publish(["a"], to: "orders")[0].isDuplicate)
        #expect(try await rig.ids(of: "orders") == ["a", "a"])
    }

    @Test("What is remembered survives restarts")
    func restart() async throws {
        let rig = try EngineRig()
        try await topic(rig, window: .seconds(600))
        let first = try await rig.publish((0..<50).map { "\($0)" }, to: "orders")
        rig.clock.advance(by: .seconds(300))
        let again = try rig.restarted()
        let second = try await again.publish((0..<51).map { "\($0)" }, to: "orders")
        #expect(second.map(\.offset).dropLast() == first.map(\.offset)[...])
        #expect(second.map(\.isDuplicate) == Array(repeating: true, count: 50) + [false])
        rig.clock.advance(by: .seconds(300))
        let third = try again.restarted()
        #expect(try await third.publish(["1", "50"], to: "orders").map(\.isDuplicate) == [false, true])
    }

    @Test("The key can be an attribute; events without it are never duplicates")
    func attribute() async throws {
        let rig = try EngineRig()
        try await topic(rig, key: .attribute("dedupid"))
        let name = try ResourceName("orders")
        func publish(_ id: String, _ key: String?) async throws -> Bool {
            var event = try CloudEvent(id: id, source: "/test", type: "t")
            if let key { try event.extensions.set("dedupid", to: .string(key)) }
            let published = event
            return try await rig.driving { [engine = rig.engine] in
                try await engine.publish([published], to: name)[0].isDuplicate
            }
        }
        #expect(try await !publish("a", "x"))
        #expect(try await publish("b", "x"))
        #expect(try await !publish("c", nil))
        #expect(try await !publish("c", nil))
    }

    @Test(
        "Of many who publish the same event at the same time one stores it, and all get its receipt",
        .timeLimit(.minutes(1)))
    func concurrent() async throws {
        let rig = try EngineRig()
        try await topic(rig)
        let name = try ResourceName("orders")
        let event = try CloudEvent(id: "a", source: "/test", type: "t")
        let engine = rig.engine
        let receipts = try await withThrowingTaskGroup(of: PublishReceipt.self) { group in
            for _ in 0..<200 { group.addTask { try await engine.publish([event], to: name)[0] } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(receipts.count { !$0.isDuplicate } == 1)
        #expect(Set(receipts.map { "\($0.partition)/\($0.offset)" }).count == 1)
        #expect(try await rig.ids(of: "orders") == ["a"])
    }

    @Test("When the original fails, a duplicate that waited for it is the next to try")
    func failedOriginal() async throws {
        let rig = try EngineRig()
        try await topic(rig, partitions: 1)
        let name = try ResourceName("orders")
        let topic = try #require(rig.engine.topicAtWork(name))
        let deduplicator = try #require(topic.deduplicator)
        let event = try CloudEvent(id: "a", source: "/test", type: "t")
        let digest = try #require(deduplicator.digest(of: event))
        // An original that is under way, by hand.
        guard case .new = deduplicator.begin(digest, now: rig.clock.wall, waiter: { _ in }) else {
            Issue.record("it is new")
            return
        }
        let results = Mutex<[Bool]>([])
        for _ in 0..<3 {
            rig.engine.publish([event], to: name, key: nil) { result in
                results.withLock { $0.append((try? result.get().first?.isDuplicate) ?? true) }
            }
        }
        #expect(results.withLock { $0 } == [])
        deduplicator.end(digest, at: nil)
        #expect(results.withLock { $0 } == [false, true, true])
        #expect(try await rig.ids(of: "orders") == ["a"])
    }

    @Test("A failed publish leaves nothing behind that would make the next one a duplicate")
    func failure() async throws {
        let rig = try EngineRig()
        try await topic(rig, partitions: 1)
        let name = try ResourceName("orders")
        let log = try rig.engine.topic(name).id.member(0)
        rig.store.refuseAppends(to: log, with: .diskFull)
        await #expect(throws: BrokerError.self) { try await rig.publish(["a"], to: "orders") }
        rig.store.refuseAppends(to: log, with: nil)
        #expect(try await !rig.publish(["a"], to: "orders")[0].isDuplicate)
    }

    @Test("The index is bounded: the oldest are forgotten first")
    func bounds() async throws {
        let rig = try EngineRig { $0.deduplicationEntriesMax = 100 }
        try await topic(rig, window: .seconds(600))
        for number in 0..<200 {
            try await rig.publish(["\(number)"], to: "orders")
            rig.clock.advance(by: .seconds(1))
        }
        #expect(try await rig.publish(["199"], to: "orders")[0].isDuplicate)
        #expect(try await !rig.publish(["0"], to: "orders")[0].isDuplicate)
    }

    @Test("The hash is SipHash-2-4 with 128 bits")
    func vectors() {
        // From the function's published test vectors: key 00…0f, messages of 0 bytes and of one, 00.
        let hash = SipHash128(key: (0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908))
        func digest(_ count: Int) -> String {
            let bytes = (0..<count).map { UInt8($0) }
            let digest = bytes.withUnsafeBytes { hash.digest($0) }
            let words = [digest.low, digest.high].flatMap { word in
                (0..<8).map { UInt8(word >> ($0 * 8) & 0xFF) }
            }
            return words.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
        #expect(digest(0) == "a3817f04ba25a8e66df67214c7550293")
        #expect(digest(1) == "da87c1d86b99af44347659119b22fc45")
    }
}
