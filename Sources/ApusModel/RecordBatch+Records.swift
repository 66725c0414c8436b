// SPDX-License-Identifier: Apache-2.0

// Looking into a batch. Batches stay compressed as they came; whoever looks at records has them decompressed for as long as that takes,
// within bounds, and need not know.

public import ApusCompression
import CApus
import NIOCore

extension RecordBatch {
    /// Calls `body` with each record in order, without copying; stops early when it returns false. Compressed records are
    /// decompressed for the length of the call.
    ///
    /// - Throws: ``RecordBatchError`` when the batch cannot be decompressed, or a record contradicts itself or the batch; records
    ///   before it have been handed out.
    public func forEachRecord(
        limits: DecompressionLimits = .init(), _ body: (RecordView) -> Bool
    ) throws(RecordBatchError) {
        try withRecordBytes(limits: limits) { raw throws(RecordBatchError) in
            try walk(raw) { record, _ in body(record) }
        }
    }

    /// All records, with bytes of their own.
    public func records(limits: DecompressionLimits = .init()) throws(RecordBatchError) -> [Record] {
        var records: [Record] = []
        records.reserveCapacity(min(recordCount, length / 7))
        try forEachRecord(limits: limits) { view in
            records.append(Record(copying: view))
            return true
        }
        return records
    }

    /// The codec that compressed the records; nil for none.
    public var codec: CompressionCodec? { CompressionCodec(rawValue: compression) }

    /// What keeps this process from looking at the records although nothing is wrong with them: an unknown codec, or a library that is not
    /// there. Nil for nothing. Whoever takes batches in should refuse them for it, as long as somebody can still send them otherwise.
    public var openingObstacle: RecordBatchError? {
        guard compression != 0 else { return nil }
        guard let codec else { return .compressed(compression, reason: "no such codec is known") }
        guard !codec.isAvailable else { return nil }
        return RecordBatchError(
            .libraryMissing(name: codec.library, debianPackage: codec.debianPackage), codec: compression)
    }

    /// Checks what a client says of a new batch against its records: as many as counted, one for each offset, none of them missing,
    /// nothing behind the last.
    ///
    /// - Parameters:
    ///   - opensCompressed: whether compressed batches are decompressed and checked too.
    ///   - needsKeys: whether every record must have a key.
    /// - Throws: ``RecordBatchError/malformed(_:)`` and what opening throws.
    public func validateRecords(
        opensCompressed: Bool = false, needsKeys: Bool = false, limits: DecompressionLimits = .init()
    ) throws(RecordBatchError) {
        let count = recordCount
        guard count > 0 else { throw .malformed("a batch without records") }
        guard Int(lastOffsetDelta) == count - 1 else {
            throw .malformed("\(count) records, and a last offset delta of \(lastOffsetDelta)")
        }
        guard compression == 0 || opensCompressed || needsKeys else { return }
        var next = baseOffset
        var failure: RecordBatchError?
        try forEachRecord(limits: limits) { record in
            if record.offset != next {
                failure = .malformed("a record claims offset \(record.offset) where \(next) is due")
            } else if needsKeys, record.key == nil {
                failure = .malformed("a record without a key")
            }
            next = next.advanced(by: 1)
            return failure == nil
        }
        if let failure { throw failure }
    }

    // MARK: Inside

    /// Hands `body` the records' bytes, decompressed if need be.
    func withRecordBytes<Value>(
        limits: DecompressionLimits, _ body: (UnsafeRawBufferPointer) throws(RecordBatchError) -> Value
    ) throws(RecordBatchError) -> Value {
        let result: Result<Value, RecordBatchError> = bytes.withUnsafeReadableBytes { raw in
            let records = UnsafeRawBufferPointer(rebasing: raw[RecordBatch.headerLength...])
            return Result { () throws(RecordBatchError) in
                // A batch without records has nothing that could be compressed, whatever its attributes say.
                guard compression != 0, !records.isEmpty else { return try body(records) }
                if let openingObstacle { throw openingObstacle }
                guard let codec else { throw .compressed(compression, reason: "no such codec is known") }
                return try RecordBatch.opened(records, codec, limits, body).get()
            }
        }
        return try result.get()
    }

    private static func opened<Value>(
        _ records: UnsafeRawBufferPointer, _ codec: CompressionCodec, _ limits: DecompressionLimits,
        _ body: (UnsafeRawBufferPointer) throws(RecordBatchError) -> Value
    ) throws(RecordBatchError) -> Result<Value, RecordBatchError> {
        do throws(CompressionError) {
            return try Compression.withDecompressed(records, codec, limits: limits) { opened in
                Result { () throws(RecordBatchError) in try body(opened) }
            }
        } catch { throw RecordBatchError(error, codec: codec.rawValue) }
    }

    /// Calls `body` with each record and where it stands in `raw`, until it returns false.
    func walk(
        _ raw: UnsafeRawBufferPointer, _ body: (RecordView, Range<Int>) -> Bool
    ) throws(RecordBatchError) {
        let (base, timestamp, end) = (baseOffset, baseTimestamp, nextOffset)
        let appendTime = hasAppendTime ? maxTimestamp : nil
        var reader = ByteReader(raw)
        // Records that point elsewhere would lead readers past what others wrote.
        var next = base
        for _ in 0..<recordCount {
            let start = reader.position
            guard
                let record = RecordView(
                    &reader, baseOffset: base, baseTimestamp: timestamp, appendTime: appendTime)
            else {
                throw .malformed("a record's lengths do not fit")
            }
            guard record.offset >= next, record.offset < end else {
                throw .malformed("a record claims offset \(record.offset), out of order")
            }
            next = record.offset.advanced(by: 1)
            let place = start..<reader.position
            RecordBatch.fetchAhead(raw, of: record, place)
            if !body(record, place) { return }
        }
        guard reader.remaining == 0 else {
            throw .malformed("\(reader.remaining) bytes after the last record")
        }
    }

    /// Has the beginning and the headers of the next record fetched while `body` has this one, if it is as long: they are looked at first, on both sides of a value that may be
    /// a KiB, so no processor foresees where, and each would be waited for.
    @inline(__always)
    private static func fetchAhead(_ raw: UnsafeRawBufferPointer, of record: RecordView, _ place: Range<Int>)
    {
        guard let base = raw.baseAddress, let headers = record.headerBytes.baseAddress,
            raw.count - place.upperBound >= place.count
        else { return }
        let next = base + place.upperBound
        capus_prefetch(next)
        let first = headers - (base + place.lowerBound)
        for offset in stride(from: first, to: min(first + 256, place.count), by: 64) {
            capus_prefetch(next + offset)
        }
    }
}

extension RecordBatchError {
    /// What it means for a batch that its records cannot be decompressed.
    init(_ error: CompressionError, codec: UInt8) {
        switch error {
        case .libraryMissing: self = .compressed(codec, reason: error.description)
        case .corrupt: self = .malformed(error.description)
        case .tooLarge(let limit): self = .tooLarge(limit: limit)
        }
    }
}
