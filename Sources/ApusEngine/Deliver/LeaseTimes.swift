// SPDX-License-Identifier: Apache-2.0

// How long events are out, added up where leases begin and end, so that averages are right whatever happens between two looks: a receiver that is busy
// for a moment in every five seconds is seen as busy for that moment. A few additions for each lease; the time is asked for once for all of a call.
//
// Invariants:
//  - `held` is the sum of what the `ended` leases have taken, `begins` the sum of the beginnings of those that have not ended.
//  - `now` never goes back. Who does not say what time it is ends leases at the last time that somebody did say, which is never too late.

/// How long leases were held, in tenths of a millisecond.
package struct LeaseTimes: Sendable, Equatable {
    /// So many are a second.
    package static let perSecond: Double = 10_000

    /// What time it is.
    package private(set) var now: Int64 = 0
    /// When somebody last asked for events, on the monotonic clock.
    package private(set) var lastAsked = Duration.zero
    /// Leases that have ended, whatever their outcome.
    package private(set) var ended: Int64 = 0
    /// How long those were held, all together.
    package private(set) var held: Int64 = 0
    private var begins: Int64 = 0

    package init() {}

    /// It is `time`, on the monotonic clock.
    package mutating func tell(_ time: Duration) { now = max(now, LeaseTimes.ticks(time)) }

    /// Somebody asks for events, at `time`.
    package mutating func ask(at time: Duration) {
        tell(time)
        lastAsked = time
    }

    /// A lease begins now.
    ///
    /// - Returns: its beginning, of which half is kept: a lease of more than five days counts as one that is shorter by so much.
    package mutating func begin() -> UInt32 {
        begins += now
        return UInt32(truncatingIfNeeded: now)
    }

    /// A lease that began then ends now.
    package mutating func end(_ began: UInt32) {
        let length = Int64(UInt32(truncatingIfNeeded: now) &- began)
        ended += 1
        held += length
        begins -= now - length
    }

    /// The time of all leases together until now, of which `leased` have not ended: by how much that grows tells how many are out, on average.
    package func occupied(leased: Int) -> Int64 { held + Int64(leased) * now - begins }

    private static func ticks(_ time: Duration) -> Int64 {
        let (seconds, attoseconds) = time.components
        return seconds &* 10_000 &+ attoseconds / 100_000_000_000_000
    }
}
