// SPDX-License-Identifier: Apache-2.0

// For share groups, whose members can have a partition together.

extension AssignmentTask {
    /// Each partition has a member, and each member that subscribes to a topic that exists has a partition. Where there are more members than
    /// partitions, each partition has about as many as another. As much as can be stays where it is.
    func sharedAssignment() -> [String: PartitionMap] {
        var result = solve(.uniform)
        var sharers: [TopicID: [Int32: Int]] = [:]
        for map in result.values {
            map.forEach { sharers[$0, default: [:]][$1, default: 0] += 1 }
        }
        func isLess(_ left: (TopicID, Int32), _ right: (TopicID, Int32)) -> Bool {
            let counts = (sharers[left.0]?[left.1] ?? 0, sharers[right.0]?[right.1] ?? 0)
            return counts.0 != counts.1 ? counts.0 < counts.1 : left < right
        }
        for member in members where result[member.id]?.isEmpty ?? true {
            let all = member.topics.flatMap { topic in (0..<(shapes[topic] ?? 0)).map { (topic, $0) } }
            guard let least = all.min(by: isLess) else { continue }
            let fewest = sharers[least.0]?[least.1] ?? 0
            // The partition that it had is as good as any, if no more members share it.
            let mine = member.current.listed.lazy
                .flatMap { each in each.partitions.map { (each.topic, $0) } }
                .first { member.topics.contains($0.0) && (sharers[$0.0]?[$0.1] ?? 0) <= fewest }
            let (topic, partition) = mine ?? least
            result[member.id]?.insert(partition, of: topic)
            sharers[topic, default: [:]][partition, default: 0] += 1
        }
        return result
    }
}
