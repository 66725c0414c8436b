// SPDX-License-Identifier: Apache-2.0

// Batches into segments. What a segment is known to hold changes only after the write has succeeded, and a write is
// at a known position: a failed one is repeated over whatever it left.

import ApusModel
import NIOCore
import Synchronization

/// Memory for one writer, reused for all logs.
final class SegmentScratch {
    static let bytesMax = 256 << 10

    let log = AlignedBuffer(capacity: SegmentScratch.bytesMax)
    let sums = AlignedBuffer(capacity: 4096)
    let index = AlignedBuffer(capacity: 4096)
}

extension LogFiles {
    /// Writes those of `batches` (in order) that have not been written yet; durable only after a sync.
    ///
    /// - Parameter startsWriting: whether the system is to begin to bring it to the disk, however little it is.
    func write(
        _ batches: some Collection<SegmentBatch>, _ configuration: LogConfiguration, now: Timestamp,
        startsWriting: Bool = false, _ scratch: SegmentScratch
    ) throws(DiskError) {
        try state.withLock { (state: inout State) throws(DiskError) in
            guard !state.isDeleted else { return }
            if state.doubt != nil || state.hasMore { try makeGood(&state) }
            var run = SegmentRun(scratch)
            run.hintBytes = startsWriting ? 1 : SegmentRun.hintBytesMin
            // By their ends and not their beginnings: the log may start in the middle of the first one.
            for item in batches where item.next > state.end {
                let length = Int64(item.batch.length)
                let isInPlace = item.batch.length >= SegmentRun.inPlaceBytesMin
                if !fits(item, Int64(run.logBytes) + length, state, configuration, now) {
                    try flush(&run, &state, state.segments.count - 1)
                    try begin(at: item.base, &state, now: now)
                } else if isInPlace || run.rest != nil || run.logBytes + Int(length) > SegmentScratch.bytesMax
                {
                    try flush(&run, &state, state.segments.count - 1)
                }
                run.add(item, to: state.segments[state.segments.count - 1], isInPlace: isInPlace)
            }
            try flush(&run, &state, state.segments.count - 1)
        }
    }

    /// Removes what a failed write may have left after what is known to be written; durable on return.
    func cutBack() throws(DiskError) {
        try state.withLock { (state: inout State) throws(DiskError) in
            guard !state.isDeleted, let active = state.segments.last else { return }
            let log = try file(active.base, .log)
            try log.truncate(to: active.bytes)
            try log.sync()
        }
    }

    /// Adds `batches` to the segment numbered `number`, whatever its size: recovery's way to mend one.
    func append(
        _ batches: [SegmentBatch], to number: Int, _ state: inout State, _ scratch: SegmentScratch
    ) throws(DiskError) {
        var run = SegmentRun(scratch)
        for item in batches {
            if run.logBytes + item.batch.length > SegmentScratch.bytesMax { try flush(&run, &state, number) }
            run.add(item, to: state.segments[number])
        }
        try flush(&run, &state, number)
    }

    private func fits(
        _ item: SegmentBatch, _ added: Int64, _ state: State, _ configuration: LogConfiguration,
        _ now: Timestamp
    ) -> Bool {
        guard !state.isSealed, let active = state.segments.last else { return false }
        if active.bytes == 0, added == Int64(item.batch.length) { return true }
        return active.bytes + added <= Int64(configuration.segmentBytesMax)
            && item.next.rawValue - active.base.rawValue <= Int64(UInt32.max)
            && active.created.duration(to: now) <= configuration.segmentAgeMax
    }

    private func begin(at base: Offset, _ state: inout State, now: Timestamp) throws(DiskError) {
        try close(&state)
        if state.segments.last?.base == base {
            // Opened and never filled, or given up on before anything in it was durable.
            state.segments.removeLast()
        }
        for kind in SegmentFormat.Kind.allCases {
            // Most logs are short and never need an index, and making a file is what a log's first segment costs.
            if kind == .index, try environment.disk.size(of: path(base, kind)) == nil { continue }
            let file = try file(base, kind)
            if try file.size() > 0 { try file.truncate(to: 0) }
        }
        state.hasChangedNames = true
        state.segments.append(SegmentState(base: base, created: now))
        state.isSealed = false
    }

    /// Ends the last segment with an index entry that tells its totals.
    func close(_ state: inout State) throws(DiskError) {
        guard !state.isSealed, let last = state.segments.indices.last else { return }
        if state.segments[last].bytes > 0 {
            if state.segments[last].written.indexEntries == 0 { state.hasChangedNames = true }
            try writeFooter(&state.segments[last])
        }
        state.isSealed = true
    }

    /// Writes what a batch has after its base offset.
    private func write(
        _ rest: SegmentBatch, to log: any DiskFile, at position: Int64
    ) throws(DiskError) {
        let result = rest.batch.bytes.withUnsafeReadableBytes { bytes in
            Result { () throws(DiskError) in
                try log.write(
                    UnsafeRawBufferPointer(rebasing: bytes[SegmentRun.placeBytes...]), at: position)
            }
        }
        try result.get()
    }

    private func writeFooter(_ segment: inout SegmentState) throws(DiskError) {
        let file = try file(segment.base, .index)
        let entry = IndexEntry(
            offset: segment.end, position: segment.bytes, ordinal: segment.written.batches,
            maxTimestampBefore: segment.written.maxTimestamp)
        var failure: DiskError?
        withUnsafeTemporaryAllocation(byteCount: SegmentFormat.indexEntryBytes, alignment: 8) { bytes in
            entry.write(to: bytes, base: segment.base)
            let position = Int64(segment.written.indexEntries * SegmentFormat.indexEntryBytes)
            do throws(DiskError) { try file.write(UnsafeRawBufferPointer(bytes), at: position) } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        segment.written.indexEntries += 1
        segment.written.lastIndexed = segment.bytes
    }

    fileprivate func flush(_ run: inout SegmentRun, _ state: inout State, _ number: Int) throws(DiskError) {
        guard run.logBytes > 0, state.segments.indices.contains(number) else { return }
        let segment = state.segments[number]
        do throws(DiskError) {
            // Sums first: a batch without its sum would be checked less strictly.
            let sums = try file(segment.base, .sums)
            let sumsPosition = Int64(segment.written.batches * SegmentFormat.sumBytes)
            try sums.write(run.sums, at: sumsPosition)
            let log = try file(segment.base, .log)
            try log.write(run.log, at: segment.bytes)
            if let rest = run.rest { try write(rest, to: log, at: segment.bytes + Int64(run.log.count)) }
            if run.logBytes >= run.hintBytes { log.hintSync(from: segment.bytes, count: run.logBytes) }
            if run.sumBytes >= run.hintBytes { sums.hintSync(from: sumsPosition, count: run.sumBytes) }
            if run.indexBytes > 0 {
                if segment.written.indexEntries == 0 { state.hasChangedNames = true }
                try file(segment.base, .index).write(
                    run.index, at: Int64(segment.written.indexEntries * SegmentFormat.indexEntryBytes))
            }
        } catch {
            // Next time it may go to another segment, and what is here then would be read as damage.
            state.segments[number].mayHoldMore = true
            state.hasMore = true
            throw error
        }
        state.segments[number].written = run.mark
        state.end = max(state.end, run.mark.end)
        run.clear()
    }
}

/// Batches gathered for one write.
struct SegmentRun {
    private let scratch: SegmentScratch
    private(set) var logBytes = 0
    /// A large batch that is written from where it is; only its base offset is among the gathered bytes.
    private(set) var rest: SegmentBatch?
    private(set) var sumBytes = 0
    private(set) var indexBytes = 0
    /// From this many bytes on the system is asked to begin to bring a file to the disk.
    var hintBytes = SegmentRun.hintBytesMin
    /// How far the segment will have been written.
    private(set) var mark = DurableMark(end: .zero)

    init(_ scratch: SegmentScratch) { self.scratch = scratch }

    static let hintBytesMin = SegmentScratch.bytesMax / 2
    /// A batch of this size is better written from where it is.
    static let inPlaceBytesMin = 64 << 10
    /// A batch begins with its base offset, which is all that makes it differ from what was appended.
    static let placeBytes = 8

    var log: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(
            rebasing: scratch.log.bytes[..<(rest == nil ? logBytes : SegmentRun.placeBytes)])
    }
    var sums: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: scratch.sums.bytes[..<sumBytes]) }
    var index: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: scratch.index.bytes[..<indexBytes]) }

    mutating func clear() {
        (logBytes, sumBytes, indexBytes, rest) = (0, 0, 0, nil)
        scratch.log.shrink(to: SegmentScratch.bytesMax)
    }

    /// Adds a batch.
    ///
    /// - Parameter isInPlace: whether it is written from where it is. It has to be alone in its run then.
    mutating func add(_ item: SegmentBatch, to segment: SegmentState, isInPlace: Bool = false) {
        if logBytes == 0 { mark = segment.written }
        if mark.bytes - mark.lastIndexed >= Int64(SegmentFormat.indexStep) {
            addIndexEntry(item, segment.base)
        }
        let length = item.batch.length
        if isInPlace { rest = item }
        let copied = isInPlace ? RecordBatch.headerLength : length
        scratch.log.reserve(logBytes + copied, keeping: logBytes)
        item.batch.bytes.withUnsafeReadableBytes { source in
            guard let from = source.baseAddress, let to = scratch.log.bytes.baseAddress else { return }
            (to + logBytes).copyMemory(from: from, byteCount: copied)
        }
        scratch.log.bytes.storeBytes(
            of: item.base.rawValue.bigEndian, toByteOffset: logBytes, as: Int64.self)
        scratch.sums.reserve(sumBytes + SegmentFormat.sumBytes, keeping: sumBytes)
        scratch.sums.bytes.store(
            crc32c(scratch.log.bytes, logBytes, RecordBatch.uncheckedLength), at: sumBytes)
        sumBytes += SegmentFormat.sumBytes
        logBytes += length
        mark.bytes += Int64(length)
        mark.batches += 1
        mark.end = item.next
        mark.maxTimestamp = max(mark.maxTimestamp, item.batch.maxTimestamp)
    }

    private mutating func addIndexEntry(_ item: SegmentBatch, _ base: Offset) {
        let entry = IndexEntry(
            offset: item.base, position: mark.bytes, ordinal: mark.batches,
            maxTimestampBefore: mark.maxTimestamp)
        scratch.index.reserve(indexBytes + SegmentFormat.indexEntryBytes, keeping: indexBytes)
        entry.write(
            to: UnsafeMutableRawBufferPointer(rebasing: scratch.index.bytes[indexBytes...]), base: base)
        indexBytes += SegmentFormat.indexEntryBytes
        mark.indexEntries += 1
        mark.lastIndexed = mark.bytes
    }
}
