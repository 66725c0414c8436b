// SPDX-License-Identifier: Apache-2.0

// What somebody should be woken for: raised once, cleared once. Between the two lies a band, so that a figure that wavers about its threshold
// makes one alarm and not a hundred.

public import ApusModel

/// Something that is not as it should be, and since when.
public struct Alarm: Sendable, Hashable {
    /// What kind it is.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// So little space is left on the disk that publishes are refused.
        case diskFull = "disk_full"
        /// Little space is left on the disk.
        case diskLow = "disk_low"
        /// A subscription is behind for longer, or by more, than it should be.
        case slowConsumer = "slow_consumer"
    }

    /// What kind it is.
    public var kind: Kind
    /// What it is about, such as `subscription billing`.
    public var subject: String
    /// Since when.
    public var since: Timestamp
    /// What is the matter, with figures.
    public var text: String

    /// Something that is not as it should be.
    public init(_ kind: Kind, _ subject: String, since: Timestamp, _ text: String) {
        self.kind = kind
        self.subject = subject
        self.since = since
        self.text = text
    }
}

/// From when on a subscription counts as a slow consumer.
public struct AlarmSettings: Sendable, Hashable {
    /// The age of its oldest event that is not settled; nil for no limit.
    public var age: Duration?
    /// How many events it has neither settled nor handed out; nil for no limit.
    public var backlog: Int64?

    /// From when on a subscription counts as a slow consumer.
    public init(age: Duration? = Defaults.slowConsumerAge, backlog: Int64? = Defaults.slowConsumerBacklog) {
        self.age = age
        self.backlog = backlog
    }
}

/// Which subscriptions are slow consumers. A value: what was seen comes in, what changed goes out.
struct SlowConsumerWatch: Sendable {
    /// What was seen of one subscription.
    struct Sight: Sendable, Hashable {
        var id: LogID
        var name: ResourceName
        var settings: AlarmSettings
        var backlog: Int64
        /// How long its oldest event has waited; nil when none waits, or it is not known.
        var age: Duration?
        /// Whether nobody expects it to go on: paused, or complete.
        var isExcused: Bool
    }

    /// What changed.
    enum Change: Sendable, Hashable {
        case raised(Sight)
        case cleared(name: ResourceName)
    }

    private struct Standing {
        var sight: Sight
        /// Looks in a row that said the opposite of what is.
        var doubts = 0
        var since: Timestamp?
    }

    /// An alarm is cleared below this part of its threshold.
    private static let band = 0.8
    /// It takes this many looks in a row to raise or clear one.
    private static let looks = 2

    private var standings: [LogID: Standing] = [:]

    /// Takes in a look at all subscriptions.
    mutating func look(_ sights: [Sight], at wall: Timestamp) -> [Change] {
        var changes: [Change] = []
        var noted: [LogID: Standing] = [:]
        for sight in sights {
            var standing = standings.removeValue(forKey: sight.id) ?? Standing(sight: sight)
            standing.sight = sight
            let isSlow = SlowConsumerWatch.isSlow(sight, isRaised: standing.since != nil)
            standing.doubts = isSlow == (standing.since != nil) ? 0 : standing.doubts + 1
            // Who is excused is so at once.
            if standing.doubts >= (sight.isExcused ? 1 : SlowConsumerWatch.looks) {
                standing.doubts = 0
                standing.since = isSlow ? wall : nil
                changes.append(isSlow ? .raised(sight) : .cleared(name: sight.name))
            }
            // Most are well, and nothing has to be remembered of them.
            if standing.since != nil || standing.doubts > 0 { noted[sight.id] = standing }
        }
        for gone in standings.values where gone.since != nil {
            changes.append(.cleared(name: gone.sight.name))
        }
        standings = noted
        return changes
    }

    private static func isSlow(_ sight: Sight, isRaised: Bool) -> Bool {
        guard !sight.isExcused else { return false }
        let band = isRaised ? SlowConsumerWatch.band : 1
        if let limit = sight.settings.age, let age = sight.age, age.seconds >= limit.seconds * band {
            return true
        }
        if let limit = sight.settings.backlog, Double(sight.backlog) >= Double(limit) * band { return true }
        return false
    }

    /// Since when a subscription is slow.
    func since(_ id: LogID) -> Timestamp? { standings[id]?.since }

    /// The alarms that are raised, by name.
    var alarms: [Alarm] {
        standings.values.compactMap { standing in
            standing.since.map {
                Alarm(
                    .slowConsumer, "subscription \(standing.sight.name)", since: $0,
                    SlowConsumerWatch.text(standing.sight))
            }
        }.sorted { $0.subject < $1.subject }
    }

    /// What is the matter with a slow consumer.
    static func text(_ sight: Sight) -> String {
        let events = sight.backlog == 1 ? "1 event waits" : "\(sight.backlog) events wait"
        guard let age = sight.age else { return events }
        return "\(events), and the oldest that is not settled came \(DurationText.about(age)) ago"
    }
}
