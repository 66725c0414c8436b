// SPDX-License-Identifier: Apache-2.0

// What a member says of records that it had: ranges of offsets with what became of each, turned into verdicts. Checked before anything is reserved,
// because a range of a few bytes can name more offsets than there are.

internal import ApusEngine
internal import ApusKafkaCodec
internal import ApusModel

/// Ranges of offsets with what became of them.
struct ShareAcknowledgement: Sendable, Hashable {
    var first: Int64
    var last: Int64
    /// One for all offsets, or one for each.
    var types: [Int8]

    /// More records than anybody can have out.
    static let recordsMax = 100_000
    /// What a member's rejection is called where people read it.
    static let rejection = "rejected by the consumer"

    /// The verdicts that some acknowledgements of a partition are, by offset.
    ///
    /// - Parameters:
    ///   - lease: how long a record is kept that is renewed; nil when the request may not renew.
    /// - Throws: the code that the client is to get.
    static func verdicts(
        _ batches: [ShareAcknowledgement], renewingFor lease: Duration?
    ) throws(KafkaErrorCode) -> [OffsetVerdict] {
        var end: Int64 = -1
        var count: Int64 = 0
        for batch in batches {
            guard batch.first > end, batch.last >= batch.first, batch.last < .max else {
                throw .invalidRequest
            }
            let length = batch.last - batch.first + 1
            guard batch.types.count == 1 || Int64(batch.types.count) == length else { throw .invalidRequest }
            for type in batch.types where !(0...3).contains(type) {
                guard type == 4, lease != nil else { throw .invalidRequest }
            }
            end = batch.last
            // Nobody has so many, so what is named is not all the member's.
            guard length <= Int64(recordsMax) - count else { throw .invalidRecordState }
            count += length
        }
        var verdicts: [OffsetVerdict] = []
        verdicts.reserveCapacity(Int(count))
        for batch in batches {
            for offset in batch.first...batch.last {
                let type = batch.types.count == 1 ? batch.types[0] : batch.types[Int(offset - batch.first)]
                verdicts.append(OffsetVerdict(Offset(offset), verdict(type, lease)))
            }
        }
        return verdicts
    }

    private static func verdict(_ type: Int8, _ lease: Duration?) -> Verdict {
        switch type {
        case 2: .release(delay: .zero, counted: true)
        case 3: .reject(reason: rejection)
        case 4: .extend(lease ?? .zero)
        // 0: the member found nothing there, so nobody will.
        default: .acknowledge
        }
    }
}

extension ShareAcknowledgement {
    init(_ batch: ShareFetchRequest.Topic.Partition.AcknowledgementBatch) {
        self.init(first: batch.firstOffset, last: batch.lastOffset, types: batch.acknowledgeTypes)
    }

    init(_ batch: ShareAcknowledgeRequest.Topic.Partition.AcknowledgementBatch) {
        self.init(first: batch.firstOffset, last: batch.lastOffset, types: batch.acknowledgeTypes)
    }
}

/// Ranges of records that were handed out, as an answer names them.
enum AcquiredRanges {
    typealias Range = ShareFetchResponse.Topic.Partition.AcquiredRecords

    /// The ranges that some events are, which are in the order of their offsets.
    ///
    /// - Parameter lengthMax: how many a range has at most; 0 for no limit.
    static func of(_ events: some Sequence<AcquiredEvent>, lengthMax: Int) -> [Range] {
        var ranges: [Range] = []
        for event in events {
            let count = Int16(clamping: event.attempt)
            if let last = ranges.last, last.lastOffset + 1 == event.offset.rawValue,
                last.deliveryCount == count,
                lengthMax <= 0 || last.lastOffset - last.firstOffset + 1 < Int64(lengthMax)
            {
                ranges[ranges.count - 1].lastOffset = event.offset.rawValue
            } else {
                ranges.append(
                    Range {
                        $0.firstOffset = event.offset.rawValue
                        $0.lastOffset = event.offset.rawValue
                        $0.deliveryCount = count
                    })
            }
        }
        return ranges
    }
}
