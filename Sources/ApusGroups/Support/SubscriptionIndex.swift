// SPDX-License-Identifier: Apache-2.0

// Which topics the members of a group subscribe to, by name and by regular expression.

struct SubscriptionIndex {
    /// The topics of each member that exist.
    private(set) var topics: [String: Set<TopicID>] = [:]
    /// The number of partitions of each of them.
    private(set) var shapes: [TopicID: Int32] = [:]

    private var matches: [String: Set<TopicID>] = [:]
    private let catalog: TopicCatalog

    init(catalog: TopicCatalog) { self.catalog = catalog }

    /// Adds what a member subscribes to. An expression that cannot be parsed matches nothing; members with one are refused before.
    mutating func add(_ member: String, names: [String], regex: String?) {
        var found: Set<TopicID> = []
        for name in names {
            guard let topic = catalog.topics[name] else { continue }
            found.insert(topic.id)
            shapes[topic.id] = topic.partitionCount
        }
        if let regex { found.formUnion(matching(regex)) }
        topics[member] = found
    }

    private mutating func matching(_ regex: String) -> Set<TopicID> {
        if let known = matches[regex] { return known }
        var found: Set<TopicID> = []
        if let pattern = try? TopicPattern(regex) {
            for (name, topic) in catalog.topics where pattern.matches(name) {
                found.insert(topic.id)
                shapes[topic.id] = topic.partitionCount
            }
        }
        matches[regex] = found
        return found
    }
}
