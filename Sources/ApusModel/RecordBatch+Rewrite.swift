// SPDX-License-Identifier: Apache-2.0

// The same batch written otherwise: compressed, opened, or with some of its records left out. Offsets, timestamps and what the batch says of
// its producer stay.

public import ApusCompression
import CApus
import NIOCore

extension RecordBatch {
    /// This batch with its records compressed by `codec`, or as they are for nil.
    ///
    /// - Throws: ``RecordBatchError`` when it is compressed and cannot be opened, or the codec's library is not there.
    public func compressed(
        with codec: CompressionCodec?, limits: DecompressionLimits = .init()
    ) throws(RecordBatchError) -> RecordBatch {
        guard compression != codec?.rawValue ?? 0 else { return self }
        return try withRecordBytes(limits: limits) { raw throws(RecordBatchError) in
            try rewritten(raw, count: recordCount, maxTimestamp: maxTimestamp, codec: codec)
        }
    }

    /// This batch with its records decompressed; itself when they are.
    public func opened(limits: DecompressionLimits = .init()) throws(RecordBatchError) -> RecordBatch {
        try compressed(with: nil, limits: limits)
    }

    /// This batch with only those records that `isKept` says yes to, compressed as it was; itself when that is all of them. It takes up
    /// the same offsets, even without any record.
    public func keeping(
        limits: DecompressionLimits = .init(), _ isKept: (RecordView) -> Bool
    ) throws(RecordBatchError) -> RecordBatch {
        try withRecordBytes(limits: limits) { raw throws(RecordBatchError) in
            // Neighbours are copied together: a record's bytes do not depend on those before it.
            var kept: [Range<Int>] = []
            var count = 0
            var latest: Timestamp?
            try walk(raw) { record, range in
                guard isKept(record) else { return true }
                count += 1
                latest = max(latest ?? record.timestamp, record.timestamp)
                if let last = kept.last, last.upperBound == range.lowerBound {
                    kept[kept.count - 1] = last.lowerBound..<range.upperBound
                } else {
                    kept.append(range)
                }
                return true
            }
            guard count < recordCount else { return self }
            var records = ByteBufferAllocator().buffer(capacity: kept.reduce(0) { $0 + $1.count })
            for range in kept { records.writeBytes(raw[range]) }
            // Without records the batch keeps the time it had: retention by age goes by it.
            let time = latest ?? maxTimestamp
            return try records.withUnsafeReadableBytes { bytes in
                Result { () throws(RecordBatchError) in
                    try rewritten(bytes, count: count, maxTimestamp: time, codec: count == 0 ? nil : codec)
                }
            }.get()
        }
    }

    /// This batch without any record; it takes up the same offsets, and keeps what it says of its producer and its time.
    public func emptied() -> RecordBatch {
        var batch = ByteBufferAllocator().buffer(capacity: RecordBatch.headerLength)
        batch.writeImmutableBuffer(
            bytes.getSlice(at: bytes.readerIndex, length: RecordBatch.headerLength) ?? ByteBuffer())
        return RecordBatch.sealed(batch, attributes: attributes & ~7, count: 0, maxTimestamp: maxTimestamp)
    }

    /// This batch's header before `records`, with what follows from them put right.
    private func rewritten(
        _ records: UnsafeRawBufferPointer, count: Int, maxTimestamp: Timestamp, codec: CompressionCodec?
    ) throws(RecordBatchError) -> RecordBatch {
        var batch = ByteBufferAllocator().buffer(capacity: RecordBatch.headerLength + records.count)
        batch.writeImmutableBuffer(
            bytes.getSlice(at: bytes.readerIndex, length: RecordBatch.headerLength) ?? ByteBuffer())
        if let codec {
            do throws(CompressionError) { batch.writeBytes(try Compression.compress(records, codec)) } catch {
                throw RecordBatchError(error, codec: codec.rawValue)
            }
        } else {
            batch.writeBytes(records)
        }
        let length = batch.readableBytes
        guard length <= RecordBatch.lengthMax else { throw .badLength(length) }
        return RecordBatch.sealed(
            batch, attributes: attributes & ~7 | UInt16(codec?.rawValue ?? 0), count: count,
            maxTimestamp: maxTimestamp)
    }

    /// A batch whose header says of its bytes what is true.
    private static func sealed(
        _ bytes: ByteBuffer, attributes: UInt16, count: Int, maxTimestamp: Timestamp
    ) -> RecordBatch {
        var batch = bytes
        batch.setInteger(Int32(truncatingIfNeeded: batch.readableBytes - RecordBatch.lengthPrefix), at: 8)
        batch.setInteger(attributes, at: 21)
        batch.setInteger(maxTimestamp.rawValue, at: 35)
        batch.setInteger(Int32(truncatingIfNeeded: count), at: 57)
        let checksum = batch.withUnsafeReadableBytes { bytes in
            let checked = UnsafeRawBufferPointer(rebasing: bytes[RecordBatch.uncheckedLength...])
            return capus_crc32c(0, checked.baseAddress, checked.count)
        }
        batch.setInteger(checksum, at: RecordBatch.checksumPosition)
        return RecordBatch(trusted: batch)
    }
}

extension RecordBatchBuilder {
    /// As ``finish()``, with the records compressed by `codec`.
    ///
    /// - Throws: ``RecordBatchError/compressed(_:reason:)`` when the codec's library is not there.
    public mutating func finish(
        compressing codec: CompressionCodec?
    ) throws(RecordBatchError) -> RecordBatch? {
        try finish()?.compressed(with: codec)
    }
}
