// SPDX-License-Identifier: Apache-2.0

// Checks of everything stored, for `doctor`: every batch of every segment, of an open store or of a folder that nobody
// has open.

public import ApusModel
public import Logging
import Synchronization

/// What checking a log's segments found.
public struct LogVerification: Hashable, Sendable {
    /// A stretch of a segment that is no whole batch.
    public struct Damage: Hashable, Sendable {
        /// The segment's file.
        public var file: String
        /// Where in it the damage begins, in bytes.
        public var position: Int64
        /// The first offset that is affected.
        public var offset: Offset
        /// The first whole offset after; nil when nothing whole follows in the segment.
        public var next: Offset?
        /// What is wrong.
        public var reason: String
    }

    /// The log.
    public var log: LogID
    /// Whole batches found.
    public var batches = 0
    /// Bytes looked at.
    public var bytes: Int64 = 0
    /// Everything that is not whole, in order.
    public var damage: [Damage] = []
    /// Ranges of offsets known to have been lost before.
    public var lost: [Range<Offset>] = []

    /// Whether nothing is wrong.
    public var isSound: Bool { damage.isEmpty && lost.isEmpty }
}

extension FileLogStore {
    /// Checks every batch of `log` that has reached a segment. Appends and reads go on meanwhile.
    ///
    /// - Parameter progress: called now and then with the bytes checked so far and the bytes in all.
    public func verify(
        _ log: LogID, progress: (_ done: Int64, _ total: Int64) -> Void = { _, _ in }
    ) throws(LogError) -> LogVerification {
        let files = shared.withLock { state in state.slotOf[log].flatMap { state.slots[$0]?.files } }
        guard let files else { throw .unknownLog(log) }
        do throws(DiskError) { return try files.verify(progress) } catch { throw LogError(error) }
    }

    /// Checks every batch in the segments of a store's folder that no process has open. Changes nothing; what only the
    /// journal holds is not looked at.
    public static func verify(
        directory: String, logger: Logger,
        progress: (_ log: LogID, _ done: Int64, _ total: Int64) -> Void = { _, _, _ in }
    ) throws(LogError) -> [LogVerification] {
        do throws(DiskError) {
            let disk = PosixDisk()
            let lock = try disk.lock(directory + "/lock")
            defer { withExtendedLifetime(lock) {} }
            let environment = LogEnvironment(
                disk: disk, cache: DescriptorCache(disk, limit: 64), logger: logger, quarantined: Counter())
            var found: [LogVerification] = []
            for name in try disk.list(directory + "/logs").sorted() {
                guard let id = LogID(name) else { continue }
                let log = try LogFiles.open(
                    id, in: directory + "/logs", fallback: nil, now: Timestamp(milliseconds: 0),
                    environment)
                guard case .log(let files) = log else { continue }
                found.append(try files.verify { progress(id, $0, $1) })
            }
            return found
        } catch { throw LogError(error) }
    }
}

extension LogFiles {
    fileprivate func verify(_ progress: (Int64, Int64) -> Void) throws(DiskError) -> LogVerification {
        let (segments, gaps) = state.withLock { ($0.segments, $0.meta.gaps) }
        let total = segments.reduce(0) { $0 + $1.bytes }
        var result = LogVerification(log: id)
        result.lost = gaps.map { $0.from..<$0.to }
        for (number, segment) in segments.enumerated() {
            let next = number + 1 < segments.count ? segments[number + 1].base : nil
            try verify(segment, ceiling: next, &result) { progress($0, total) }
        }
        progress(total, total)
        return result
    }

    private func verify(
        _ segment: SegmentState, ceiling: Offset?, _ result: inout LogVerification,
        _ progress: (Int64) -> Void
    ) throws(DiskError) {
        let before = result.bytes
        let file = path(segment.base, .log)
        var scanner = SegmentScanner(
            log: try environment.disk.open(file, .read), limit: segment.bytes,
            sums: try readOnlySums(segment.base),
            from: IndexEntry.start(of: segment.base), ceiling: ceiling ?? Offset(.max))
        while true {
            switch try scanner.next() {
            case .batch(let facts):
                result.batches += 1
                result.bytes = before + facts.position + Int64(facts.length)
                if result.batches % 4096 == 0 { progress(result.bytes) }
            case .damage(let damage):
                let offset = damage.resume.map(\.base) ?? scanner.expected
                result.damage.append(
                    LogVerification.Damage(
                        file: file, position: damage.position, offset: min(offset, scanner.expected),
                        next: damage.resume?.base, reason: damage.reason))
            case .end:
                result.bytes = before + segment.bytes
                return
            }
        }
    }

    private func readOnlySums(_ base: Offset) throws(DiskError) -> (file: any DiskFile, limit: Int64)? {
        guard try environment.disk.size(of: path(base, .sums)) != nil else { return nil }
        let file = try environment.disk.open(path(base, .sums), .read)
        return (file, try file.size())
    }
}
