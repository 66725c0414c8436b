// SPDX-License-Identifier: Apache-2.0

// Feeds into the real engine, from a source by script: nothing is settled before it is stored, and whatever fails, nothing is lost.

import ApusBus
import ApusEmbeddedBus
import ApusEngine
import ApusModel
import CloudEvents
import Logging
import Synchronization
import Testing

@testable import ApusBridges

@Suite struct FeedTests {
    /// A server's engine with bridges, in memory.
    private struct Rig {
        let bus: EmbeddedBus
        let bridges: Bridges
        let topic: ResourceName
        let feed: ResourceName

        init(_ buses: [ScriptedBus?], topic settings: TopicSettings = TopicSettings()) async throws {
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            bus = try await EmbeddedBus.inMemory(logger: logger)
            (topic, feed) = (try ResourceName("into"), try ResourceName("f"))
            _ = try await bus.engine.createTopic(topic, settings)
            let connections = Connections(schemes: [.scripted(buses)], secrets: .none, logger: logger) {
                Timestamp(milliseconds: 1)
            }
            let engine = bus.engine
            bridges = Bridges(broker: engine, connections: connections, logger: logger) { engine.now }
            bridges.start()
            _ = try await bridges.putConnection(try ResourceName("c"), url: "scripted:")
        }

        func settings(deadLetter: ResourceName? = nil, isPaused: Bool = false) throws -> FeedSettings {
            FeedSettings(
                connection: try ResourceName("c"), source: .topic("orders", group: "g"), into: topic,
                deadLetter: deadLetter, isPaused: isPaused)
        }

        func stored(in topic: ResourceName? = nil) async throws -> [CloudEvent] {
            try await bus.engine.fetch(
                topic ?? self.topic, partition: 0, from: .earliest, limit: 1000, pattern: nil, wait: .zero
            ).events.map(\.event)
        }

        /// Returns when it holds; whatever goes wrong ends with the test's time limit.
        func until(_ condition: () async throws -> Bool) async throws {
            while !(try await condition()) { try await Task.sleep(for: .milliseconds(1)) }
        }

        func end() async {
            await bridges.stop(patience: .seconds(10))
            await bus.close()
        }
    }

    private static func events(_ range: Range<Int>) throws -> [CloudEvent] {
        try range.map {
            try CloudEvent(id: "\($0)", source: "/s", type: "t", data: CloudEventData([1, 2, 3]))
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `every event is stored before it is settled, in the order in which it came`() async throws {
        let engine = Mutex<Engine?>(nil)
        let early = Mutex<[String]>([])
        let source = ScriptedSource(try Self.events(0..<500)) { id, _ in
            guard let engine = engine.withLock({ $0 }) else { return }
            let stored = try? await engine.fetch(
                ResourceName("into"), partition: 0, from: .earliest, limit: 1000, pattern: nil, wait: .zero)
            if stored?.events.contains(where: { $0.event.id == id }) != true {
                early.withLock { $0.append(id) }
            }
        }
        let bus = ScriptedBus(source: source)
        let rig = try await Rig([bus])
        engine.withLock { $0 = rig.bus.engine }
        let (feed, isNew) = try await rig.bridges.putFeed(rig.feed, try rig.settings())
        #expect(isNew && feed.stored.settings.prefetch == Defaults.feedPrefetch)
        try await rig.until { source.settled.count == 500 }
        #expect(early.withLock { $0 }.isEmpty)
        #expect(try await rig.stored().map(\.id) == (0..<500).map(String.init))
        #expect(source.settled.allSatisfy { $0.verdict == .acknowledge })
        #expect(bus.subscriptions.first?.name == "g.orders" && bus.subscriptions.first?.attemptsMax == 1000)
        #expect(try rig.bridges.feed(rig.feed).counts.published == 500)
        await rig.end()
        #expect(!source.isOpen)
    }

    @Test(.timeLimit(.minutes(1)))
    func `a source that is lost is opened again, and a topic that tells duplicates has each event once`()
        async throws
    {
        let source = ScriptedSource(try Self.events(0..<400), losesAfter: 2)
        // The broker is not there at first.
        let rig = try await Rig(
            [nil, nil, ScriptedBus(source: source)],
            topic: TopicSettings(deduplication: DeduplicationSettings()))
        _ = try await rig.bridges.putFeed(rig.feed, try rig.settings())
        try await rig.until { source.state.withLock { $0.events.isEmpty } }
        #expect(source.sessions == 2)
        #expect(try await rig.stored().map(\.id).sorted() == (0..<400).map(String.init).sorted())
        let feed = try rig.bridges.feed(rig.feed)
        #expect(feed.state == .running && feed.lastFailure == "the line is cut")
        await rig.end()
    }

    @Test(.timeLimit(.minutes(1)), arguments: [false, true])
    func `what cannot be stored is given up with its reason and holds nobody up`(hasTopic: Bool) async throws
    {
        var events = try Self.events(0..<3)
        events.insert(
            try CloudEvent(
                id: "large", source: "/s", type: "t", data: CloudEventData([UInt8](repeating: 1, count: 5000))
            ),
            at: 1)
        let source = ScriptedSource(events, problems: ["2": "half an event"])
        var settings = TopicSettings()
        settings.batchBytesMax = 2000
        let rig = try await Rig([ScriptedBus(source: source)], topic: settings)
        let letters = try ResourceName("letters")
        _ = try await rig.bus.engine.createTopic(letters, TopicSettings())
        _ = try await rig.bridges.putFeed(rig.feed, try rig.settings(deadLetter: hasTopic ? letters : nil))
        try await rig.until { source.settled.count == 4 }
        #expect(try await rig.stored().map(\.id) == ["0", "1"])
        var verdicts: [String: Settlement.Verdict] = [:]
        for (id, verdict) in source.settled { verdicts[id] = verdict }
        #expect(verdicts["0"] == .acknowledge && verdicts["1"] == .acknowledge)
        if hasTopic {
            #expect(verdicts["large"] == .acknowledge && verdicts["2"] == .acknowledge)
            let found = try await rig.stored(in: letters)
            #expect(Set(found.map(\.id)) == ["large", "2"])
            #expect(found.first { $0.id == "2" }?.extensions["apusreason"] == "half an event")
        } else {
            #expect(verdicts["2"] == .deadLetter(reason: "half an event"))
            guard case .deadLetter(let reason)? = verdicts["large"] else {
                return #expect(Bool(false), "\(verdicts)")
            }
            #expect(reason.contains("limit of 2000"))
        }
        #expect(try rig.bridges.feed(rig.feed).counts.refused == 2)
        await rig.end()
    }

    @Test(.timeLimit(.minutes(1)))
    func `what a feed gave up is redriven to its topic as it was, or stays`() async throws {
        let large = try CloudEvent(
            id: "large", source: "/s", type: "t", data: CloudEventData([UInt8](repeating: 1, count: 5000)))
        let source = ScriptedSource([large] + (try Self.events(0..<1)))
        var settings = TopicSettings()
        settings.batchBytesMax = 2000
        let rig = try await Rig([ScriptedBus(source: source)], topic: settings)
        let (engine, letters) = (rig.bus.engine, try ResourceName("letters"))
        _ = try await engine.createTopic(letters, TopicSettings())
        _ = try await rig.bridges.putFeed(rig.feed, try rig.settings(deadLetter: letters))
        try await rig.until { source.settled.count == 2 }
        var selection = DeadLetterSelection()
        selection.feed = rig.feed
        let found = try await engine.deadLetters(selection, Page())
        #expect(found.count == 1 && found.first?.feed == rig.feed && found.first?.subscription == nil)
        #expect(found.first?.reason.contains("limit of 2000") == true)
        // Its topic still does not take it.
        #expect(try await engine.redrive(selection, dryRun: true) == DeadLetterResult(matched: 1, moved: 0))
        #expect(try await engine.redrive(selection, dryRun: false) == DeadLetterResult(matched: 1, moved: 0))
        var changes = TopicChanges()
        changes.batchBytesMax = 100_000
        _ = try await engine.alterTopic(rig.topic, changes)
        #expect(try await engine.redrive(selection, dryRun: false) == DeadLetterResult(matched: 1, moved: 1))
        #expect(try await rig.stored().last == large)
        #expect(try await engine.deadLetters(selection, Page()).isEmpty)
        selection.feed = try ResourceName("other")
        #expect(try await engine.redrive(selection, dryRun: false).matched == 0)
        await rig.end()
    }

    @Test(.timeLimit(.minutes(1)))
    func `a paused feed takes nothing, and goes on where it stopped`() async throws {
        let source = ScriptedSource(try Self.events(0..<10))
        let rig = try await Rig([ScriptedBus(source: source)])
        _ = try await rig.bridges.putFeed(rig.feed, try rig.settings(isPaused: true))
        #expect(try rig.bridges.feed(rig.feed).state == .paused)
        #expect(source.sessions == 0)
        _ = try await rig.bridges.putFeed(rig.feed, try rig.settings())
        try await rig.until { source.settled.count == 10 }
        _ = try await rig.bridges.putFeed(rig.feed, try rig.settings(isPaused: true))
        try await rig.until { !source.isOpen }
        source.state.withLock { $0.events = (try? Self.events(10..<20)) ?? [] }
        #expect(source.settled.count == 10)
        _ = try await rig.bridges.putFeed(rig.feed, try rig.settings())
        try await rig.until { source.settled.count == 20 }
        await rig.end()
    }

    @Test(.timeLimit(.minutes(1)))
    func `definitions are checked against each other`() async throws {
        let rig = try await Rig([ScriptedBus()])
        let (none, other) = (try ResourceName("none"), try ResourceName("g"))
        var settings = try rig.settings()
        settings.connection = none
        await #expect(throws: BrokerError.unknownConnection(none)) {
            try await rig.bridges.putFeed(rig.feed, settings)
        }
        settings = try rig.settings()
        settings.into = none
        await #expect(throws: BrokerError.unknownTopic(none)) {
            try await rig.bridges.putFeed(rig.feed, settings)
        }
        _ = try await rig.bridges.putFeed(rig.feed, try rig.settings())
        // The same events for two feeds; a connection and a topic that are in use.
        await #expect(throws: BrokerError.self) { try await rig.bridges.putFeed(other, try rig.settings()) }
        await #expect(throws: BrokerError.self) {
            try await rig.bridges.deleteConnection(try ResourceName("c"))
        }
        await #expect(throws: BrokerError.self) {
            try await rig.bus.engine.deleteTopic(rig.topic, cascade: true)
        }
        await #expect(throws: BrokerError.self) {
            try await rig.bridges.putConnection(other, url: "scripted:wrong")
        }
        #expect(try rig.bridges.connection(try ResourceName("c")).uses == 1)
        try await rig.bridges.deleteFeed(rig.feed)
        try await rig.bridges.deleteConnection(try ResourceName("c"))
        #expect(rig.bridges.connections().isEmpty && rig.bridges.feeds().isEmpty)
        await rig.end()
    }
}
