// SPDX-License-Identifier: Apache-2.0

// One type of events with everything that is known of it: what was declared, where it was seen, by whom it is published, who gets it, and the
// schemas that its data is judged by.

internal import ApusCatalog
internal import ApusModel
internal import ApusSchemas

/// One type of events with everything that is known of it.
struct EventTypeView: Sendable {
    /// A topic that has such events.
    struct Place: Sendable {
        var topic: ResourceName
        /// Whether it was declared.
        var isDeclared = false
        /// Whether there is such a topic.
        var exists = true
        /// What was seen of the type there.
        var sighting: EventSighting?
        /// The rules that copy such events there as they are.
        var rules: [ResourceName] = []
    }

    /// Somebody who was seen to publish such events.
    struct Producer: Sendable {
        var source: EventSource
        var topic: ResourceName
        var seen: SightingCount
    }

    /// Somebody who gets such events.
    struct Consumer: Sendable, Hashable {
        /// What it is.
        enum Kind: String, Sendable, Hashable, CaseIterable {
            /// A subscription that consumers receive from, or read in order.
            case subscription
            /// A subscription that delivers to an address outside, of its own or for a rule.
            case target
            /// A consumer group of Kafka clients.
            case group
            /// A rule.
            case rule
        }

        /// Which events of the type it gets.
        enum Share: String, Sendable, Hashable, CaseIterable {
            /// Every one.
            case all
            /// Those that its pattern accepts, which asks for something else than the type, too.
            case some
        }

        var kind: Kind
        var name: String
        /// Where it gets them from.
        var topic: ResourceName
        var share: Share
        /// Where it passes them on to: an address, an outside topic, or topics.
        var targets: [String] = []
        /// The rule that it delivers for.
        var rule: ResourceName?
        /// Whether it hands nothing out now.
        var isIdle = false
    }

    /// A subject of schemas that the type's data is judged by somewhere.
    struct SchemaUse: Sendable {
        /// Why it is this one.
        enum Reason: String, Sendable, CaseIterable {
            case declared
            case eventType = "event_type"
            case topic
        }

        var subject: SubjectName
        var reason: Reason
        /// The topic that asks for it.
        var topic: ResourceName?
        /// The latest version; nil when nothing is registered.
        var latest: RegisteredSchema?
        var versions: [Int]
    }

    var type: String
    var declaration: EventDeclaration?
    var places: [Place] = []
    var consumers: [Consumer] = []
    var schemas: [SchemaUse] = []

    /// Who was seen to publish them, in each topic.
    var producers: [Producer] {
        places.flatMap { place in
            (place.sighting?.sources ?? [:]).sorted { $0.key < $1.key }.map { source, seen in
                Producer(source: source, topic: place.topic, seen: seen)
            }
        }
    }

    /// What was seen in all topics together; an event that a rule has copied counts in each.
    var seen: SightingCount? {
        var total: SightingCount?
        for place in places {
            guard let seen = place.sighting?.seen else { continue }
            total =
                total.map { sum in
                    var sum = sum
                    sum.add(seen)
                    return sum
                } ?? seen
        }
        return total
    }
}
