// SPDX-License-Identifier: Apache-2.0

// How full librdkafka's queue is. Once it is full, librdkafka (before 2.2 for up to a second, in later versions by a setting) does not look whether there is room again, and meanwhile asks for retries only,
// an answer that brokers keep back for half a second when there are none. A receiver that handles 64 MiB in less time would have to wait. So retries are not asked for while the
// queue is more than half full, for a while, and librdkafka is made to look again when it is nearly empty.

/// Decides when librdkafka is to stop asking for retries and when it is to look again.
struct ReadAhead {
    /// What the receiver's thread is to do.
    enum Order: Hashable {
        /// Ask for no retries.
        case pauseRetries
        /// Ask for retries again.
        case resumeRetries
        /// Ask for retries again, and for events, there is room.
        case goOn
    }

    /// Brokers keep an answer back for so long when there is nothing; retries wait no longer for the queue than for that.
    static let patience = Duration.milliseconds(500)

    private let recordsMax: Int
    private let bytesMax: Int
    private var isFull = false
    private var pausedSince: ContinuousClock.Instant?

    /// - Parameters:
    ///   - recordsMax: from how many records on librdkafka's queue is full.
    ///   - bytesMax: from how many bytes on.
    init(recordsMax: Int, bytesMax: Int) { (self.recordsMax, self.bytesMax) = (recordsMax, bytesMax) }

    /// Records were taken, and so many are left.
    mutating func taken(
        records: Int, bytes: Int, left: Int, at now: ContinuousClock.Instant
    ) -> Order? {
        // Those that are left are taken to be as large as those that were taken.
        let leftBytes = records > 0 ? left.multipliedReportingOverflow(by: bytes / records).partialValue : 0
        if !isFull {
            guard left > recordsMax / 2 || leftBytes > bytesMax / 2 else { return nil }
            (isFull, pausedSince) = (true, now)
            return .pauseRetries
        }
        if left <= recordsMax / 4, leftBytes <= bytesMax / 4 {
            (isFull, pausedSince) = (false, nil)
            return .goOn
        }
        guard let since = pausedSince, since.duration(to: now) > Self.patience else { return nil }
        pausedSince = nil
        return .resumeRetries
    }
}
