// SPDX-License-Identifier: Apache-2.0

// Topics that keep the last event of each key: through the engine, and pass by pass against a model.

import ApusCompression
import ApusModel
import ApusStorage
import ApusTesting
import CloudEvents
import Logging
import NIOCore
import Synchronization
import TestThreads
import Testing

@testable import ApusEngine

@Suite(.ownThread) struct CompactionTests {
    private func rig(_ change: (inout TopicSettings) -> Void = { _ in }) async throws -> EngineRig {
        let rig = try EngineRig()
        var settings = TopicSettings(cleanup: .compact)
        change(&settings)
        try await rig.topic("states", settings)
        return rig
    }

    /// Publishes one event after the other, "KEY ID" each; without an id the event deletes its key.
    private func publish(_ rig: EngineRig, _ events: [String]) async throws {
        let topic = try ResourceName("states")
        for (number, text) in events.enumerated() {
            let parts = text.split(separator: " ").map(String.init)
            let event = try CloudEvent(
                id: parts.count > 1 ? parts[1] : "deleted-\(number)", source: "/test", type: "t",
                data: parts.count > 1 ? CloudEventData(text: parts[1]) : nil)
            _ = try await rig.driving { [engine = rig.engine] in
                try await engine.publish([event], to: topic, key: parts[0])
            }
        }
    }

    @Test func `the last event of each key stays, in its place`() async throws {
        let rig = try await rig()
        try await publish(rig, ["a 1", "b 2", "a 3", "c 4", "b 5", "a 6", "end 7"])
        rig.pass(.seconds(20))
        #expect(try await rig.ids(of: "states") == ["4", "5", "6", "7"])
        let fetched = try await rig.engine.fetch(
            ResourceName("states"), partition: 0, from: .earliest, limit: 10, pattern: nil, wait: .zero)
        #expect(fetched.events.map(\.offset.rawValue) == [3, 4, 5, 6])
        // What was last once and is not any more goes with the next pass; the batch being written is not looked at.
        try await publish(rig, ["c 8", "b 9", "d 10", "e 11", "f 12", "end 13"])
        rig.pass(.seconds(20))
        #expect(try await rig.ids(of: "states") == ["6", "7", "8", "9", "10", "11", "12", "13"])
    }

    @Test func `too little that is new is left alone`() async throws {
        let rig = try await rig()
        try await publish(rig, ["a 1", "b 2", "c 3", "d 4", "e 5", "f 6", "g 7", "end 8"])
        rig.pass(.seconds(20))
        try await publish(rig, ["a 9", "end 10"])
        rig.pass(.seconds(20))
        #expect(try await rig.ids(of: "states").contains("1"))
        var changes = TopicChanges()
        changes.dirtyRatio = 0
        let (topic, altered) = (try ResourceName("states"), changes)
        _ = try await rig.driving { [engine = rig.engine] in try await engine.alterTopic(topic, altered) }
        rig.pass(.seconds(20))
        #expect(try await rig.ids(of: "states").contains("1") == false)
    }

    @Test func `an event without data deletes its key, and goes itself when its time is over`() async throws {
        let rig = try await rig { $0.compaction.deleteRetention = .seconds(3600) }
        try await publish(rig, ["a 1", "b 2", "a", "end 4"])
        rig.pass(.seconds(20))
        #expect(try await rig.ids(of: "states") == ["2", "deleted-2", "4"])
        rig.pass(.seconds(3500), step: .seconds(100))
        #expect(try await rig.ids(of: "states") == ["2", "deleted-2", "4"])
        rig.pass(.seconds(300), step: .seconds(10))
        #expect(try await rig.ids(of: "states") == ["2", "4"])
    }

    @Test func `what a subscription has not settled is not compacted`() async throws {
        let rig = try await rig()
        try await rig.subscription("worker", .shared("states"))
        try await publish(rig, ["a 1", "a 2", "a 3", "b 4", "end 5"])
        let leased = try await rig.receive("worker", limit: 2)
        rig.pass(.seconds(20))
        #expect(try await rig.ids(of: "states") == ["1", "2", "3", "4", "5"])
        try await rig.settle("worker", leased.map(\.lease), .acknowledge)
        let rest = try await rig.receive("worker")
        #expect(rest.map(\.stored.event.id) == ["3", "4", "5"])
        try await rig.settle("worker", rest.map(\.lease), .acknowledge)
        rig.pass(.seconds(20))
        #expect(try await rig.ids(of: "states") == ["3", "4", "5"])
    }

    @Test func `what is sent back from among dead letters does not take the place of the last event`()
        async throws
    {
        let rig = try await rig()
        try await rig.subscription("work", .shared("states"))
        try await publish(rig, ["a 1"])
        let first = try await rig.receive("work").map(\.lease)
        try await rig.settle("work", first, .reject(reason: "no good"))
        try await publish(rig, ["a 2"])
        let moved = try await rig.driving { [engine = rig.engine] in
            try await engine.redrive(DeadLetterSelection(), dryRun: false).moved
        }
        #expect(moved == 1)
        let rest = try await rig.receive("work")
        #expect(rest.map(\.stored.event.id) == ["2", "1"])
        try await rig.settle("work", rest.map(\.lease), .acknowledge)
        try await publish(rig, ["b 3", "end 4"])
        let last = try await rig.receive("work").map(\.lease)
        try await rig.settle("work", last, .acknowledge)
        rig.pass(.seconds(20))
        let fetched = try await rig.engine.fetch(
            ResourceName("states"), partition: 0, from: .earliest, limit: 10, pattern: nil, wait: .zero)
        #expect(fetched.events.map(\.offset.rawValue) == [1, 3, 4])
        #expect(fetched.events.map(\.event.id) == ["2", "3", "4"])
    }

    @Test func `events that are too young are not looked at`() async throws {
        let rig = try await rig { $0.compaction.minLag = .seconds(600) }
        try await publish(rig, ["a 1", "a 2", "end 3"])
        rig.pass(.seconds(300), step: .seconds(10))
        #expect(try await rig.ids(of: "states") == ["1", "2", "3"])
        rig.pass(.seconds(400), step: .seconds(10))
        #expect(try await rig.ids(of: "states") == ["2", "3"])
    }

    @Test func `age is no reason to forget, unless both are asked for`() async throws {
        for policy in [CleanupPolicy.compact, .compactAndDelete] {
            let rig = try await rig {
                $0.cleanup = policy
                $0.retentionAge = .seconds(60)
            }
            try await publish(rig, ["a 1", "b 2", "end 3"])
            rig.pass(.seconds(200), step: .seconds(10))
            #expect(try await rig.ids(of: "states") == (policy == .compact ? ["1", "2", "3"] : ["3"]))
        }
    }

    @Test func `without a key nothing is published`() async throws {
        let rig = try await rig()
        await #expect(throws: BrokerError.self) { try await rig.publish(["1"], to: "states") }
        try await rig.publish(["1"], to: "states", key: "a")
        let restarted = try rig.restarted()
        await #expect(throws: BrokerError.self) { try await restarted.publish(["2"], to: "states") }
        let settings = try restarted.engine.topic(ResourceName("states")).settings
        #expect(settings.cleanup == .compact && settings.compaction == CompactionSettings())
    }

    // MARK: Pass by pass

    /// What is written, and what must be left of it.
    private struct Model {
        struct Written {
            var key: UInt8
            var isTombstone: Bool
            /// Whether readers of what is committed see it.
            var counts: Bool
        }

        var written: [Int64: Written] = [:]
        var now: Int64 = 1_700_000_000_000

        /// The last offset of each key, of those that count.
        var last: [UInt8: Int64] {
            var last: [UInt8: Int64] = [:]
            for (offset, record) in written where record.counts {
                last[record.key] = max(last[record.key] ?? -1, offset)
            }
            return last
        }
    }

    @Test(arguments: 0..<UInt64(casesToTry(of: 60)))
    func `of each key the last is left, whatever the memory, and nothing else is lost`(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let disk = SimulatedDisk(seed: seed)
        var configuration = FileLogStoreConfiguration()
        configuration.journalFileBytes = 64 << 10
        configuration.firstJournalBytes = 16 << 10
        configuration.blockBytesMax = 16 << 10
        configuration.freeBytesReserve = 0
        let open = { () throws(LogError) in
            try FileLogStore(
                directory: "/store", on: disk, configuration: configuration, clock: .system,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        }
        var store = try open()
        let log = LogID(high: 7, low: 7)
        let kept = LogConfiguration(durability: random.oneIn(2) ? .flush : .none, segmentBytesMax: 2 << 10)
        var claim = try store.claim(log, kept) { _ in }
        var model = Model()
        var options = CompactionOptions()
        options.keyBytes = [KeyOffsets.bytesPerKey * 16, 1 << 20][random.below(2)]
        options.readBytes = 1 << 10
        var settings = TopicSettings(segmentBytes: 4 << 10, cleanup: .compact)
        settings.compaction.dirtyRatio = [0, 0.3][random.below(2)]
        settings.compaction.deleteRetention = .seconds(100)
        var cleaned = 0
        for round in 0..<12 {
            for _ in 0..<30 { write(&model, to: store, claim, &random) }
            settle(store)
            model.now += Int64(random.below(80_000))
            let bounds = try store.bounds(log)
            let limit = random.oneIn(3) ? bounds.start.advanced(by: Int64(random.below(300))) : bounds.end
            var budget = random.oneIn(4) ? random.below(20_000) : Int.max
            var pass = Compaction(
                store: store, log: log, settings: settings,
                hash: SipHash128(key: (1, 2)), options: options, wall: Timestamp(milliseconds: model.now),
                limit: limit,
                goOn: { bytes in
                    budget -= min(budget, bytes)
                    return budget > 0
                })
            cleaned += try pass.run().cleaned
            if random.oneIn(3) {
                store.close()
                store = try open()
                claim = try store.claim(log, kept) { _ in }
            }
            try check(model, store, log, "seed \(seed), round \(round)")
        }
        // In what is clean then, each key stands once.
        settings.compaction.dirtyRatio = 0
        settle(store)
        for _ in 0..<50 {
            var pass = Compaction(
                store: store, log: log, settings: settings, hash: SipHash128(key: (1, 2)),
                options: options, wall: Timestamp(milliseconds: model.now), limit: try store.bounds(log).end,
                goOn: { _ in true })
            cleaned += try pass.run().cleaned
        }
        try check(model, store, log, "seed \(seed), at the end")
        let closed = try store.closedSegments(log)
        let end = closed.prefix { $0.rewritten != nil }.last?.end ?? .zero
        // Of the others a transaction is not at its end in closed segments.
        #expect(end.rawValue > 0 && closed.count { $0.rewritten == nil } < 3, "seed \(seed): \(closed)")
        var seen: [UInt8: Int] = [:]
        for (offset, record) in try left(in: store, log) where offset < end.rawValue {
            if model.written[offset]?.counts == true, let key = record.key?.first {
                seen[key, default: 0] += 1
            }
        }
        #expect(seen.values.allSatisfy { $0 == 1 }, "seed \(seed): \(seen)")
        #expect(cleaned > 0)
        store.close()
    }

    private func settle(_ store: FileLogStore) {
        var isDone = false
        while !isDone {
            switch store.commitStep() {
            case .progress: continue
            case .blocked: _ = store.maintenanceStep()
            case .idle, .stuck: isDone = true
            }
        }
        _ = store.checkpointNow()
    }

    /// One batch, or a transaction of two producers with its end.
    private func write(
        _ model: inout Model, to store: FileLogStore, _ claim: LogClaim, _ random: inout SplitMix64
    ) {
        let isTransaction = random.oneIn(6)
        let commits = random.oneIn(2)
        var builder = RecordBatchBuilder(
            producerID: isTransaction ? Int64(random.below(2)) : random.oneIn(2) ? 5 : -1, producerEpoch: 0,
            baseSequence: 0)
        var written: [Model.Written] = []
        for _ in 0...random.below(4) {
            let key = UInt8(random.below(60))
            let isTombstone = random.oneIn(5)
            builder.append(
                timestamp: Timestamp(milliseconds: model.now), key: [key],
                value: isTombstone ? nil : [UInt8](repeating: key, count: 20))
            written.append(
                Model.Written(key: key, isTombstone: isTombstone, counts: !isTransaction || commits))
        }
        guard var batch = builder.finish() else { return }
        if isTransaction { batch = batch.flagged(0x10) }
        if random.oneIn(3), let compressed = try? batch.compressed(with: .lz4) { batch = compressed }
        let base = append(batch, to: store, claim)
        for (delta, record) in written.enumerated() { model.written[base + Int64(delta)] = record }
        guard isTransaction else { return }
        var marker = RecordBatchBuilder(producerID: batch.producerID, producerEpoch: 0)
        marker.append(
            timestamp: Timestamp(milliseconds: model.now), key: [0, 0, 0, commits ? 1 : 0],
            value: [0, 0, 0, 0, 0, 0])
        if let end = marker.finish() { _ = append(end.flagged(0x30), to: store, claim) }
    }

    private func append(_ batch: RecordBatch, to store: FileLogStore, _ claim: LogClaim) -> Int64 {
        let box = Box()
        store.append(batch, holding: claim) { result in
            box.set((try? result.get())?.rawValue ?? -1)
        }
        while box.value == nil {
            if case .blocked = store.commitStep() { _ = store.maintenanceStep() }
        }
        return box.value ?? -1
    }

    private func left(in store: FileLogStore, _ log: LogID) throws -> [(Int64, Record)] {
        let bounds = try store.bounds(log)
        var offset = bounds.start
        var left: [(Int64, Record)] = []
        while offset < bounds.end {
            let batches = try store.read(log, from: offset, byteLimit: 4 << 10)
            guard let last = batches.last else { break }
            for batch in batches where !batch.isControl {
                left += try batch.records().map { ($0.offset.rawValue, $0) }
            }
            offset = last.nextOffset
        }
        return left
    }

    /// Nothing is left that was not written, and of each key the last that counts is, unless it is a tombstone and nothing older is.
    private func check(_ model: Model, _ store: FileLogStore, _ log: LogID, _ place: String) throws {
        let left = try left(in: store, log)
        var oldest: [UInt8: Int64] = [:]
        var offsets: Set<Int64> = []
        for (offset, record) in left {
            let written = model.written[offset]
            #expect(
                written?.key == record.key?.first && written?.isTombstone == (record.value == nil), "\(place)"
            )
            #expect(offsets.insert(offset).inserted, "\(place): offset \(offset) twice")
            if written?.counts == true, let key = record.key?.first, oldest[key] == nil {
                oldest[key] = offset
            }
        }
        for (key, last) in model.last where !offsets.contains(last) {
            let isGoneForGood = model.written[last]?.isTombstone == true && oldest[key] == nil
            #expect(isGoneForGood, "\(place): key \(key), last at \(last), oldest left \(oldest[key] ?? -1)")
        }
    }
}

/// Where an append ended up.
private final class Box: Sendable {
    private let content = Mutex<Int64?>(nil)
    var value: Int64? { content.withLock { $0 } }
    func set(_ value: Int64) { content.withLock { $0 = value } }
}

extension RecordBatch {
    /// The batch with attributes added, and its checksum put right.
    fileprivate func flagged(_ flags: UInt16) -> RecordBatch {
        var bytes = self.bytes
        bytes.setInteger(attributes | flags, at: 21)
        do throws(RecordBatchError) { return try RecordBatch(verifying: bytes) } catch {
            guard case .checksumMismatch(_, let computed) = error else { return self }
            bytes.setInteger(computed, at: 17)
            return (try? RecordBatch(verifying: bytes)) ?? self
        }
    }
}
