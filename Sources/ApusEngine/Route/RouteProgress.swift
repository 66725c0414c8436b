// SPDX-License-Identifier: Apache-2.0

// How far rules have come in a topic, and how copies that were made after the last note are recognised.
//
// Copies are made first and progress is noted afterwards, so a crash in between leaves copies that the progress does not know of. Each copy
// carries its origin, and each note says where the target partitions ended at that time: at start only what came after is looked through,
// and an event whose copy is found there is not copied again.

import ApusModel
import ApusStorage
import JSONText

/// What a note says: where each partition of the source goes on, and where each target partition ended.
struct RouteProgress: Hashable, Sendable {
    var next: [Offset]
    /// By the log of the target partition.
    var targetEnds: [LogID: Offset] = [:]

    func encoded() -> [UInt8] {
        var writer = JSONWriter(capacity: 256)
        writer.beginObject()
        writer.key("next")
        writer.beginArray()
        for offset in next { writer.integer(offset.rawValue) }
        writer.endArray()
        writer.key("targets")
        writer.beginObject()
        for (log, end) in targetEnds.sorted(by: { $0.key < $1.key }) {
            writer.key(log.description)
            writer.integer(end.rawValue)
        }
        writer.endObject()
        writer.endObject()
        return writer.bytes
    }

    init(next: [Offset], targetEnds: [LogID: Offset] = [:]) {
        self.next = next
        self.targetEnds = targetEnds
    }

    init?(decoding bytes: [UInt8]) {
        guard let object = (try? JSONValue(parsing: bytes))?.object, let next = object["next"]?.array else {
            return nil
        }
        self.next = next.compactMap { $0.int64.map { Offset($0) } }
        for member in object["targets"]?.object?.members ?? [] {
            guard let log = LogID(member.name), let end = member.value.int64 else { return nil }
            targetEnds[log] = Offset(end)
        }
    }
}

/// Copies in the targets that no note knows of.
struct RouteRepeats: Sendable {
    /// Those found at start: by target topic and source partition. One by one, because a topic that has more partitions than when they
    /// were made would get the event in another of them now.
    private var found: [LogID: [Int: Set<Offset>]] = [:]
    /// Those found, and those made in this life of chunks that other targets failed to take: by target log, the last offset of each source
    /// partition.
    private var lastCopied: [LogID: [Int: Offset]] = [:]
    /// Per source partition, the offset after the last event that there is a copy of.
    private(set) var seen: [Offset] = []

    /// Whether the event at `offset` of source partition `partition` is already in `target`, or in another partition of its topic.
    func contains(_ target: LogID, of topic: LogID, partition: Int, offset: Offset) -> Bool {
        if found[topic]?[partition]?.contains(offset) == true { return true }
        // What was passed over before it was passed over for good: rules that changed since must not bring it after later ones.
        guard let last = lastCopied[target]?[partition] else { return false }
        return offset <= last
    }

    /// Everything of `partition` before `next` has been copied to `target`.
    mutating func note(_ target: LogID, partition: Int, before next: Offset) {
        lastCopied[target, default: [:]][partition] = next.advanced(by: -1)
    }

    /// Whether there are copies of events that are not before `next`.
    func reachBeyond(_ next: [Offset]) -> Bool {
        func isBeyond(_ partition: Int, _ offset: Offset) -> Bool {
            partition >= next.count || offset >= next[partition]
        }
        return lastCopied.values.contains { $0.contains { isBeyond($0.key, $0.value) } }
            || found.values.contains {
                $0.contains { (partition, offsets) in
                    offsets.contains { isBeyond(partition, $0) }
                }
            }
    }

    /// Everything of `partition` before `next` is done with.
    mutating func forget(partition: Int, before next: Offset) {
        guard !found.isEmpty else { return }
        for (topic, partitions) in found {
            guard let offsets = partitions[partition], offsets.allSatisfy({ $0 < next }) else { continue }
            found[topic]?[partition] = nil
            if found[topic]?.isEmpty == true { found[topic] = nil }
        }
    }

    /// Looks through `targets` for copies from `source` that `progress` does not know of. Topics that the note does not name have none:
    /// rules begin with a note. Partitions that it does not name of one that it does have come since, and are looked through as a whole.
    mutating func look(
        into targets: [Topic], after progress: RouteProgress, next: [Offset], source: Topic,
        context: EngineContext
    ) throws(LogError) {
        for target in targets {
            let logs = target.partitions.map(\.log)
            let isNoted = logs.map { progress.targetEnds[$0] != nil }
            guard isNoted.contains(true) else { continue }
            // Otherwise the topic has grown since, and events may go to other partitions now than they would have gone to then.
            let keepsKeys = !isNoted.contains(false)
            for log in logs {
                try look(
                    into: log, of: target.id, from: progress.targetEnds[log] ?? .zero, keepsKeys: keepsKeys,
                    next: next, source: source, context: context)
            }
        }
    }

    private mutating func look(
        into target: LogID, of topic: LogID, from offset: Offset, keepsKeys: Bool, next: [Offset],
        source: Topic, context: EngineContext
    ) throws(LogError) {
        let bounds = try context.store.bounds(target)
        var offset = max(offset, bounds.start)
        while offset < bounds.end {
            let batches: [RecordBatch]
            do { batches = try context.store.read(target, from: offset, byteLimit: 1 << 20) } catch {
                guard let next = LookAhead.wayAround(error) else { throw error }
                offset = next
                continue
            }
            guard let last = batches.last else { break }
            for batch in batches where batch.isCopy(by: RouteRepeats.producerID(of: source.id)) {
                _ = try? batch.forEachRecord { record in
                    // A note tells of partitions by their number; what it does not tell of was never looked at.
                    guard let origin = record.origin, origin.topic == source.id,
                        next.indices.contains(origin.partition)
                    else { return true }
                    let end = origin.offset.advanced(by: 1)
                    seen.raise(to: end, at: origin.partition)
                    guard origin.offset >= next[origin.partition] else { return true }
                    found[topic, default: [:]][origin.partition, default: []].insert(origin.offset)
                    if keepsKeys { note(target, partition: origin.partition, before: end) }
                    return true
                }
            }
            offset = last.nextOffset
        }
    }

    /// The producer id in batches of copies from `source`: spares looking into the records of all others.
    static func producerID(of source: LogID) -> Int64 { Int64(truncatingIfNeeded: source.high >> 1) }
}
