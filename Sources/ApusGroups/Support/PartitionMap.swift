// SPDX-License-Identifier: Apache-2.0

// A set of partitions of several topics.

struct PartitionMap: Sendable, Hashable {
    // Invariant: no set is empty.
    private(set) var sets: [TopicID: Set<Int32>] = [:]
    private(set) var count = 0

    init() {}

    init(_ list: [TopicPartitions]) {
        for each in list {
            for partition in each.partitions { insert(partition, of: each.topic) }
        }
    }

    var isEmpty: Bool { count == 0 }

    /// By topic and partition, ascending.
    var listed: [TopicPartitions] {
        sets.sorted { $0.key < $1.key }
            .map { TopicPartitions(topic: $0.key, partitions: $0.value.sorted()) }
    }

    func contains(_ partition: Int32, of topic: TopicID) -> Bool { sets[topic]?.contains(partition) ?? false }

    mutating func insert(_ partition: Int32, of topic: TopicID) {
        if sets[topic, default: []].insert(partition).inserted { count += 1 }
    }

    mutating func remove(_ partition: Int32, of topic: TopicID) {
        guard sets[topic]?.remove(partition) != nil else { return }
        count -= 1
        if sets[topic]?.isEmpty == true { sets[topic] = nil }
    }

    mutating func formUnion(_ other: PartitionMap) { other.forEach { insert($1, of: $0) } }

    func intersection(_ other: PartitionMap) -> PartitionMap { filter { other.contains($1, of: $0) } }

    func subtracting(_ other: PartitionMap) -> PartitionMap { filter { !other.contains($1, of: $0) } }

    func isDisjoint(with other: PartitionMap) -> Bool { intersection(other).isEmpty }

    func isSubset(of other: PartitionMap) -> Bool { subtracting(other).isEmpty }

    func filter(_ isIncluded: (TopicID, Int32) -> Bool) -> PartitionMap {
        var result = PartitionMap()
        forEach { if isIncluded($0, $1) { result.insert($1, of: $0) } }
        return result
    }

    /// In no particular order.
    func forEach(_ body: (TopicID, Int32) -> Void) {
        for (topic, partitions) in sets {
            for partition in partitions { body(topic, partition) }
        }
    }
}
