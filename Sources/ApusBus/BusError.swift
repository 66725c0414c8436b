// SPDX-License-Identifier: Apache-2.0

// What can go wrong between a program and its broker, whichever that is. Closed: what a program should do next (wait, give up, look) must not
// depend on the broker.

/// Why the bus did not do as asked.
public enum BusError: Error, Sendable, Hashable {
    /// The broker cannot do this at all; says what it lacks and, where that is known, which others have it.
    case missing(MissingFeatures)
    /// What was asked is not possible; says why and what would be.
    case invalid(String)
    /// The broker will not have it, however often it is asked: a schema, a permission, a policy; says which.
    case refused(String)
    /// Who this is was not believed, or may not do this.
    case unauthorized(String)
    /// There is no such topic, subscription or queue, and it does not come into being by itself.
    case unknown(String)
    /// The event is larger than the broker takes.
    case tooLarge(bytes: Int, limit: Int)
    /// The position is before what is kept.
    case trimmed(start: Int64)
    /// Not now: nothing happened, and the same call can succeed later.
    case unavailable(String)
    /// The connection went before the answer came: it may have happened or not. Repeating it can make a second event.
    case undecided(String)
    /// Some events of a call were published and others not; one outcome for each, in order.
    case partial([Result<Receipt, Failure>])
    /// The bus was closed.
    case closed

    /// Why one event of a call was not published.
    public struct Failure: Error, Sendable, Hashable {
        /// For a person.
        public var reason: String
        /// Whether the same event may be accepted later.
        public var isRetryable: Bool

        /// Why one event of a call was not published.
        public init(reason: String, isRetryable: Bool) {
            self.reason = reason
            self.isRetryable = isRetryable
        }
    }
}

extension BusError {
    /// What a transport says that lacks one feature.
    public static func unsupported(_ feature: Feature, transport: String) -> BusError {
        .missing(MissingFeatures(transport: transport, needs: [.init(feature: feature)]))
    }

    /// Whether this says that a broker lacks a feature.
    public func isLack(of feature: Feature, in transport: String) -> Bool {
        guard case .missing(let missing) = self else { return false }
        return missing.transport == transport && missing.needs.contains { $0.feature == feature }
    }

    /// Whether the same call can succeed later without anybody changing anything.
    public var isRetryable: Bool {
        switch self {
        case .unavailable, .undecided: true
        case .partial(let outcomes):
            outcomes.contains { if case .failure(let failure) = $0 { failure.isRetryable } else { false } }
        case .missing, .invalid, .refused, .unauthorized, .unknown, .tooLarge, .trimmed, .closed: false
        }
    }
}

extension BusError {
    /// What a call that failed after a part of its events had been published says of each of the others: they may go again, unless it is events that the broker
    /// will not have.
    public func ofEvent() -> Failure {
        let isAboutEvents =
            switch self {
            case .invalid, .refused, .tooLarge: true
            default: false
            }
        return Failure(reason: description, isRetryable: isRetryable || !isAboutEvents)
    }
}

extension BusError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .missing(let missing): missing.description
        case .invalid(let reason), .refused(let reason), .unauthorized(let reason), .unavailable(let reason),
            .undecided(let reason):
            reason
        case .unknown(let what): "there is no \(what)"
        case .tooLarge(let bytes, let limit): "\(bytes) bytes are more than the limit of \(limit)"
        case .trimmed(let start): "events before offset \(start) are no longer kept"
        case .partial(let outcomes):
            "\(outcomes.count { if case .failure = $0 { true } else { false } }) of \(outcomes.count) events were not published"
        case .closed: "the bus is closed"
        }
    }
}

extension Feature {
    /// A few words for a person.
    public var title: String {
        switch self {
        case .orderByKey: "order by key"
        case .replay: "replay"
        case .delay: "delayed events"
        case .cancelDelayed: "cancelling delayed events"
        case .delayedRetry: "delayed retry"
        case .countsCrashes: "attempts that count through crashes"
        case .leases: "leases"
        case .filterByType: "filters on the type"
        case .filterByContent: "filters on content"
        case .rules: "rules"
        case .webhooks: "webhooks"
        case .recurring: "recurring events"
        case .offsets: "offsets"
        case .deduplication: "de-duplication"
        case .transactions: "transactions"
        case .temporarySubscriptions: "temporary subscriptions"
        case .managedSubscriptions: "making and deleting subscriptions"
        case .deadLetters: "reading dead letters"
        }
    }
}
