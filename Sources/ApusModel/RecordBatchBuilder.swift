// SPDX-License-Identifier: Apache-2.0

// Builds one batch, record by record, in the buffer that goes to disk: nothing is copied twice except the
// few bytes that a record's length prefix turns out shorter than the room kept for it.

import CApus
import NIOCore

/// Builds one ``RecordBatch``.
///
/// Records are begun, given headers and ended; a batch with a record that was begun and not ended cannot be
/// finished wrongly because ``append(timestamp:key:value:headers:)`` does all three.
public struct RecordBatchBuilder: ~Copyable {
    /// Room kept for a record's length: what 28 bits need as a varint, more than a batch can hold.
    private static let lengthRoom = 5

    private var buffer: ByteBuffer
    private var recordStart = 0
    private var headerCountIndex = 0
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

    /// Begins a record: its timestamp, key (nil for none) and value (nil for a tombstone).
    public mutating func beginRecord(
        timestamp: Timestamp, key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?
    ) {
        if count == 0 {
            baseTimestamp = timestamp
            maxTimestamp = timestamp
        }
        maxTimestamp = max(maxTimestamp, timestamp)
        recordStart = buffer.writerIndex
        buffer.writeRepeatingByte(0, count: RecordBatchBuilder.lengthRoom + 1)
        buffer.writeVarint(timestamp.rawValue &- baseTimestamp.rawValue)
        buffer.writeVarint(Int64(count))
        writeNullable(key)
        writeNullable(value)
        headerCountIndex = buffer.writerIndex
        headerCount = 0
        buffer.writeInteger(UInt8(0))
    }

    /// Adds a header to the record begun last.
    public mutating func addHeader(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer?) {
        headerCount += 1
        writeNullable(name)
        writeNullable(value)
    }

    /// Adds a header to the record begun last.
    public mutating func addHeader(_ name: String, _ value: String) {
        headerCount += 1
        buffer.writeVarint(Int64(name.utf8.count))
        buffer.writeString(name)
        buffer.writeVarint(Int64(value.utf8.count))
        buffer.writeString(value)
    }

    /// Ends the record begun last.
    public mutating func endRecord() {
        writeHeaderCount()
        let length = buffer.writerIndex - recordStart - RecordBatchBuilder.lengthRoom
        let spare = RecordBatchBuilder.lengthRoom - varintLength(Int64(length))
        let end = buffer.writerIndex
        buffer.moveWriterIndex(to: recordStart)
        buffer.writeVarint(Int64(length))
        shift(from: recordStart + RecordBatchBuilder.lengthRoom, to: buffer.writerIndex, count: length)
        buffer.moveWriterIndex(to: end - spare)
        count += 1
    }

    /// Adds a whole record.
    public mutating func append(
        timestamp: Timestamp, key: [UInt8]?, value: [UInt8]?, headers: [Record.Header] = []
    ) {
        RecordBatchBuilder.withNullable(key) { key in
            RecordBatchBuilder.withNullable(value) { value in
                beginRecord(timestamp: timestamp, key: key, value: value)
            }
        }
        for header in headers {
            var name = header.name
            name.withUTF8 { name in
                RecordBatchBuilder.withNullable(header.value) { value in
                    addHeader(name: UnsafeRawBufferPointer(name), value: value)
                }
            }
        }
        endRecord()
    }

    private static func withNullable(_ bytes: [UInt8]?, _ body: (UnsafeRawBufferPointer?) -> Void) {
        if let bytes { bytes.withUnsafeBytes { body($0) } } else { body(nil) }
    }

    /// The finished batch, its base offset 0 until a log places it; nil when nothing was added.
    public consuming func finish() -> RecordBatch? {
        guard count > 0 else { return nil }
        let length = buffer.writerIndex
        buffer.setInteger(Int64(0), at: 0)
        buffer.setInteger(Int32(truncatingIfNeeded: length - RecordBatch.lengthPrefix), at: 8)
        buffer.setInteger(Int32(0), at: 12)
        buffer.setInteger(Int8(2), at: 16)
        buffer.setInteger(Int16(0), at: 21)
        buffer.setInteger(Int32(truncatingIfNeeded: count - 1), at: 23)
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

    private mutating func writeNullable(_ bytes: UnsafeRawBufferPointer?) {
        guard let bytes else {
            buffer.writeVarint(-1)
            return
        }
        buffer.writeVarint(Int64(bytes.count))
        buffer.writeBytes(bytes)
    }

    /// Header counts below 64 take the one byte kept for them; more need the headers moved along.
    private mutating func writeHeaderCount() {
        let length = varintLength(Int64(headerCount))
        let end = buffer.writerIndex
        if length > 1 {
            buffer.writeRepeatingByte(0, count: length - 1)
            shift(
                from: headerCountIndex + 1, to: headerCountIndex + length, count: end - headerCountIndex - 1)
        }
        buffer.moveWriterIndex(to: headerCountIndex)
        buffer.writeVarint(Int64(headerCount))
        buffer.moveWriterIndex(to: end + length - 1)
    }

    private mutating func shift(from source: Int, to destination: Int, count: Int) {
        guard source != destination, count > 0 else { return }
        buffer.withVeryUnsafeMutableBytes { raw in
            guard let base = raw.baseAddress else { return }
            (base + destination).copyMemory(from: base + source, byteCount: count)
        }
    }
}
