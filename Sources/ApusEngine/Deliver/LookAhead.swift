// SPDX-License-Identifier: Apache-2.0

// Events of one partition that a subscription has read and not handed out yet. Reads are small on purpose: every subscription that stands
// still holds one.

import ApusModel
import ApusStorage
import DequeModule

/// What was read ahead of one partition.
struct LookAhead {
    /// Bytes of one read.
    static let readBytes = 64 << 10
    /// Bytes looked through in one turn before others get theirs, when nothing matches.
    static let scanBytesMax = 4 << 20

    /// How far reading on came.
    enum Progress {
        /// To an event, or to the end.
        case done
        /// There is more to look through although nothing was found.
        case hasMore
        /// To something that cannot be read now.
        case failed(LogError)
    }

    /// Events that match, in order.
    var events = Deque<StoredEventBox>()
    /// Everything before this offset has been looked at, though maybe not handed out.
    var scanned: Offset
    /// Where reading ends even if the partition goes on; nil for nowhere.
    var limit: Offset?

    /// Reads on until an event matches, the partition or its part ends, or enough was looked through.
    mutating func fill(
        from partition: Partition, topic: ResourceName, recipient: ResourceName, filter: inout EventFilter,
        context: EngineContext, quarantined: (BrokerError) -> Void
    ) -> Progress {
        var looked = 0
        while events.isEmpty {
            let end = min(partition.signal.end, limit ?? partition.signal.end)
            guard scanned < end else { break }
            guard looked < LookAhead.scanBytesMax else { return .hasMore }
            do {
                let batches = try partition.readEvents(
                    from: scanned, byteLimit: LookAhead.readBytes, in: context.store)
                // Offsets of appends that failed, and nothing else, may stand before the end.
                if batches.isEmpty { scanned = end }
                for batch in batches {
                    looked += batch.length
                    let error = take(
                        batch, partition: partition.number, topic: topic, recipient: recipient,
                        filter: &filter, context)
                    if let error { quarantined(error) }
                }
            } catch {
                guard let next = LookAhead.wayAround(error) else { return .failed(error) }
                if case .corrupt = error { quarantined(BrokerError(error)) }
                scanned = max(scanned, next)
            }
        }
        return .done
    }

    /// Where reading can go on after an error; nil when it cannot.
    static func wayAround(_ error: LogError) -> Offset? {
        switch error {
        case .trimmed(let start): start
        case .corrupt(_, _, let next, _): next
        default: nil
        }
    }

    private mutating func take(
        _ batch: RecordBatch, partition: Int, topic: ResourceName, recipient: ResourceName,
        filter: inout EventFilter, _ context: EngineContext
    ) -> BrokerError? {
        let (from, to) = (scanned, limit ?? batch.nextOffset)
        defer { scanned = max(scanned, min(batch.nextOffset, to)) }
        var reader = StoredEventReader(topic: topic, partition: partition)
        // What can be read of a batch that passed its checksum and still cannot be opened is handed out, the rest is nobody's event.
        return context.forEachRecord(of: batch, in: topic, partition) { record in
            guard record.offset >= from, record.offset < to, filter.matches(record, for: recipient)
            else { return true }
            events.append(StoredEventBox(reader.read(record)))
            return true
        }
    }
}

extension RecordView {
    /// Whether `subscription` is meant: most records are for everybody, a redriven one is for the subscription that gave it up.
    func isFor(_ subscription: ResourceName) -> Bool {
        guard let recipient = header(LineageHeader.recipientBytes) else { return true }
        return recipient == subscription.description
    }
}
