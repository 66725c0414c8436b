// SPDX-License-Identifier: Apache-2.0

// What the simulation knows of topics, subscriptions and rules: what it asked for and what it was told.

import ApusEngine
import ApusModel
import ApusRules
import ApusStorage
import ApusTransport

/// Whether something that was asked for is so.
enum Certainty {
    /// It was said to be done.
    case certain
    /// It is being made or changed, or nobody was told how that ended.
    case uncertain
    case gone
}

/// Which types of events are wanted; all when nil.
struct TypeFilter: Hashable, Sendable {
    var types: Set<String>?

    func matches(_ type: String) -> Bool { types?.contains(type) ?? true }

    var pattern: Pattern? {
        guard let types else { return nil }
        let list = types.sorted().map { "\"\($0)\"" }.joined(separator: ",")
        return try? Pattern(parsing: "{\"type\":[\(list)]}")
    }
}

/// What was in force from one step to another.
struct Version<Value> {
    var value: Value
    var from: Int
    var to: Int?
}

extension [Version<TypeFilter>] {
    /// Whether an event that came at `step` must match: whatever was in force since then matches.
    func mustMatch(_ type: String, since step: Int) -> Bool {
        let relevant = filter { $0.to.map { $0 >= step } ?? true }
        return !relevant.isEmpty && relevant.allSatisfy { $0.value.matches(type) }
    }

    /// Whether anything that was in force since `step` matches.
    func mayMatch(_ type: String, since step: Int) -> Bool {
        contains { ($0.to.map { $0 >= step } ?? true) && $0.value.matches(type) }
    }
}

/// A topic in one of its lives.
final class TopicModel {
    let name: ResourceName
    var settings: TopicSettings
    var id: LogID?
    var certainty = Certainty.uncertain
    let holdsDeadLetters: Bool
    /// Whether events were lost with the power, so that offsets came again.
    var wasCut = false
    /// When that last happened.
    var cutAt = 0
    /// Whether it may have more partitions than at first, so that keys have moved.
    var hasGrown = false

    init(_ name: ResourceName, _ settings: TopicSettings, holdsDeadLetters: Bool = false) {
        self.name = name
        self.settings = settings
        self.holdsDeadLetters = holdsDeadLetters
    }

    func log(_ partition: Int) -> LogID? { id?.member(partition) }
}

/// The place of an event in its topic.
struct Place: Hashable, Comparable {
    var partition: Int
    var offset: Offset

    static func < (left: Place, right: Place) -> Bool {
        (left.partition, left.offset) < (right.partition, right.offset)
    }
}

/// What became of one event at one subscription.
struct PlaceModel {
    /// The next attempt has a greater number than this.
    var attempts = 0
    /// Until when nobody else may get it.
    var leasedUntil: Duration?
    var notBefore: Duration?
    /// Whether its consumer is done with it.
    var isDone = false
    /// Whether its acknowledgement was answered, so that it must not come again.
    var isAcknowledged = false
    /// Dead letters of it that somebody may have redriven, when it last came.
    var redrives = 0
    /// Whether it was pushed successfully in this life of the engine.
    var isPushed = false
}

/// A subscription in one of its lives.
final class SubscriptionModel {
    let name: ResourceName
    let topic: TopicModel
    let rule: ResourceName?
    var settings: SubscriptionSettings
    var certainty = Certainty.uncertain
    var filters: [Version<TypeFilter>]
    let createdAt: Int
    /// When it was known to be there.
    var certainAt = 0
    /// From where on every event has to be delivered, per partition; nil while that is not known.
    var requiredFrom: [Offset]?
    /// Before where no event may be delivered.
    var allowedFrom: [Offset]
    var attemptsMax: Int
    var concurrencyMax: Int
    var places: [Place: PlaceModel] = [:]
    /// What was ever handed out, whatever the subscription was moved to since.
    var handedOut: Set<Place> = []
    /// Counts replays: what was asked before one is about another life of its events.
    var era = 0
    var replays = 0
    /// Counts retries that were asked for, and their answers: what was to wait meanwhile may come at once.
    var retries = 0
    /// Retries without an answer.
    var openRetries = 0
    /// Bounded replays.
    var parts: [ReplayModel] = []
    /// With an end: per partition, from where on nothing may be delivered, and before where it has to be.
    var allowedUntil: [Offset]?
    var requiredUntil: [Offset]?
    /// Replays without an answer: nobody can tell which life of its events a delivery belongs to.
    var openReplays = 0
    var deadLetters: Set<ResourceName>
    /// From when on events are handed out in the order of their keys; nil when they are not, or may not be.
    var orderedSince: Int?
    /// Whether a key may wait for its dead letter, so that a redrive brings the same event again.
    var mayBlock: Bool
    /// Per partition, before where order says nothing.
    var orderedFrom: [Offset] = []
    /// Events whose consumers said that they are done with them, in the present life of the events.
    var finished: Set<Place> = []
    /// Whether events were handed out since a replay was asked for of which nobody knows to which life they belong.
    var hasUnclearDeliveries = false
    /// Cursor kind: what each position may be.
    var cursors: [Int: Set<Offset>] = [:]
    var isCommitting = false

    init(
        _ name: ResourceName, _ topic: TopicModel, _ settings: SubscriptionSettings, _ filter: TypeFilter,
        allowedFrom: [Offset], step: Int, rule: ResourceName? = nil
    ) {
        self.name = name
        self.topic = topic
        self.rule = rule
        self.settings = settings
        self.allowedFrom = allowedFrom
        filters = [Version(value: filter, from: step)]
        createdAt = step
        attemptsMax = settings.attemptsMax
        concurrencyMax = settings.push?.concurrency ?? 0
        mayBlock = settings.ordering?.onDeadLetter == .block
        deadLetters = Set([settings.deadLetter].compactMap { $0 })
    }

    /// Offsets from this one on will come again, with events that were not there when it began.
    func begin(_ partition: Int, notAfter offset: Offset) {
        if partition < allowedFrom.count { allowedFrom[partition] = min(allowedFrom[partition], offset) }
        guard let from = requiredFrom, partition < from.count else { return }
        requiredFrom?[partition] = min(from[partition], offset)
    }

    /// What comes from this offset on was not there when its end was where the topic ended.
    func end(_ partition: Int, notAfter offset: Offset) {
        guard let until = allowedUntil, partition < until.count else { return }
        allowedUntil?[partition] = min(until[partition], offset)
    }

    var isShared: Bool { settings.kind == .shared }

    /// `topic id/partition/offset`, as dead letters and copies name their origin.
    func origin(_ place: Place) -> String {
        "\(topic.id.map(\.description) ?? "?")/\(place.partition)/\(place.offset)"
    }
}

/// What a rule was to do for some time.
struct RuleVersion {
    let settings: RuleSettings
    let filter: TypeFilter
    /// The topics it copies to; none when it is not at work.
    let targets: [TopicModel]
    /// When it was known to be in force.
    var answeredAt: Int?
    /// When something else was known to be in force.
    var endedAt: Int?
}

/// A rule in one of its lives.
final class RuleModel {
    let name: ResourceName
    let topic: TopicModel
    var certainty = Certainty.uncertain
    /// A deletion is a version without targets.
    var versions: [RuleVersion]

    init(_ name: ResourceName, _ topic: TopicModel, _ version: RuleVersion) {
        self.name = name
        self.topic = topic
        versions = [version]
    }

    /// Whether an event that came at `step` must be copied to `target`.
    func mustCopy(_ type: String, since step: Int, to target: TopicModel) -> Bool {
        let relevant = versions.filter { $0.endedAt.map { $0 >= step } ?? true }
        guard let answered = relevant.first?.answeredAt, answered < step else { return false }
        return relevant.allSatisfy { version in
            version.filter.matches(type) && version.targets.contains { $0 === target }
        }
    }

    /// Whether there was ever a reason to copy such an event to `target`.
    func mayCopy(_ type: String, to target: TopicModel) -> Bool {
        versions.contains { version in
            version.filter.matches(type) && version.targets.contains { $0 === target }
        }
    }
}

/// A change of definitions that nobody knows the end of yet.
struct PendingChange {
    let what: String
    /// For each thing that it changes, whether the engine has it as it is to be.
    let probe: (Engine) -> [Bool]
    let commit: (Engine) -> Void
    let abort: () -> Void
}

/// What a consumer holds.
struct HeldLease {
    let subscription: SubscriptionModel
    let token: String
    let place: Place
    let attempt: Int
    let era: Int
}

/// An attempt that a target has not ended.
struct HeldAttempt {
    let attempt: OpenAttempt
    /// Its lease cannot have begun earlier.
    let begun: Duration
    let era: Int
    let subscription: SubscriptionModel?
}
