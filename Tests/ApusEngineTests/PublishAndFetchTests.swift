// SPDX-License-Identifier: Apache-2.0

// Topics, publishing and reading by offset.

import ApusEngine
import ApusModel
import ApusRules
import ApusStorage
import ApusTesting
import CloudEvents
import Testing

@Suite struct PublishAndFetchTests {
    @Test func `a receipt names topic, partition and offset, and the event is read there`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        let receipts = try await rig.publish(["a", "b"], to: "orders")
        #expect(receipts.map(\.offset.rawValue) == [0, 1])
        #expect(receipts.allSatisfy { $0.topic.description == "orders" && $0.partition == 0 })
        #expect(try await rig.ids(of: "orders") == ["a", "b"])
    }

    @Test func `publishing to a topic that does not exist is refused`() async throws {
        let rig = try EngineRig()
        await #expect(throws: BrokerError.unknownTopic(try ResourceName("nowhere"))) {
            try await rig.publish(["a"], to: "nowhere")
        }
    }

    @Test func `publishing makes the topic where that is allowed`() async throws {
        let rig = try EngineRig { $0.createsTopicsOnPublish = true }
        try await rig.publish(["a"], to: "orders")
        #expect(try await rig.ids(of: "orders") == ["a"])
    }

    @Test func `events with a key go where Kafka's clients put them, and stay in order`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders", TopicSettings(partitions: 7))
        for key in ["21", "foobar", "abc"] {
            let receipts = try await rig.publish(["1-\(key)", "2-\(key)"], to: "orders", key: key)
            #expect(receipts.allSatisfy { $0.partition == Partitioner.partition(ofKey: key, count: 7) })
            #expect(receipts[0].offset < receipts[1].offset)
        }
    }

    @Test func `events without a key are spread over the partitions`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders", TopicSettings(partitions: 3))
        var partitions: Set<Int> = []
        for id in 0..<3 {
            partitions.formUnion(try await rig.publish(["\(id)"], to: "orders").map(\.partition))
        }
        #expect(partitions == [0, 1, 2])
    }

    @Test func `a batch that spans partitions has a receipt for each event, in its order`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders", TopicSettings(partitions: 3))
        let receipts = try await rig.publish((0..<9).map(String.init), to: "orders")
        #expect(receipts.count == 9)
        for partition in 0..<3 {
            #expect(receipts.filter { $0.partition == partition }.map(\.offset.rawValue) == [0, 1, 2])
        }
    }

    @Test func `topics, events and settings are there after a restart`() async throws {
        let rig = try EngineRig()
        try await rig.topic(
            "orders", TopicSettings(partitions: 2, retentionAge: nil, retentionBytes: 1 << 30))
        try await rig.publish(["a", "b", "c"], to: "orders")
        var before = try rig.engine.topic(try ResourceName("orders"))
        let again = try rig.restarted()
        // What is counted begins anew.
        #expect(before.published == 3)
        before.published = 0
        #expect(try again.engine.topic(try ResourceName("orders")) == before)
        #expect(try await again.ids(of: "orders").sorted() == ["a", "b", "c"])
    }

    @Test func `a topic made again under its name starts a new life`() async throws {
        let rig = try EngineRig()
        let first = try await rig.topic("orders")
        try await rig.publish(["a"], to: "orders")
        try await rig.driving { try await rig.engine.deleteTopic(first.name, cascade: false) }
        let second = try await rig.topic("orders")
        #expect(first.id != second.id)
        #expect(try await rig.ids(of: "orders") == [])
        #expect(try await rig.restarted().ids(of: "orders") == [])
    }

    @Test func `partitions can be added and not taken away`() async throws {
        let rig = try EngineRig()
        let name = try await rig.topic("orders").name
        var more = TopicChanges()
        more.partitions = 4
        let changes = more
        let altered = try await rig.driving { try await rig.engine.alterTopic(name, changes) }
        #expect(altered.partitions.count == 4)
        var fewer = TopicChanges()
        fewer.partitions = 2
        let wrong = fewer
        await #expect(throws: BrokerError.self) {
            try await rig.driving { try await rig.engine.alterTopic(name, wrong) }
        }
    }

    @Test func `a fetch begins at a time, an offset, the start or the end`() async throws {
        let rig = try EngineRig()
        let name = try await rig.topic("orders").name
        try await rig.publish(["a"], to: "orders")
        rig.clock.advance(by: .seconds(60))
        let moment = rig.clock.wall
        try await rig.publish(["b"], to: "orders")
        func ids(_ position: StartPosition) async throws -> [String] {
            try await rig.engine.fetch(
                name, partition: 0, from: position, limit: 10, pattern: nil, wait: .zero
            )
            .events.map(\.event.id)
        }
        #expect(try await ids(.earliest) == ["a", "b"])
        #expect(try await ids(.offset(Offset(1))) == ["b"])
        #expect(try await ids(.time(moment)) == ["b"])
        #expect(try await ids(.latest) == [])
        await #expect(throws: BrokerError.beyondEnd(end: Offset(2))) { try await ids(.offset(Offset(3))) }
    }

    @Test func `what can be read and is not told yet is handed out to nobody`() async throws {
        let store = UncertainStore([], seed: 1)
        let rig = try EngineRig(through: store)
        let before = try store.logs()
        let name = try await rig.topic("orders").name
        let log = try #require(try rig.store.logs(since: before).first)
        try await rig.publish(["a"], to: "orders")
        rig.clock.advance(by: .seconds(60))
        let moment = rig.clock.wall
        store.holdNews()
        async let later = rig.publish(["b"], to: "orders")
        defer { store.tell() }
        while try store.bounds(log).end < Offset(2) { await Task.yield() }
        func fetch(from offset: Offset) async throws -> FetchedEvents {
            try await rig.engine.fetch(
                name, partition: 0, from: .offset(offset), limit: 10, pattern: nil, wait: .zero)
        }
        let early = try await fetch(from: .zero)
        #expect(early.events.map(\.event.id) == ["a"])
        // Where to go on is a place from which one can go on, at any time.
        #expect(early.next == early.end)
        #expect(try await fetch(from: early.next).events.isEmpty)
        #expect(try rig.engine.offset(name, partition: 0, at: moment) == nil)
        #expect(try rig.engine.newest(name, partition: 0)?.offset == .zero)
        store.tell()
        _ = try await later
        #expect(try await fetch(from: early.next).events.map(\.event.id) == ["b"])
    }

    @Test func `a fetch waits for the first event, and no longer than it was told`() async throws {
        let rig = try EngineRig()
        let name = try await rig.topic("orders").name
        async let waiting = rig.engine.fetch(
            name, partition: 0, from: .latest, limit: 10, pattern: nil, wait: .seconds(30))
        try await rig.publish(["a"], to: "orders")
        // Depending on who came first the event is before or after `latest`; the second ends the wait in any case.
        try await rig.publish(["b"], to: "orders")
        #expect(try await waiting.events.isEmpty == false)

        let timedOut = try await rig.driving {
            async let late = rig.engine.fetch(
                name, partition: 0, from: .latest, limit: 10, pattern: nil, wait: .seconds(5))
            while rig.clock.now < .seconds(60) {
                rig.clock.advance(by: .seconds(1))
                await Task.yield()
            }
            rig.clock.advance(by: .seconds(60))
            return try await late
        }
        #expect(timedOut.events.isEmpty)
    }

    @Test func `a fetch with a pattern gives what matches and goes on behind what it looked at`() async throws
    {
        let rig = try EngineRig()
        let name = try await rig.topic("orders").name
        try await rig.publish(["a", "b", "c"], to: "orders")
        let fetched = try await rig.engine.fetch(
            name, partition: 0, from: .earliest, limit: 10,
            pattern: try Pattern(parsing: #"{"data":{"id":["b"]}}"#),
            wait: .zero)
        #expect(fetched.events.map(\.event.id) == ["b"])
        #expect(fetched.next == Offset(3))
    }

    @Test func `a full disk refuses publishes with an error that says to retry`() async throws {
        let rig = try EngineRig()
        try await rig.topic("orders")
        rig.store.refuseAppends(with: .diskFull)
        let error = await #expect(throws: BrokerError.self) { try await rig.publish(["a"], to: "orders") }
        #expect(error?.isRetryable == true)
        #expect(rig.engine.unavailability == .diskFull)
        rig.store.refuseAppends(with: nil)
        #expect(try await rig.publish(["b"], to: "orders").count == 1)
        #expect(try await rig.ids(of: "orders") == ["b"])
    }
}
