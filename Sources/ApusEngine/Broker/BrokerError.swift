// SPDX-License-Identifier: Apache-2.0

// What can go wrong between a gateway and the engine. Closed, so that each gateway's translation into its protocol's own
// errors is a switch that the compiler keeps complete.

public import ApusModel
import ApusStorage

/// Why the broker did not do as asked.
public enum BrokerError: Error, Sendable, Hashable {
    /// No such topic.
    case unknownTopic(ResourceName)
    /// No such partition of an existing topic.
    case unknownPartition(ResourceName, Int)
    /// No such subscription.
    case unknownSubscription(ResourceName)
    /// No such rule.
    case unknownRule(ResourceName)
    /// No such recurring schedule.
    case unknownSchedule(ResourceName)
    /// No such connection to an outside broker.
    case unknownConnection(ResourceName)
    /// No such feed.
    case unknownFeed(ResourceName)
    /// No event of this id waits for its time: it was published or cancelled, or there never was one.
    case unknownWaitingEvent(String)
    /// The request contradicts what exists; says how.
    case conflict(String)
    /// The request is well-formed and still not possible; says why.
    case invalid(String)
    /// A batch or an event is larger than allowed.
    case tooLarge(bytes: Int, limit: Int)
    /// The position is before what is kept.
    case trimmed(start: Offset)
    /// The position is after the end.
    case beyondEnd(end: Offset)
    /// A stored batch fails verification; reading can go on at `next`.
    case corrupt(offset: Offset, next: Offset, reason: String)
    /// Cannot now: nothing was stored, and the same request can succeed later.
    case unavailable(Unavailability)
    /// The disk failed in a way that only a person can mend.
    case storage(String)
    /// Schemas do not accept the events; nothing was stored.
    case violations(SchemaRefusal)
    /// Some partitions of a batch have their events and others not.
    case partial([Result<PublishReceipt, PartialFailure>])

    /// Why a request can be repeated later.
    public enum Unavailability: Sendable, Hashable {
        /// No space is left on the disk.
        case diskFull
        /// The disk refused to write or flush; the store goes on trying.
        case diskFailed(String)
        /// The disk fails for so long that the answer cannot wait: the events are not stored now, and may be found after a restart.
        case undecided(String)
        /// More waits to be written than the limit allows.
        case overloaded
        /// The server is stopping.
        case stopping
        /// A topic or subscription that exists could not be opened, which is tried again by itself; says which and why.
        case notOpen(String)
    }

    /// Why one event of a batch was not stored.
    public struct PartialFailure: Error, Sendable, Hashable {
        /// For a person.
        public var reason: String
    }
}

extension BrokerError {
    /// Whether the same request can succeed later without anybody changing anything.
    public var isRetryable: Bool {
        switch self {
        case .unavailable, .partial: true
        case .unknownTopic, .unknownPartition, .unknownSubscription, .unknownRule, .unknownSchedule,
            .unknownConnection, .unknownFeed, .unknownWaitingEvent, .conflict, .invalid,
            .tooLarge, .violations,
            .trimmed, .beyondEnd, .corrupt, .storage:
            false
        }
    }

    /// What the store's error means to somebody who reads: a disk that fails to read loses nothing that was accepted.
    init(reading error: LogError) {
        if case .failed(let reason) = error {
            self = .storage("cannot be read: \(reason)")
        } else {
            self = BrokerError(error)
        }
    }

    /// What the store's error means to somebody who writes.
    init(_ error: LogError) {
        switch error {
        case .trimmed(let start): self = .trimmed(start: start)
        case .beyondEnd(let end): self = .beyondEnd(end: end)
        case .corrupt(_, let offset, let next, let reason):
            self = .corrupt(offset: offset, next: next, reason: reason)
        case .diskFull: self = .unavailable(.diskFull)
        case .overloaded: self = .unavailable(.overloaded)
        case .failed(let reason): self = .unavailable(.diskFailed(reason))
        case .undecided(let reason): self = .unavailable(.undecided(reason))
        case .closed: self = .unavailable(.stopping)
        case .tooLarge(let bytes, let limit): self = .tooLarge(bytes: bytes, limit: limit)
        case .unknownLog(let log): self = .storage("log \(log) is gone")
        case .fenced(let log): self = .storage("log \(log) has another writer")
        }
    }
}

extension BrokerError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unknownTopic(let name): "there is no topic '\(name)'"
        case .unknownPartition(let name, let number): "topic '\(name)' has no partition \(number)"
        case .unknownSubscription(let name): "there is no subscription '\(name)'"
        case .unknownRule(let name): "there is no rule '\(name)'"
        case .unknownSchedule(let name): "there is no schedule '\(name)'"
        case .unknownConnection(let name): "there is no connection '\(name)'"
        case .unknownFeed(let name): "there is no feed '\(name)'"
        case .unknownWaitingEvent(let id): "no event '\(id.prefix(80))' waits for its time"
        case .conflict(let reason), .invalid(let reason): reason
        case .tooLarge(let bytes, let limit): "\(bytes) bytes are more than the limit of \(limit)"
        case .trimmed(let start): "events before offset \(start) are no longer kept"
        case .beyondEnd(let end): "the partition ends at offset \(end)"
        case .corrupt(let offset, let next, let reason):
            "the stored batch at offset \(offset) is damaged (\(reason)); reading can go on at offset \(next)"
        case .unavailable(.diskFull): "the disk is full: nothing was stored; reads and acknowledgements go on"
        case .unavailable(.diskFailed(let reason)): "the disk failed: \(reason); nothing was stored"
        case .unavailable(.undecided(let reason)):
            "the disk goes on failing: \(reason); whether it was stored shows after a restart"
        case .unavailable(.overloaded): "more waits to be written than the limit allows; nothing was stored"
        case .unavailable(.stopping): "the server is stopping"
        case .unavailable(.notOpen(let reason)): reason
        case .storage(let reason): "storage: \(reason)"
        case .violations(let refusal): refusal.description
        case .partial(let results):
            "\(results.count(where: { if case .failure = $0 { true } else { false } })) of \(results.count) events were not stored"
        }
    }
}
