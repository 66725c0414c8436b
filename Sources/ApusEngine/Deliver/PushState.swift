// SPDX-License-Identifier: Apache-2.0

// What a subscription that pushes knows of its target: the circuit, the rate, the consent, and the events that are gathered for a batch.

import ApusModel
import ApusTransport

/// What a subscription knows of its target.
struct PushState {
    /// What the receiver said when it was asked.
    enum Consent {
        case unknown
        case asking
        /// Until then, on the monotonic clock.
        case granted(ratePerSecond: Double?, until: Duration)
        case withheld(reason: String)
    }

    var breaker = CircuitBreaker()
    var limiter = RateLimiter()
    var consent = Consent.unknown
    /// Batch mode: handed out, counted, and waiting for company; a moment after which they wait no longer.
    var gathered: [SharedSubscription.Handout] = []
    var gatheredUntil: Duration?
    /// Attempts could not be counted; their slots are to be given back.
    var hasLostHandouts = false
    /// When the subscription wants a turn for one of the above.
    var timer: (deadline: Duration, token: UInt64)?

    /// The rate that holds: the lesser of what was decided here and what the receiver granted.
    func rate(_ settings: PushSettings) -> Double? {
        var rates = [settings.rate.map { Double($0) }].compactMap { $0 }
        if settings.handshake, case .granted(let granted?, _) = consent { rates.append(granted) }
        return rates.min()
    }
}

/// What happened to pushes since the last turn.
enum PushNews: Sendable {
    /// An attempt ended. `arrived` is when the event came into its topic; `seen` is for the journey, where that is noted.
    case ended(LeaseToken, Outcome, arrived: Timestamp, seen: AttemptSighting?)
    /// The event was too old when its turn came; no attempt was made.
    case tooOld(LeaseToken)
    /// The event could not be made what the target gets: no attempt was made.
    case unfit(LeaseToken, reason: String, arrived: Timestamp)
    /// Attempts are counted and wait to be put into a batch.
    case counted([SharedSubscription.Handout])
    /// The attempt that was to be a probe could not be counted.
    case notCounted
    /// What the receiver at this URL said.
    case permission(Permission, url: String)
}
