// SPDX-License-Identifier: Apache-2.0

// Where delayed events wait: in logs by the time at which they are due, fine ones for what is near and coarse ones for what is far. So what
// is far costs no memory, and what is near is found by looking through few logs.

import ApusModel
import ApusStorage
import Synchronization

/// The due times that lie together in one log.
struct ScheduleSpan: Hashable, Sendable, Comparable {
    /// The width in milliseconds: ten minutes, an hour or a day.
    var width: Int64
    /// The first due time, in milliseconds since 1970; a multiple of the width.
    var start: Int64

    var end: Int64 { start + width }

    /// The span for what is due at `due`, seen at `now`: the further away, the wider.
    init(due: Int64, now: Int64) {
        // What is overdue lies with what is due now: earlier logs may be gone.
        let due = max(due, now)
        width = due - now < 2 * 3_600_000 ? 600_000 : due - now < 48 * 3_600_000 ? 3_600_000 : 86_400_000
        start = due - due % width
    }

    init(width: Int64, start: Int64) {
        self.width = width
        self.start = start
    }

    static func < (left: ScheduleSpan, right: ScheduleSpan) -> Bool {
        (left.start, left.width) < (right.start, right.width)
    }
}

/// A waiting event's place in the order in which they become due: the time first, and the place in the logs to tell apart what is due at the
/// same time.
struct ScheduleKey: Hashable, Comparable, Sendable {
    var due: Int64
    var bucket: Int
    var offset: Int64

    static let first = ScheduleKey(due: .min, bucket: .min, offset: .min)

    /// Before everything that is due at `due`.
    static func at(_ due: Int64) -> ScheduleKey { ScheduleKey(due: due, bucket: .min, offset: .min) }

    static func < (left: ScheduleKey, right: ScheduleKey) -> Bool {
        if left.due != right.due { return left.due < right.due }
        return (left.bucket, left.offset) < (right.bucket, right.offset)
    }

    var id: String { "\(bucket)-\(offset)" }
}

extension ScheduleKey {
    /// Bucket and offset of an id; nil for anything else.
    static func place(of id: some StringProtocol) -> (bucket: Int, offset: Int64)? {
        let parts = id.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let bucket = Int(parts[0]), let offset = Int64(parts[1]), bucket >= 0,
            offset >= 0
        else { return nil }
        return (bucket, offset)
    }
}

/// One log of waiting events.
final class ScheduleBucket: Sendable {
    /// The family of the logs of waiting events; the last member is the ledger.
    static let family = LogID(high: 0x6170_7573, low: 2 << 24)
    static let ledgerLog = family.member(0xFF_FFFF)
    /// How many buckets can be numbered before numbers come again.
    static let numbersMax = 0xFF_FFFE

    let number: Int
    let span: ScheduleSpan
    let claim: LogClaim
    let signal: AdvanceSignal
    /// Appends under way: until they have ended nobody knows what is in the log.
    private let underWay = Atomic<Int>(0)

    var log: LogID { claim.log }

    /// Claims the log, which is made if there is none. `grown` is called when it has more.
    init(
        number: Int, span: ScheduleSpan, store: any LogStore, grown: @escaping @Sendable () -> Void
    ) throws(LogError) {
        self.number = number
        self.span = span
        let signal = AdvanceSignal(observer: grown)
        self.signal = signal
        let log = ScheduleBucket.family.member(number)
        claim = try store.claim(log, LogConfiguration(segmentBytesMax: 64 << 20)) { signal.advanced(to: $0) }
        signal.advanced(to: try store.bounds(log).end)
    }

    /// The key of an event here. What was overdue when it was accepted counts as due at the start of the span: nothing of a bucket comes
    /// before that, also when the clock has gone back.
    func key(due: Int64, offset: Int64) -> ScheduleKey {
        ScheduleKey(due: max(due, span.start), bucket: number, offset: offset)
    }

    func begin() { underWay.add(1, ordering: .acquiringAndReleasing) }
    func end() { underWay.subtract(1, ordering: .acquiringAndReleasing) }
    var isQuiet: Bool { underWay.load(ordering: .acquiring) == 0 }
}
