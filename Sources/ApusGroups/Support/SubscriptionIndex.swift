// SPDX-License-Identifier: Apache-2.0

// Which topics the members of a group subscribe to, by name and by regular expression.

struct SubscriptionIndex {
    /// Topics with their number of partitions.
    typealias Shapes = [TopicID: Int32]

    /// The topics of each member that exist.
    private(set) var topics: [String: Set<TopicID>] = [:]
    /// All of them.
    private(set) var shapes: Shapes = [:]
    /// What each expression that a member subscribes by matches.
    private(set) var matches: [String: Shapes] = [:]

    private let catalog: TopicCatalog
    private let known: [String: Shapes]

    /// `known` are matches in the same catalog, so that not every change of a group goes through all topics.
    init(catalog: TopicCatalog, known: [String: Shapes] = [:]) {
        self.catalog = catalog
        self.known = known
    }

    /// Adds what a member subscribes to. An expression that cannot be parsed matches nothing; members with one are refused before.
    mutating func add(_ member: String, names: [String], regex: String?) {
        var found: Set<TopicID> = []
        for name in names {
            guard let topic = catalog.topics[name] else { continue }
            found.insert(topic.id)
            shapes[topic.id] = topic.partitionCount
        }
        if let regex { found.formUnion(matching(regex).keys) }
        topics[member] = found
    }

    private mutating func matching(_ regex: String) -> Shapes {
        if let found = matches[regex] { return found }
        var found: Shapes = [:]
        if let before = known[regex] {
            found = before
        } else if let pattern = try? TopicPattern(regex) {
            for (name, topic) in catalog.topics where pattern.matches(name) {
                found[topic.id] = topic.partitionCount
            }
        }
        shapes.merge(found) { first, _ in first }
        matches[regex] = found
        return found
    }
}
