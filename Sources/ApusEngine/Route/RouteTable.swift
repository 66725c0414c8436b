// SPDX-License-Identifier: Apache-2.0

// The rules of one topic that copy to other topics, as its router works by them. One rule is put in or taken out in a time that does not depend
// on how many there are, because a topic may have a hundred thousand.

import ApusModel
import ApusRules

/// The rules of one topic.
struct RouteTable: Sendable {
    struct Route: Sendable {
        var rule: ResourceName
        var pattern: Pattern
        var startOffsets: [Offset]
        var targets: [Topic]
        var matches: Count
    }

    /// By the identifier that the matcher knows them by.
    private(set) var routes: [Route?] = []
    private var numbers: [ResourceName: Int] = [:]
    private var free: [Int] = []
    /// The topics that copies may go to, with how many rules name each.
    private var uses: [ResourceName: (topic: Topic, count: Int)] = [:]

    var isEmpty: Bool { numbers.isEmpty }

    /// The topics that copies may go to, each once.
    var targetTopics: [Topic] { uses.values.map(\.topic).sorted { $0.name < $1.name } }

    /// The patterns with their identifiers, in no particular order.
    var patterns: [(id: Int, pattern: Pattern)] {
        numbers.values.compactMap { number in routes[number].map { (number, $0.pattern) } }
    }

    /// All of it as changes to an empty table.
    var changes: [ResourceName: Route?] {
        numbers.mapValues { routes[$0] }
    }

    /// Puts in the route of a rule, or takes it out if there is none; says what the matcher is to forget and to learn.
    mutating func set(
        _ rule: ResourceName, to route: Route?
    ) -> (gone: Int?, new: (id: Int, pattern: Pattern)?) {
        let gone = numbers.removeValue(forKey: rule)
        if let gone, let old = routes[gone] {
            for target in old.targets { release(target) }
            routes[gone] = nil
            free.append(gone)
        }
        guard let route else { return (gone, nil) }
        let number = free.popLast() ?? routes.count
        if number == routes.count { routes.append(route) } else { routes[number] = route }
        numbers[rule] = number
        for target in route.targets { uses[target.name, default: (target, 0)].count += 1 }
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
            let starts = routes.lazy.compactMap { $0?.startOffsets }
            return starts.map { number < $0.count ? $0[number] : .zero }.min() ?? end
        }
    }
}

/// Changes of a table that wait until it is written down where they take over.
struct RouteChanges: Sendable {
    /// The rules with their new routes, nil for those that have none any more.
    var routes: [ResourceName: RouteTable.Route?]
    /// Tells whether more has come to it.
    var number: UInt64

    /// The topics that copies may go to, those that the table has included.
    func targetTopics(after table: RouteTable) -> [Topic] {
        var topics = table.targetTopics
        var names = Set(topics.map(\.name))
        for case let route? in routes.values {
            for target in route.targets where names.insert(target.name).inserted { topics.append(target) }
        }
        return topics.sorted { $0.name < $1.name }
    }
}
