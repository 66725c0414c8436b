// SPDX-License-Identifier: Apache-2.0

// What a broker tells of the way of single events: who published one, who matched it, every attempt to deliver it, what became of it and of its copies;
// and how events are found by what people know of them.

public import ApusModel
public import ApusRules
public import CloudEvents

/// Says who publishes, if somebody wants to know: for most events nobody does.
public typealias PublishSourceTeller = @Sendable () -> PublishSource

/// The place of an event.
public struct EventPlace: Sendable, Hashable, CustomStringConvertible {
    /// The topic.
    public var topic: ResourceName
    /// The partition.
    public var partition: Int
    /// The place in it.
    public var offset: Offset

    /// The place of an event.
    public init(topic: ResourceName, partition: Int, offset: Offset) {
        (self.topic, self.partition, self.offset) = (topic, partition, offset)
    }

    /// Reads `topic/partition/offset`; nil for anything else.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, let topic = try? ResourceName(String(parts[0])),
            let partition = Int(parts[1]), partition >= 0, let offset = Int64(parts[2]), offset >= 0
        else { return nil }
        self.init(topic: topic, partition: partition, offset: Offset(offset))
    }

    public var description: String { "\(topic)/\(partition)/\(offset)" }
}

/// What the schemas of its topic say of an event.
public enum SchemaVerdict: Sendable, Hashable {
    /// The topic has no events judged.
    case none
    /// It is accepted.
    case accepted
    /// It is not.
    case violated(String)
    /// That cannot be told now.
    case unknown(String)
}

/// How a rule stands to an event.
public struct RuleVerdict: Sendable {
    /// The rule.
    public var name: ResourceName
    /// Whether it is at work.
    public var isEnabled: Bool
    /// Whether it was made, or changed, after the event came: the rule at that time may have decided otherwise.
    public var isNewer: Bool
    /// Whether its pattern, as it is now, matches.
    public var isMatch: Bool
    /// Each condition by itself, where that was asked for.
    public var explanation: MatchExplanation?
    /// Where what matches goes: names of topics, webhooks without their secrets.
    public var targets: [String]
}

/// How far a subscription is with an event.
public struct SubscriptionVerdict: Sendable {
    /// How far it is.
    public enum Standing: String, Sendable, Hashable, CaseIterable {
        /// Done with it: delivered, given up, or passed over.
        case settled
        /// It was not looked at yet.
        case ahead
        /// To be handed out next.
        case ready
        /// Somebody has it.
        case leased
        /// Waits for its next attempt.
        case waiting
        /// Waits for others of its key, or for its turn among them.
        case parked
        /// Being given up.
        case closing
        /// Given up, and its key waits until somebody deals with the dead letter.
        case blocked
        /// The pattern does not match.
        case filtered
        /// The event is for somebody else only.
        case foreign
        /// The event came before the subscription begins.
        case before
    }

    /// The subscription.
    public var name: ResourceName
    /// The rule whose target it serves.
    public var rule: ResourceName?
    /// Whether Apus delivers by itself.
    public var isPush: Bool
    /// How far it is.
    public var standing: Standing
    /// How often the event was handed out so far, while it is not settled.
    public var attempts: Int?
    /// When the next attempt is due.
    public var next: Timestamp?
    /// Each condition of its pattern by itself, where that was asked for.
    public var explanation: MatchExplanation?
}

/// An event that was made of another one.
public struct EventRelative: Sendable {
    /// What it is to the other one.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// A copy made by a rule.
        case copy
        /// A dead letter.
        case deadLetter = "dead letter"
        /// A dead letter that was sent back.
        case redriven
    }

    /// What it is.
    public var kind: Kind
    /// Where it is.
    public var place: EventPlace
    /// When it came there; nil when it cannot be read any more.
    public var time: Timestamp?
    /// What it was made of.
    public var from: String
    /// The rule or the subscription that it was made by or for.
    public var by: String?
    /// What is noted of it itself.
    public var steps: [JourneyStep]
}

/// The way of one event, as far as it is known.
public struct EventJourney: Sendable {
    /// The event.
    public var stored: StoredEvent
    /// Whether steps are noted at all.
    public var isNoted: Bool
    /// Whether everything was looked through that may say something; otherwise steps or relatives may be missing.
    public var isWhole: Bool
    /// What is noted, in the order of time.
    public var steps: [JourneyStep]
    /// What its topic's schemas say of it now.
    public var schema: SchemaVerdict
    /// The rules of its topic.
    public var rules: [RuleVerdict]
    /// The subscriptions of its topic.
    public var subscriptions: [SubscriptionVerdict]
    /// What it was made of, the nearest first.
    public var ancestors: [EventRelative]
    /// What was made of it, in the order of time.
    public var descendants: [EventRelative]
}

/// Which events somebody looks for: those that are everything that is given.
public struct EventSearch: Sendable {
    /// Names of topics, or patterns with `*`; empty for all topics.
    public var topics: [ResourceName] = []
    /// The event's id.
    public var id: String?
    /// The event's key.
    public var key: String?
    /// Its `correlationid`, or the id of the event with which a chain of causes began.
    public var correlation: String?
    /// Its `causationid`: the id of the event that made somebody publish it.
    public var causation: String?
    /// A text that occurs in an attribute or in the data, as it is written.
    public var text: String?
    /// Only events that came at or after this time.
    public var since: Timestamp?
    /// Only events that came before this time.
    public var until: Timestamp?
    /// Where to go on, from the answer before.
    public var rest: EventPlace?

    /// All events.
    public init() {}
}

/// One step of a search.
public struct EventSearchResult: Sendable {
    /// What was found, per partition the newest first.
    public var events: [StoredEvent]
    /// How many events were looked at.
    public var looked: Int64
    /// Where to go on; nil when everything was looked at.
    public var rest: EventPlace?
}

/// Which attempts somebody looks for: those that are everything that is given.
public struct AttemptSearch: Sendable, Hashable {
    /// Only attempts to deliver to this subscription.
    public var subscription: ResourceName?
    /// Only those that failed.
    public var failuresOnly = false
    /// Only those that the target answered with this status.
    public var status: Int?
    /// Only those in whose reason this text occurs, as it is written.
    public var reason: String?
    /// Only those that ended at or after this time.
    public var since: Timestamp?

    /// All attempts, or those of one subscription.
    public init(of subscription: ResourceName? = nil) { self.subscription = subscription }

    /// Whether it looks for such an attempt.
    func matches(_ note: AttemptNote, at time: Timestamp) -> Bool {
        if failuresOnly, !note.outcome.isFailure { return false }
        if let status, note.status != status { return false }
        if let since, time < since { return false }
        return reason.map { note.reason.contains($0) } ?? true
    }
}

/// What is noted of attempts, newest first.
public struct AttemptList: Sendable {
    /// The attempts, with the place of the event: its topic by name, if it is still there.
    public var attempts: [(place: EventPlace?, time: Timestamp, note: AttemptNote)]
    /// Where to go on; nil when everything was looked at.
    public var next: Offset?
}

/// Tells the way of single events.
public protocol JourneyKeeping: Sendable {
    /// Publishes, as ``Broker/publish(_:to:key:completion:)`` does, and notes by whom.
    func publish(
        _ events: [CloudEvent], to topic: ResourceName, key: String?,
        by source: @escaping PublishSourceTeller, completion: @escaping PublishCompletion)
    /// Appends a batch, as ``Broker/append(_:to:partition:completion:)`` does, and notes by whom.
    func append(
        _ batch: consuming RecordBatch, to topic: ResourceName, partition: Int,
        by source: @escaping PublishSourceTeller, completion: @escaping BatchCompletion)
    /// The way of one event. Reads what was noted since it came, and what came shortly after it where its copies go: bounded work.
    ///
    /// - Parameter explaining: whether conditions of rules and subscriptions are told one by one.
    func journey(of place: EventPlace, explaining: Bool) async throws(BrokerError) -> EventJourney
    /// Looks for events, at most `limit`; one step of bounded work.
    func search(_ search: EventSearch, limit: Int) async throws(BrokerError) -> EventSearchResult
    /// Attempts to deliver, newest first, at most `limit`: those before `before`, which is where an answer said to go on. One step of bounded
    /// work.
    func attempts(
        _ search: AttemptSearch, before: Offset?, limit: Int
    ) async throws(BrokerError) -> AttemptList
}

// What a broker says that notes nothing.
extension Broker {
    public func publish(
        _ events: [CloudEvent], to topic: ResourceName, key: String?,
        by source: @escaping PublishSourceTeller, completion: @escaping PublishCompletion
    ) {
        publish(events, to: topic, key: key, completion: completion)
    }

    public func append(
        _ batch: consuming RecordBatch, to topic: ResourceName, partition: Int,
        by source: @escaping PublishSourceTeller, completion: @escaping BatchCompletion
    ) {
        append(batch, to: topic, partition: partition, completion: completion)
    }

    public func journey(
        of place: EventPlace, explaining: Bool
    ) async throws(BrokerError) -> EventJourney {
        throw .invalid("this broker does not tell the journeys of events")
    }

    public func search(_ search: EventSearch, limit: Int) async throws(BrokerError) -> EventSearchResult {
        throw .invalid("this broker does not look for events")
    }

    public func attempts(
        _ search: AttemptSearch, before: Offset?, limit: Int
    ) async throws(BrokerError) -> AttemptList {
        throw .invalid("this broker does not note attempts")
    }
}
