// SPDX-License-Identifier: Apache-2.0

// Reading whole batches, and where partitions begin and end, by offset and by time. Reads of the store run on the caller's thread.

public import ApusModel
import ApusStorage

extension Engine {
    /// Bytes of one read when a partition is looked through.
    private static let scanBytes = 1 << 20

    public func readBatches(
        _ name: ResourceName, partition number: Int, from offset: Offset, byteLimit: Int, isolation: Isolation
    ) throws(BrokerError) -> BatchRead {
        let (_, partition) = try requirePartition(name, number)
        let bounds = partition.bounds
        guard offset <= bounds.end else { throw .beyondEnd(end: bounds.end) }
        guard offset >= bounds.start else { throw .trimmed(start: bounds.start) }
        var read = BatchRead(batches: [], bounds: bounds)
        let end = isolation == .committed ? bounds.stableEnd : bounds.end
        guard offset < end else { return read }
        do {
            read.batches = try context.store.read(partition.log, from: offset, byteLimit: byteLimit)
        } catch {
            throw BrokerError(reading: error)
        }
        // What came since the bounds were taken, and what is not decided.
        while let last = read.batches.last, last.baseOffset >= end { read.batches.removeLast() }
        if isolation == .committed, let first = read.batches.first, let last = read.batches.last {
            let aborted = try storing { () throws(LogError) in
                try partition.aborted(in: first.baseOffset..<last.nextOffset, from: context.store)
            }
            read.aborted = aborted.map {
                AbortedTransaction(producerID: $0.producerID, firstOffset: $0.first)
            }.sorted { ($0.firstOffset, $0.producerID) < ($1.firstOffset, $1.producerID) }
        }
        return read
    }

    public func whenBeyond(
        _ offset: Offset, of name: ResourceName, partition number: Int, isolation: Isolation,
        _ body: @escaping @Sendable () -> Void
    ) -> BatchWait? {
        guard let (_, partition) = try? requirePartition(name, number) else {
            body()
            return nil
        }
        let signal = isolation == .committed ? partition.signal : partition.written
        guard let token = signal.wait(beyond: offset, { _ in body() }) else { return nil }
        // A topic that was closed before the wait began has told everybody already.
        if isStopped || topicAtWork(name) == nil { signal.cancel(token) }
        return BatchWait { signal.forget(token) }
    }

    public func bounds(_ name: ResourceName, partition number: Int) throws(BrokerError) -> PartitionBounds {
        try requirePartition(name, number).1.bounds
    }

    public func offset(
        _ name: ResourceName, partition number: Int, at time: Timestamp
    ) throws(BrokerError) -> TimedOffset? {
        let (_, partition) = try requirePartition(name, number)
        let from = try storing { () throws(LogError) in try context.store.offset(partition.log, at: time) }
        return try first(of: partition, from: from) { $0 >= time }
    }

    public func newest(_ name: ResourceName, partition number: Int) throws(BrokerError) -> TimedOffset? {
        let (_, partition) = try requirePartition(name, number)
        let segments = try storing { () throws(LogError) in
            try context.store.closedSegments(partition.log)
        }
        var from = segments.last?.end ?? partition.start
        // Of the part that is being written nothing is known but what its batches say.
        var greatest = try newest(of: partition, from: from)
        for segment in segments.reversed() where segment.maxTimestamp >= greatest ?? segment.maxTimestamp {
            (greatest, from) = (segment.maxTimestamp, segment.base)
        }
        guard let greatest else { return nil }
        return try first(of: partition, from: max(from, partition.start)) { $0 >= greatest }
    }

    public func deleteRecords(
        _ name: ResourceName, partition number: Int, before offset: Offset
    ) async throws(BrokerError) -> Offset {
        let (topic, partition) = try requirePartition(name, number)
        let bounds = partition.bounds
        guard offset >= .zero, offset <= bounds.end else { throw .beyondEnd(end: bounds.end) }
        let needed = notedEnds()[partition.log] ?? bounds.end
        let start = min(offset, needed, bounds.stableEnd)
        if !partition.production.covers(start) {
            let result = await withUnsafeContinuation { continuation in
                context.inbox.post { [context] in
                    topic.producerLog.cover(partition, in: context) { continuation.resume(returning: $0) }
                }
            }
            try result.get()
        }
        // What was under way meanwhile may be left.
        guard partition.production.covers(start) else { throw .unavailable(.overloaded) }
        try storing { () throws(LogError) in try partition.trim(before: start, in: context.store) }
        return partition.start
    }

    // MARK: Looking through

    /// The first record from `start` on whose timestamp is one that is looked for.
    private func first(
        of partition: Partition, from start: Offset, where isWanted: (Timestamp) -> Bool
    ) throws(BrokerError) -> TimedOffset? {
        var found: TimedOffset?
        try walk(partition, from: start) { batch in
            guard !batch.isControl, isWanted(batch.maxTimestamp) else { return true }
            _ = try? batch.forEachRecord { record in
                guard record.offset >= start, isWanted(record.timestamp) else { return true }
                found = TimedOffset(offset: record.offset, timestamp: record.timestamp)
                return false
            }
            return found == nil
        }
        return found
    }

    private func newest(of partition: Partition, from start: Offset) throws(BrokerError) -> Timestamp? {
        var greatest: Timestamp?
        try walk(partition, from: start) { batch in
            if !batch.isControl, batch.recordCount > 0 {
                greatest = max(greatest ?? batch.maxTimestamp, batch.maxTimestamp)
            }
            return true
        }
        return greatest
    }

    /// Hands out batches from `start` to the end until `body` has enough; passes over what is damaged or gone.
    private func walk(
        _ partition: Partition, from start: Offset, _ body: (RecordBatch) -> Bool
    ) throws(BrokerError) {
        let end = partition.written.end
        var offset = start
        while offset < end, !isStopped {
            let batches: [RecordBatch]
            do {
                batches = try context.store.read(partition.log, from: offset, byteLimit: Engine.scanBytes)
            } catch {
                guard let next = LookAhead.wayAround(error), next > offset else {
                    throw BrokerError(reading: error)
                }
                offset = next
                continue
            }
            guard let last = batches.last else { return }
            // What the store has and has not told of yet is beyond the end for everybody: nobody is sent there.
            for batch in batches where batch.baseOffset >= end || !body(batch) { return }
            offset = last.nextOffset
        }
    }
}
