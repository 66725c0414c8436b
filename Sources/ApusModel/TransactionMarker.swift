// SPDX-License-Identifier: Apache-2.0

// The end of a transaction in a partition: a control batch of one record, whose key says whether what came before it counts.

import NIOCore

/// How a producer's transaction ended.
public struct TransactionMarker: Sendable, Hashable {
    /// Whether the transaction's batches count.
    public var isCommit: Bool
    /// Which life of its coordinator decided so.
    public var coordinatorEpoch: Int32

    /// How a producer's transaction ended.
    public init(isCommit: Bool, coordinatorEpoch: Int32 = 0) {
        self.isCommit = isCommit
        self.coordinatorEpoch = coordinatorEpoch
    }

    /// The control batch that says so.
    public func batch(producerID: Int64, epoch: Int16, timestamp: Timestamp) -> RecordBatch? {
        var builder = RecordBatchBuilder(capacity: 128, producerID: producerID, producerEpoch: epoch)
        // Each begins with the version of what follows; 0 and 1 are the types.
        let key: [UInt8] = [0, 0, 0, isCommit ? 1 : 0]
        var value = ByteBuffer()
        value.writeInteger(Int16(0))
        value.writeInteger(coordinatorEpoch)
        builder.append(timestamp: timestamp, key: key, value: Array(value.readableBytesView))
        guard var batch = builder.finish() else { return nil }
        batch.setAttributes(0x30)
        return batch
    }
}

extension RecordBatch {
    /// The end of a transaction that this batch tells of; nil when it tells of none.
    public var marker: TransactionMarker? {
        guard isControl else { return nil }
        var marker: TransactionMarker?
        _ = try? forEachRecord { record in
            guard let key = record.key, key.count >= 4, let value = record.value else { return false }
            let type = key.loadUnaligned(fromByteOffset: 2, as: Int16.self).bigEndian
            guard type == 0 || type == 1 else { return false }
            let epoch =
                value.count >= 6 ? value.loadUnaligned(fromByteOffset: 2, as: Int32.self).bigEndian : 0
            marker = TransactionMarker(isCommit: type == 1, coordinatorEpoch: epoch)
            return false
        }
        return marker
    }
}
