// SPDX-License-Identifier: Apache-2.0

// What a batch of a client's must fulfil before it is appended. The log keeps it as it came, and every reader, Apus' own and others', relies on
// what its header says; so it is looked through once, here. What is wrong only in its times is put right.

import ApusModel

extension RecordBatch {
    /// Checks the batch and gives it the times of its topic.
    mutating func prepare(
        for settings: TopicSettings, now: Timestamp, limit: Int
    ) throws(BatchError) {
        guard length <= limit else { throw .broker(.tooLarge(bytes: length, limit: limit)) }
        try checkHeader()
        let greatest = try checkRecords()
        if settings.cleanup.compacts { try checkKeys() }
        switch settings.timestamps {
        case .append: stamp(now)
        case .producer:
            guard !hasAppendTime else {
                throw .invalidBatch("it claims to have the time of its append, which the topic does not give")
            }
            let latest = now.advanced(by: Defaults.batchTimestampAhead)
            guard greatest <= latest else { throw .invalidTimestamp(greatest, latest: latest) }
            if greatest != maxTimestamp { setGreatestTimestamp(greatest) }
        }
        // There is one leader, and its first epoch never ends. A change costs a copy of the batch, which shares the request's memory.
        if leaderEpoch != 0 { leaderEpoch = 0 }
    }

    private func checkHeader() throws(BatchError) {
        guard !isControl else { throw .invalidBatch("transaction markers are the server's to write") }
        guard recordCount > 0 else { throw .invalidBatch("it has no records") }
        guard recordCount == Int(lastOffsetDelta) + 1 else {
            throw .invalidBatch("its \(recordCount) records do not fill \(Int(lastOffsetDelta) + 1) offsets")
        }
        guard hasProducer else {
            guard !isTransactional else { throw .invalidBatch("a transaction without a producer id") }
            return
        }
        guard producerID < ProducerIDs.end else {
            throw .invalidBatch("producer id \(producerID) was not given by this server")
        }
        guard producerEpoch >= 0, baseSequence >= 0 else {
            throw .invalidBatch("a producer id without an epoch and a sequence")
        }
    }

    /// Without a key a record of a compacted topic would stay for ever.
    private func checkKeys() throws(BatchError) {
        do throws(RecordBatchError) { try validateRecords(needsKeys: true) } catch {
            if case .malformed(let reason) = error { throw .invalidBatch(reason) }
            throw .invalidBatch("\(error)")
        }
    }

    /// Looks through the records; the greatest of their timestamps. Compressed ones are not opened for that: the header has to do, and who looks
    /// inside later finds out what it is worth.
    private func checkRecords() throws(BatchError) -> Timestamp {
        guard compression == 0 else {
            // What nobody here could ever open is better refused while its producer can still choose another codec.
            guard openingObstacle == nil else { throw .unsupportedCompression(compression) }
            return maxTimestamp
        }
        var next = baseOffset
        var greatest: Timestamp?
        do throws(RecordBatchError) {
            try forEachRecord { record in
                guard record.offset == next else { return false }
                next = next.advanced(by: 1)
                greatest = max(greatest ?? record.timestamp, record.timestamp)
                return true
            }
        } catch {
            throw .invalidBatch("\(error)")
        }
        guard let greatest, next == nextOffset else {
            throw .invalidBatch("its records are not numbered one after the other")
        }
        return greatest
    }

    /// Whether a client's producer numbers its batches.
    var hasProducer: Bool { producerID >= 0 }
}

/// Producer ids, of two kinds that cannot be mistaken for each other. Those of clients are given by the server, from zero on, and their batches carry
/// sequence numbers. What Apus copies itself has the id of where it came from and no sequence number.
enum ProducerIDs {
    /// Clients' producer ids are below this.
    static let end: Int64 = 1 << 48
}

extension RecordBatch {
    /// Whether Apus wrote it with this as its producer: copies of rules, dead letters, and what was due.
    func isCopy(by producer: Int64) -> Bool { producerID == producer && baseSequence < 0 && !isControl }
}
