// SPDX-License-Identifier: Apache-2.0

// A rule tried over the stored history of its topic: what would match and where it would go, without anything going there. A trial
// is made in steps of bounded work; each says what is left, so that whoever asks can show progress, stop, and go on.

public import ApusModel

/// What one step of a trial found.
public struct RuleTrial: Sendable, Hashable {
    /// A part of one partition that is still to be looked at.
    public struct Span: Sendable, Hashable {
        /// The partition.
        public var partition: Int
        /// The first offset to look at.
        public var next: Offset
        /// The offset after the last.
        public var end: Offset

        /// A part of one partition.
        public init(partition: Int, next: Offset, end: Offset) {
            self.partition = partition
            self.next = next
            self.end = end
        }
    }

    /// Where an event would go.
    public struct Destination: Sendable, Hashable {
        /// A place for events.
        public enum Place: Sendable, Hashable {
            /// This partition of a topic.
            case topic(ResourceName, partition: Int)
            /// An outside address.
            case webhook(url: String)
        }

        /// Where it would go.
        public var place: Place
        /// Why it would become a dead letter instead: it cannot be transformed as the target wants it.
        public var failure: String?

        /// Where an event would go.
        public init(_ place: Place, failure: String? = nil) {
            self.place = place
            self.failure = failure
        }
    }

    /// An event that would match.
    public struct Match: Sendable, Hashable {
        /// The event.
        public var stored: StoredEvent
        /// Where it would go, by the rule's targets in their order.
        public var destinations: [Destination]
    }

    /// Events looked at.
    public var looked: Int64
    /// Events that matched.
    public var matched: Int64
    /// How often something was passed over that cannot be read, or that retention forgot meanwhile.
    public var unreadable: Int64
    /// Events that matched, as many as were asked for: the first of each partition, or the newest of all, the newest first, where the newest
    /// events are what the rule is tried on.
    public var matches: [Match]
    /// What is left to look at; empty at the end.
    public var rest: [Span]
}

/// Which part of its topic's history a rule is tried over.
public enum RuleTrialRange: Sendable, Hashable {
    /// From one position up to another, which is not part of it; both as they are now.
    case between(StartPosition, StartPosition)
    /// The newest events of all partitions together, by the time of their arrival, as they are now.
    case newest(Int64)
    /// What a step before left; `isNewest` where it began with ``newest(_:)``.
    case rest([RuleTrial.Span], isNewest: Bool = false)

    /// Whether the newest of the events that match are shown.
    public var showsNewest: Bool {
        switch self {
        case .between: false
        case .newest: true
        case .rest(_, let isNewest): isNewest
        }
    }
}
