// SPDX-License-Identifier: Apache-2.0

// Builds one batch, record by record, in the buffer that goes to disk. Headers are gathered first, because a record begins with its
// length: once they are there every length is known and each byte is written once, in its place.

import CApus
import NIOCore

/// Builds one ``RecordBatch``.
public struct RecordBatchBuilder: Sendable {
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
        let length = RecordBatchBuilder.nullableLength(name) + RecordBatchBuilder.nullableLength(value)
        if headers.capacity == 0 { headers.reserveCapacity(max(length, RecordBatchBuilder.headersCapacity)) }
        headers.writeWithUnsafeMutableBytes(minimumWritableBytes: length) { bytes in
            var writer = ByteWriter(bytes)
            writer.nullable(name)
            writer.nullable(value)
            return writer.position
        }
    }

    /// Adds a header to the record that ``append(timestamp:key:value:)`` will add next.
    public mutating func addHeader(_ name: String, _ value: String) {
        var (name, value) = (name, value)
        name.withUTF8 { name in
            value.withUTF8 { value in
                addHeader(name: UnsafeRawBufferPointer(name), value: UnsafeRawBufferPointer(value))
            }
        }
    }

    /// The size of a batch, in bytes, with nothing in it but the record that ``append(timestamp:key:value:)`` would add next.
    public func lengthAlone(key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?) -> Int {
        let length = lengthOfNext(timestampDelta: 0, number: 0, key: key, value: value)
        return RecordBatch.headerLength + varintLength(Int64(length)) + length
    }

    /// Takes back the headers that were added since the last record.
    public mutating func dropHeaders() {
        headers.clear()
        headerCount = 0
    }

    private func lengthOfNext(
        timestampDelta: Int64, number: Int64, key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?
    ) -> Int {
        1 + varintLength(timestampDelta) + varintLength(number) + RecordBatchBuilder.nullableLength(key)
            + RecordBatchBuilder.nullableLength(value) + varintLength(Int64(headerCount))
            + headers.readableBytes
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
        let (number, headerCount) = (Int64(count), Int64(self.headerCount))
        let length = lengthOfNext(timestampDelta: timestampDelta, number: number, key: key, value: value)
        headers.withUnsafeReadableBytes { headers in
            _ = buffer.writeWithUnsafeMutableBytes(
                minimumWritableBytes: varintLength(Int64(length)) + length
            ) { bytes in
                var writer = ByteWriter(bytes)
                writer.varint(Int64(length))
                writer.byte(0)
                writer.varint(timestampDelta)
                writer.varint(number)
                writer.nullable(key)
                writer.nullable(value)
                writer.varint(headerCount)
                writer.bytes(headers)
                return writer.position
            }
        }
        fetchAhead(length)
        dropHeaders()
        count += 1
    }

    /// Has the memory of the next record fetched while its headers are gathered, if it is as long as this one. Nobody has touched it for long, and what is written next
    /// waits for it.
    private mutating func fetchAhead(_ length: Int) {
        buffer.withUnsafeMutableWritableBytes { bytes in
            guard let next = bytes.baseAddress else { return }
            for offset in stride(from: 0, to: min(length, bytes.count, 2048), by: 64) {
                capus_prefetch_for_writing(next + offset)
            }
        }
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

    /// The finished batch, its base offset 0 until a log places it; nil when nothing was added. The builder is empty afterwards and
    /// of no further use.
    public mutating func finish() -> RecordBatch? {
        guard count > 0 else { return nil }
        return seal(lastOffsetDelta: Int32(truncatingIfNeeded: count - 1))
    }

    /// A batch without records that takes up `offsets` offsets, at least one: nothing will ever be found at them.
    public static func hole(of offsets: Int32, timestamp: Timestamp) -> RecordBatch {
        var builder = RecordBatchBuilder(capacity: RecordBatch.headerLength)
        (builder.baseTimestamp, builder.maxTimestamp) = (timestamp, timestamp)
        return builder.seal(lastOffsetDelta: max(offsets, 1) - 1)
    }

    private mutating func seal(lastOffsetDelta: Int32) -> RecordBatch {
        // Taken out, so that filling in the header finds the bytes unshared and copies nothing.
        var batch = ByteBuffer()
        swap(&batch, &buffer)
        let (records, length) = (Int32(truncatingIfNeeded: count), batch.writerIndex)
        count = 0
        batch.withUnsafeMutableReadableBytes { bytes in
            var header = ByteWriter(bytes)
            header.integer(Int64(0))
            header.integer(Int32(truncatingIfNeeded: length - RecordBatch.lengthPrefix))
            header.integer(Int32(0))
            header.integer(Int8(2))
            header.integer(UInt32(0))
            header.integer(Int16(0))
            header.integer(lastOffsetDelta)
            header.integer(baseTimestamp.rawValue)
            header.integer(maxTimestamp.rawValue)
            header.integer(producer.id)
            header.integer(producer.epoch)
            header.integer(producer.sequence)
            header.integer(records)
            let checked = UnsafeRawBufferPointer(rebasing: bytes[RecordBatch.uncheckedLength...])
            let checksum = capus_crc32c(0, checked.baseAddress, checked.count)
            bytes.storeBytes(
                of: checksum.bigEndian, toByteOffset: RecordBatch.checksumPosition, as: UInt32.self)
        }
        return RecordBatch(trusted: batch)
    }

    /// Room for the headers of an ordinary event.
    private static let headersCapacity = 256

    private static func nullableLength(_ bytes: UnsafeRawBufferPointer?) -> Int {
        guard let bytes else { return 1 }
        return varintLength(Int64(bytes.count)) + bytes.count
    }
}

extension ByteWriter {
    /// A length and the bytes; -1 for nil.
    @inline(__always)
    fileprivate mutating func nullable(_ value: UnsafeRawBufferPointer?) {
        guard let value else { return varint(-1) }
        varint(Int64(value.count))
        bytes(value)
    }
}
