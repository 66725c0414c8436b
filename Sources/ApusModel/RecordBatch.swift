// SPDX-License-Identifier: Apache-2.0

// Kafka's RecordBatch v2: the form in which records are appended, stored and read, all or none.
//
//     0 base offset i64 | 8 batch length i32 | 12 leader epoch i32 | 16 magic i8 | 17 CRC32C u32
//    21 attributes i16 | 23 last offset delta i32 | 27 base timestamp i64 | 35 max timestamp i64
//    43 producer id i64 | 51 producer epoch i16 | 53 base sequence i32 | 57 record count i32 | 61 records
//
// The CRC covers everything from byte 21 on. The first 21 bytes are the log's to fill in; their own
// checksum (`headerChecksum`) is kept beside the segment.

import CApus
public import NIOCore

/// Why bytes are not a batch.
public enum RecordBatchError: Error, Hashable, Sendable {
    /// Fewer bytes than the header or its length field asks for.
    case truncated
    /// The batch length field is below the header's size or beyond the limit.
    case badLength(Int)
    /// A format other than version 2.
    case unsupportedMagic(UInt8)
    /// The checksum in the header is not that of the bytes.
    case checksumMismatch(stored: UInt32, computed: UInt32)
    /// Counts, deltas or lengths contradict each other; says which.
    case malformed(String)
    /// Compressed with a codec that nobody knows, or whose library is not there: Kafka's number of it, and the reason. The bytes
    /// are as they came; where the library is, they can be read.
    case compressed(UInt8, reason: String)
    /// Its records take up more than `limit` bytes when they are decompressed.
    case tooLarge(limit: Int)
}

extension RecordBatchError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .truncated: "it is cut short"
        case .badLength(let length): "its length \(length) cannot be"
        case .unsupportedMagic(let magic): "it is of format \(magic), not 2"
        case .checksumMismatch(let stored, let computed):
            "its checksum is \(String(stored, radix: 16)), its bytes make \(String(computed, radix: 16))"
        case .malformed(let reason): reason
        case .compressed(let codec, let reason): "compressed with codec \(codec): \(reason)"
        case .tooLarge(let limit): "its records decompress to more than the \(limit) bytes that they may"
        }
    }
}

/// One batch in Kafka's format v2, its checksum and header verified when it was made.
public struct RecordBatch: Sendable, Hashable {
    /// Bytes before the first record.
    public static let headerLength = 61
    /// Bytes that Kafka's CRC leaves out.
    public static let uncheckedLength = 21
    /// Where the checksum stands.
    static let checksumPosition = 17
    /// What the length field does not count: itself and the base offset.
    public static let lengthPrefix = 12
    /// The largest batch that any log takes, in bytes.
    public static let lengthMax = 64 << 20

    /// The whole batch, header first.
    public internal(set) var bytes: ByteBuffer

    /// Takes bytes that this process just built or verified.
    package init(trusted bytes: ByteBuffer) { self.bytes = bytes }

    /// A batch from untrusted bytes, which must be exactly one batch.
    ///
    /// Checks magic, lengths, checksum and the counts of the header; records are checked when read.
    public init(verifying bytes: ByteBuffer) throws(RecordBatchError) {
        let length = try RecordBatch.length(of: bytes.readableBytesView)
        guard length == bytes.readableBytes else {
            throw length > bytes.readableBytes ? .truncated : .badLength(length)
        }
        self.bytes = bytes
        try verify()
    }

    /// The whole length, header included, that the header at the front of `view` claims.
    public static func length(of view: ByteBufferView) throws(RecordBatchError) -> Int {
        let claimed: Int? = view.withUnsafeBytes { raw in
            guard raw.count >= lengthPrefix else { return nil }
            let field = raw.loadUnaligned(fromByteOffset: 8, as: Int32.self)
            return Int(Int32(bigEndian: field))
        }
        guard let claimed else { throw .truncated }
        let length = claimed + lengthPrefix
        guard length >= headerLength, length <= lengthMax else { throw .badLength(claimed) }
        return length
    }

    private func verify() throws(RecordBatchError) {
        let magic = UInt8(truncatingIfNeeded: field(at: 16, as: Int8.self))
        guard magic == 2 else { throw .unsupportedMagic(magic) }
        let computed = computedChecksum()
        guard computed == checksum else { throw .checksumMismatch(stored: checksum, computed: computed) }
        guard recordCount >= 0 else { throw .malformed("negative record count") }
        guard lastOffsetDelta >= 0 else { throw .malformed("negative last offset delta") }
        let offsets = Int(lastOffsetDelta) + 1
        guard !isEmpty || recordCount == 0, recordCount <= offsets else {
            throw .malformed("\(recordCount) records in \(offsets) offsets")
        }
        // Leaves room for every offset that a record of the batch can claim, so that no later sum overflows.
        guard baseOffset >= .zero, baseOffset.rawValue <= Int64.max - Int64(Int32.max) - 1 else {
            throw .malformed("base offset \(baseOffset)")
        }
    }

    private var isEmpty: Bool { bytes.readableBytes == RecordBatch.headerLength }

    private func computedChecksum() -> UInt32 {
        bytes.withUnsafeReadableBytes { raw in
            guard let base = raw.baseAddress else { return 0 }
            return capus_crc32c(
                0, base + RecordBatch.uncheckedLength, raw.count - RecordBatch.uncheckedLength)
        }
    }

    /// CRC32C of the first 21 bytes, which Kafka's own checksum leaves out.
    public var headerChecksum: UInt32 {
        bytes.withUnsafeReadableBytes { raw in
            guard let base = raw.baseAddress else { return 0 }
            return capus_crc32c(0, base, RecordBatch.uncheckedLength)
        }
    }

    @inline(__always)
    private func field<Value: FixedWidthInteger>(at position: Int, as type: Value.Type) -> Value {
        bytes.withUnsafeReadableBytes {
            Value(bigEndian: $0.loadUnaligned(fromByteOffset: position, as: type))
        }
    }

    // MARK: Header fields

    /// The offset of the first record.
    public var baseOffset: Offset {
        get { Offset(field(at: 0, as: Int64.self)) }
        set { bytes.setInteger(newValue.rawValue, at: bytes.readerIndex) }
    }

    /// Who led the partition when the batch was appended, by number; the checksum leaves it out.
    public var leaderEpoch: Int32 {
        get { field(at: RecordBatch.lengthPrefix, as: Int32.self) }
        set { bytes.setInteger(newValue, at: bytes.readerIndex + RecordBatch.lengthPrefix) }
    }

    /// The whole length in bytes.
    public var length: Int { bytes.readableBytes }
    /// The stored CRC32C.
    public var checksum: UInt32 { field(at: RecordBatch.checksumPosition, as: UInt32.self) }
    /// Compression, timestamp type, transactional and control flags, as Kafka lays them out.
    public var attributes: UInt16 { field(at: 21, as: UInt16.self) }
    /// The last record's offset minus the first's.
    public var lastOffsetDelta: Int32 { field(at: 23, as: Int32.self) }
    /// The timestamp that the records' deltas count from.
    public var baseTimestamp: Timestamp { Timestamp(milliseconds: field(at: 27, as: Int64.self)) }
    /// The greatest timestamp of the batch.
    public var maxTimestamp: Timestamp { Timestamp(milliseconds: field(at: 35, as: Int64.self)) }
    /// Who wrote it, or -1.
    public var producerID: Int64 { field(at: 43, as: Int64.self) }
    /// The producer's life, or -1.
    public var producerEpoch: Int16 { field(at: 51, as: Int16.self) }
    /// The producer's number for the first record, or -1.
    public var baseSequence: Int32 { field(at: 53, as: Int32.self) }
    /// How many records it holds.
    public var recordCount: Int { Int(field(at: 57, as: Int32.self)) }
    /// Kafka's number of the codec that compressed the records; 0 for none.
    public var compression: UInt8 { UInt8(attributes & 7) }
    /// Whether its records have the time of their append, which is the batch's greatest timestamp, and not their own.
    public var hasAppendTime: Bool { attributes & 0x08 != 0 }
    /// Whether it counts only once its producer's transaction is committed.
    public var isTransactional: Bool { attributes & 0x10 != 0 }
    /// Whether it is a transaction marker and not events.
    public var isControl: Bool { attributes & 0x20 != 0 }
    /// The offset after the last record's.
    public var nextOffset: Offset { baseOffset.advanced(by: Int64(lastOffsetDelta) + 1) }

    // MARK: Changes

    /// Says what kind of batch it is, as Kafka lays that out.
    package mutating func setAttributes(_ attributes: UInt16) {
        bytes.setInteger(attributes, at: bytes.readerIndex + 21)
        bytes.setInteger(computedChecksum(), at: bytes.readerIndex + RecordBatch.checksumPosition)
    }

    /// Gives all records the time of their append.
    public mutating func stamp(_ time: Timestamp) {
        bytes.setInteger(attributes | 0x08, at: bytes.readerIndex + 21)
        setGreatestTimestamp(time)
    }

    /// Corrects the greatest timestamp.
    public mutating func setGreatestTimestamp(_ time: Timestamp) {
        bytes.setInteger(time.rawValue, at: bytes.readerIndex + 35)
        bytes.setInteger(computedChecksum(), at: bytes.readerIndex + RecordBatch.checksumPosition)
    }

    /// Makes it a batch without events for those who read it, as transaction markers are. It is then no longer what is stored, and its checksum
    /// not right: for readers in this process only.
    package mutating func hideRecords() {
        bytes.setInteger(attributes | 0x20, at: bytes.readerIndex + 21)
    }
}
