// SPDX-License-Identifier: Apache-2.0

// How a subscription is, in a word. It goes by what happens now: one that has recovered is no longer failing, whatever it has been through.

internal import ApusEngine
internal import ApusModel

/// How a subscription is, in a word; the gravest that holds.
enum SubscriptionState: String, Sendable, Hashable, CaseIterable {
    /// It was told to hand out nothing.
    case paused
    /// Its receiver wants no events.
    case noConsent = "no_consent"
    /// It has an end and is done.
    case complete
    /// Its receiver is left alone, or most attempts of the last minute failed.
    case failing
    /// Events wait, and nobody has asked for them for minutes.
    case unread
    /// Its consumers are slow.
    case slow
    /// Some events wait for another attempt.
    case retrying
    /// All is well.
    case ok

    init(_ one: SubscriptionDescription) {
        if one.settings.isPaused {
            self = .paused
        } else if case .withheld? = one.push?.consent {
            self = .noConsent
        } else if one.isComplete {
            self = .complete
        } else if SubscriptionState.isFailing(one) {
            self = .failing
        } else if one.load?.isUnread == true {
            // Before slow: that word is about consumers that there are.
            self = .unread
        } else if one.load?.slowSince != nil {
            self = .slow
        } else {
            self = one.waiting > 0 ? .retrying : .ok
        }
    }

    private static func isFailing(_ one: SubscriptionDescription) -> Bool {
        if let push = one.push, push.circuit != .closed { return true }
        guard let load = one.load else { return one.failed > one.acknowledged && one.waiting > 0 }
        // An event that is given up after its last attempt is counted as both, one whose time was over only as given up.
        let failed = max(load.failed.minute, load.deadLettered.minute)
        return failed > 0.01 && failed > load.acknowledged.minute
    }
}
