// SPDX-License-Identifier: Apache-2.0

// Builds one batch, record by record, in the buffer that goes to disk. Headers are gathered first, because a record begins with its
// length: once they are there every length is known and each byte is written once, in its place.

import CApus
import NIOCore

/// Builds one ``RecordBatch``.
public struct RecordBatchBuilder {
    private var buffer: ByteBuffer
    private var headers = ByteBuffer()
    private var headerCount = 0
    private var baseTimestamp = Timestamp(milliseconds: 0)
    private var maxTimestamp = Timestamp(milliseconds: 0)
    private let producer: (id: Int64, epoch: Int16, sequence: Int32)

    /// How many records have been added.
    public private(set) var count = 0

    /// An empty batch; `capacity` is the expected size in bytes. A producer id of -1 means none.
    public init(
        capacity: Int = 2048, producerID: Int64 = -1, producerEpoch: Int16 = -1, baseSequence: Int32 = -1
    ) {
        producer = (producerID, producerEpoch, baseSequence)
        buffer = ByteBufferAllocator().buffer(capacity: max(capacity, RecordBatch.headerLength))
        buffer.moveWriterIndex(to: RecordBatch.headerLength)
    }

    /// The batch's size so far, in bytes.
    public var length: Int { buffer.writerIndex }

    /// Adds a header to the record that ``append(timestamp:key:value:)`` will add next.
    public mutating func addHeader(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer?) {
        headerCount += 1
        RecordBatchBuilder.writeNullable(name, into: &headers)
        RecordBatchBuilder.writeNullable(value, into: &headers)
    }

    /// Adds a header to the record that ``append(timestamp:key:value:)`` will add next.
    public mutating func addHeader(_ name: String, _ value: String) {
        headerCount += 1
        headers.writeVarint(Int64(name.utf8.count))
        headers.writeString(name)
        headers.writeVarint(Int64(value.utf8.count))
        headers.writeString(value)
    }

    /// Adds a record with the headers added since the last one: its timestamp, key (nil for none) and value (nil for a tombstone).
    public mutating func append(
        timestamp: Timestamp, key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?
    ) {
        if count == 0 {
            baseTimestamp = timestamp
            maxTimestamp = timestamp
        }
        maxTimestamp = max(maxTimestamp, timestamp)
        let timestampDelta = timestamp.rawValue &- baseTimestamp.rawValue
        let length =
            1 + varintLength(timestampDelta) + varintLength(Int64(count))
            + RecordBatchBuilder.nullableLength(key)
            + RecordBatchBuilder.nullableLength(value) + varintLength(Int64(headerCount))
            + headers.readableBytes
        buffer.reserveCapacity(minimumWritableBytes: length + 5)
        buffer.writeVarint(Int64(length))
        buffer.writeInteger(UInt8(0))
        buffer.writeVarint(timestampDelta)
        buffer.writeVarint(Int64(count))
        RecordBatchBuilder.writeNullable(key, into: &buffer)
        RecordBatchBuilder.writeNullable(value, into: &buffer)
        buffer.writeVarint(Int64(headerCount))
        buffer.writeImmutableBuffer(headers)
        headers.clear()
        headerCount = 0
        count += 1
    }

    /// Adds a whole record.
    public mutating func append(
        timestamp: Timestamp, key: [UInt8]?, value: [UInt8]?, headers: [Record.Header] = []
    ) {
        for header in headers {
            var name = header.name
            name.withUTF8 { name in
                RecordBatchBuilder.withNullable(header.value) { value in
                    addHeader(name: UnsafeRawBufferPointer(name), value: value)
                }
            }
        }
        RecordBatchBuilder.withNullable(key) { key in
            RecordBatchBuilder.withNullable(value) { value in
                append(timestamp: timestamp, key: key, value: value)
            }
        }
    }

    private static func withNullable(_ bytes: [UInt8]?, _ body: (UnsafeRawBufferPointer?) -> Void) {
        if let bytes { bytes.withUnsafeBytes { body($0) } } else { body(nil) }
    }

    /// The finished batch, its base offset 0 until a log places it; nil when nothing was added.
    public consuming func finish() -> RecordBatch? {
        guard count > 0 else { return nil }
        return seal(lastOffsetDelta: Int32(truncatingIfNeeded: count - 1))
    }

    /// A batch without records that takes up `offsets` offsets, at least one: nothing will ever be found at them.
    public static func hole(of offsets: Int32, timestamp: Timestamp) -> RecordBatch {
        var builder = RecordBatchBuilder(capacity: RecordBatch.headerLength)
        (builder.baseTimestamp, builder.maxTimestamp) = (timestamp, timestamp)
        return builder.seal(lastOffsetDelta: max(offsets, 1) - 1)
    }

    private consuming func seal(lastOffsetDelta: Int32) -> RecordBatch {
        let length = buffer.writerIndex
        buffer.setInteger(Int64(0), at: 0)
        buffer.setInteger(Int32(truncatingIfNeeded: length - RecordBatch.lengthPrefix), at: 8)
        buffer.setInteger(Int32(0), at: 12)
        buffer.setInteger(Int8(2), at: 16)
        buffer.setInteger(Int16(0), at: 21)
        buffer.setInteger(lastOffsetDelta, at: 23)
        buffer.setInteger(baseTimestamp.rawValue, at: 27)
        buffer.setInteger(maxTimestamp.rawValue, at: 35)
        buffer.setInteger(producer.id, at: 43)
        buffer.setInteger(producer.epoch, at: 51)
        buffer.setInteger(producer.sequence, at: 53)
        buffer.setInteger(Int32(truncatingIfNeeded: count), at: 57)
        let checksum = buffer.withUnsafeReadableBytes { raw -> UInt32 in
            guard let base = raw.baseAddress else { return 0 }
            return capus_crc32c(
                0, base + RecordBatch.uncheckedLength, raw.count - RecordBatch.uncheckedLength)
        }
        buffer.setInteger(checksum, at: 17)
        return RecordBatch(trusted: buffer)
    }

    private static func nullableLength(_ bytes: UnsafeRawBufferPointer?) -> Int {
        guard let bytes else { return 1 }
        return varintLength(Int64(bytes.count)) + bytes.count
    }

    private static func writeNullable(_ bytes: UnsafeRawBufferPointer?, into buffer: inout ByteBuffer) {
        guard let bytes else {
            buffer.writeVarint(-1)
            return
        }
        buffer.writeVarint(Int64(bytes.count))
        buffer.writeBytes(bytes)
    }
}
