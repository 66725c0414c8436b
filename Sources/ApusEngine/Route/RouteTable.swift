// SPDX-License-Identifier: Apache-2.0

// The rules of one topic that copy to other topics, as its router works by them. One rule is put in or taken out in a time that does not depend
// on how many there are, because a topic may have a hundred thousand.

import ApusModel
import ApusRules
import ApusTransform

/// Where a rule copies to, and what becomes of events before.
struct RouteTarget: Sendable {
    var topic: Topic
    var transformation: Transformation?

    /// Whether an event comes out the same for another target, of the same rule or of another one.
    func isSame(as other: RouteTarget, ofSameRule: Bool) -> Bool {
        topic === other.topic && transformation == other.transformation
            && (ofSameRule || transformation?.namesRule != true)
    }
}

/// The rules of one topic.
struct RouteTable: Sendable {
    struct Route: Sendable {
        var rule: ResourceName
        var pattern: Pattern
        var startOffsets: [Offset]
        var targets: [RouteTarget]
        var matches: Count
    }

    /// By the identifier that the matcher knows them by.
    private(set) var routes = NumberedRoutes()
    private var numbers = NamedDefinitions<Int>()
    private var free: [Int] = []
    /// The topics that copies may go to, with how many rules name each.
    private var uses: [ResourceName: (topic: Topic, count: Int)] = [:]

    /// Where events go that could not be transformed; nil until the first one comes.
    var deadLetters: Topic?

    var isEmpty: Bool { numbers.count == 0 }

    /// The topics that copies and dead letters may go to, each once.
    var targetTopics: [Topic] {
        var topics = uses.values.map(\.topic)
        if let deadLetters, uses[deadLetters.name] == nil { topics.append(deadLetters) }
        return topics.sorted { $0.name < $1.name }
    }

    /// The route of a rule, if it has one.
    func route(of rule: ResourceName) -> Route? { numbers[rule].flatMap { routes[$0] } }

    /// The patterns with their identifiers, in no particular order.
    var patterns: [(id: Int, pattern: Pattern)] {
        numbers.values.compactMap { number in routes[number].map { (number, $0.pattern) } }
    }

    /// All of it as changes to an empty table.
    var changes: [ResourceName: Route?] {
        [ResourceName: Route?](
            uniqueKeysWithValues: numbers.keys.lazy.map { ($0, route(of: $0)) })
    }

    /// Puts in the route of a rule, or takes it out if there is none; says what the matcher is to forget and to learn.
    mutating func set(
        _ rule: ResourceName, to route: Route?
    ) -> (gone: Int?, new: (id: Int, pattern: Pattern)?) {
        let gone = numbers.removeValue(forKey: rule)
        if let gone, let old = routes[gone] {
            for target in old.targets { release(target.topic) }
            routes[gone] = nil
            free.append(gone)
        }
        guard let route else { return (gone, nil) }
        let number = free.popLast() ?? routes.end
        routes[number] = route
        numbers[rule] = number
        for target in route.targets { uses[target.topic.name, default: (target.topic, 0)].count += 1 }
        return (gone, (number, route.pattern))
    }

    private mutating func release(_ target: Topic) {
        guard let use = uses[target.name] else { return }
        uses[target.name] = use.count > 1 ? (use.topic, use.count - 1) : nil
    }

    /// Where to begin in `topic` when no progress was ever noted: where the first rule begins, because whatever came after that and was
    /// not looked at before a crash is still to be looked at.
    func start(of topic: Topic) -> [Offset] {
        topic.ends.enumerated().map { number, end in
            let starts = numbers.values.lazy.compactMap { routes[$0]?.startOffsets }
            return starts.map { number < $0.count ? $0[number] : .zero }.min() ?? end
        }
    }
}

/// Routes by number, in blocks: one more never has all others moved.
struct NumberedRoutes: Sendable {
    private static let blockSize = 512
    private var blocks: [[RouteTable.Route?]] = []
    /// One more than the greatest number there was.
    private(set) var end = 0

    /// The route of a number; setting one is possible for numbers up to `end`.
    subscript(number: Int) -> RouteTable.Route? {
        get { blocks[number / Self.blockSize][number % Self.blockSize] }
        set {
            if number == end {
                if number.isMultiple(of: Self.blockSize) {
                    blocks.append(Array(repeating: nil, count: Self.blockSize))
                }
                end += 1
            }
            blocks[number / Self.blockSize][number % Self.blockSize] = newValue
        }
    }
}

/// Changes of a table that wait until it is written down where they take over.
struct RouteChanges: Sendable {
    /// The rules with their new routes, nil for those that have none any more.
    var routes: [ResourceName: RouteTable.Route?]
    /// Where dead letters go from then on; nil when that stays.
    var deadLetters: Topic??
    /// Tells whether more has come to it.
    var number: UInt64

    /// The topics that copies may go to, those that the table has included.
    func targetTopics(after table: RouteTable) -> [Topic] {
        var topics = table.targetTopics
        var names = Set(topics.map(\.name))
        for case let route? in routes.values {
            for target in route.targets where names.insert(target.topic.name).inserted {
                topics.append(target.topic)
            }
        }
        if case let topic?? = deadLetters, names.insert(topic.name).inserted { topics.append(topic) }
        return topics.sorted { $0.name < $1.name }
    }
}
