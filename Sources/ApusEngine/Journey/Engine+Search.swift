// SPDX-License-Identifier: Apache-2.0

// Looking for events by what people know of them: an id, a key, a piece of text. There is no index: topics are read, in each partition from its end
// backwards, in steps of bounded work, and the answer says where to go on.

import ApusModel
import ApusStorage
import CloudEvents
import Synchronization

extension Engine {
    /// Bytes read in one step.
    private static let searchBytesMax = 32 << 20
    /// Bytes of data in one answer, after which no further event is added.
    private static let searchAnswerBytesMax = 2 << 20
    /// Bytes and offsets that are looked at together, from the end backwards.
    private static let searchStretchBytes: Int64 = 2 << 20
    private static let searchStrideMax: Int64 = 4096

    public func search(
        _ search: EventSearch, limit: Int
    ) async throws(BrokerError) -> EventSearchResult {
        var walk = SearchWalk(search, limit: limit, bytesMax: Engine.searchAnswerBytesMax)
        var budget = Engine.searchBytesMax
        for topic in try searched(search.topics) {
            if let rest = search.rest, topic.name < rest.topic { continue }
            for partition in topic.partitions {
                var end = partition.signal.end
                if let rest = search.rest, rest.topic == topic.name {
                    if partition.number < rest.partition { continue }
                    if partition.number == rest.partition { end = min(end, rest.offset) }
                }
                let left = try look(partition, of: topic, before: end, &walk, &budget)
                guard let left else { continue }
                walk.result.rest = EventPlace(
                    topic: topic.name, partition: partition.number, offset: left)
                return walk.result
            }
        }
        return walk.result
    }

    private func searched(_ names: [ResourceName]) throws(BrokerError) -> [Topic] {
        guard names.isEmpty else {
            var topics: [Topic] = []
            for name in names { topics.append(try requireTopic(name)) }
            return topics.sorted { $0.name < $1.name }
        }
        return catalog.withLock { $0.topics.values.sorted { $0.name < $1.name } }
    }

    /// Looks at a partition backwards; nil when all of it was looked at, otherwise the offset before which it goes on.
    private func look(
        _ partition: Partition, of topic: Topic, before end: Offset, _ walk: inout SearchWalk,
        _ budget: inout Int
    ) throws(BrokerError) -> Offset? {
        var start = partition.start
        var end = end
        if let since = walk.search.since { start = max(start, try resolve(.time(since), in: partition)) }
        if let until = walk.search.until { end = min(end, try resolve(.time(until), in: partition)) }
        let stride = try stride(of: partition)
        while start < end {
            guard budget > 0, !walk.isFull, !isStopped, !Task.isCancelled else { return end }
            let from = max(start, end.advanced(by: -stride))
            var found: [StoredEvent] = []
            try forEachEvent(in: partition, of: topic, from..<end, &budget) { record in
                walk.result.looked += 1
                guard walk.matches(record, topic.name, partition.number) else { return }
                found.append(StoredEvent(record: record, topic: topic.name, partition: partition.number))
            }
            end = walk.take(found.reversed()) ?? from
        }
        return nil
    }

    /// How many events are read together, so that they are about as many bytes as one step should read at once.
    private func stride(of partition: Partition) throws(BrokerError) -> Int64 {
        let bounds = try storing { () throws(LogError) in try context.store.bounds(partition.log) }
        let count = max(1, bounds.end.rawValue - bounds.start.rawValue)
        let bytes = max(1, bounds.bytes / count)
        return min(max(1, Engine.searchStretchBytes / bytes), Engine.searchStrideMax)
    }

    /// Hands `body` the events of a range, oldest first; what cannot be read is passed over. `budget` is lessened by what was read.
    func forEachEvent(
        in partition: Partition, of topic: Topic, _ range: Range<Offset>, _ budget: inout Int,
        _ body: (RecordView) -> Void
    ) throws(BrokerError) {
        var offset = range.lowerBound
        while offset < range.upperBound {
            let batches: [RecordBatch]
            do {
                batches = try partition.readEvents(from: offset, byteLimit: 256 << 10, in: context.store)
            } catch {
                guard let next = LookAhead.wayAround(error), next > offset else {
                    throw BrokerError(reading: error)
                }
                offset = next
                continue
            }
            guard let last = batches.last else { break }
            for batch in batches {
                budget -= batch.length
                _ = context.forEachRecord(of: batch, in: topic.name, partition.number) { record in
                    guard record.offset < range.upperBound else { return false }
                    if record.offset >= range.lowerBound { body(record) }
                    return true
                }
            }
            offset = last.nextOffset
        }
    }
}

/// A search while it is made.
private struct SearchWalk {
    let search: EventSearch
    private let limit: Int
    private let bytesMax: Int
    private var bytes = 0
    var result = EventSearchResult(events: [], looked: 0, rest: nil)

    private let text: [UInt8]?
    /// What attributes have to be, by the name of their header.
    private let wanted: [(name: [UInt8], value: [UInt8])]

    private static let id = Array("ce_id".utf8)
    private static let causation = Array("ce_causationid".utf8)
    private static let correlation = Array("ce_correlationid".utf8)

    init(_ search: EventSearch, limit: Int, bytesMax: Int) {
        (self.search, self.limit, self.bytesMax) = (search, limit, bytesMax)
        text = search.text.flatMap { $0.isEmpty ? nil : Array($0.utf8) }
        wanted = [
            search.id.map { (SearchWalk.id, Array($0.utf8)) },
            search.causation.map { (SearchWalk.causation, Array($0.utf8)) },
        ].compactMap(\.self)
    }

    var isFull: Bool { result.events.count >= limit || bytes >= bytesMax }

    /// Takes in what was found, newest first; where to go on when there was too much.
    mutating func take(_ found: some Sequence<StoredEvent>) -> Offset? {
        var last: Offset?
        for stored in found {
            if isFull { return last }
            result.events.append(stored)
            bytes += stored.event.data?.bytes.count ?? 0
            last = stored.offset
        }
        return nil
    }

    /// Whether an event is everything that is wanted.
    func matches(_ record: RecordView, _ topic: ResourceName, _ partition: Int) -> Bool {
        if let key = search.key {
            guard let own = record.key, own.elementsEqual(key.utf8) else { return false }
        }
        if !wanted.isEmpty || search.correlation != nil {
            guard record.withHeader(SearchWalk.id, { _ in true }) != nil else {
                return matchesDecoded(CloudEvent(record: record, topic: topic, partition: partition), record)
            }
        }
        for (name, value) in wanted {
            guard record.withHeader(name, { $0.elementsEqual(value) }) ?? false else { return false }
        }
        if let correlation = search.correlation {
            let own = record.header(SearchWalk.correlation) ?? record.header(SearchWalk.id)
            guard own == correlation else { return false }
        }
        return text.map { holds($0, record) } ?? true
    }

    /// Records without attributes of their own: they are a whole event as JSON, or get theirs when they are read.
    private func matchesDecoded(_ event: CloudEvent, _ record: RecordView) -> Bool {
        if let id = search.id, event.id != id { return false }
        if let causation = search.causation, event.extensions[.causationID] != causation { return false }
        if let correlation = search.correlation,
            event.extensions[.correlationID] ?? event.id != correlation
        {
            return false
        }
        return text.map { holds($0, record) } ?? true
    }

    private func holds(_ text: [UInt8], _ record: RecordView) -> Bool {
        if let value = record.value, SearchWalk.contains(text, value) { return true }
        if let key = record.key, SearchWalk.contains(text, key) { return true }
        var isThere = false
        record.forEachHeader { name, value in
            guard let value, !name.starts(with: LineageHeader.prefix) else { return true }
            isThere = SearchWalk.contains(text, value)
            return !isThere
        }
        return isThere
    }

    private static func contains(_ text: [UInt8], _ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let first = text.first, bytes.count >= text.count else { return false }
        let last = bytes.count - text.count
        var from = 0
        while from <= last {
            guard let next = bytes[from...last].firstIndex(of: first) else { return false }
            if bytes[next..<(next + text.count)].elementsEqual(text) { return true }
            from = next + 1
        }
        return false
    }
}
