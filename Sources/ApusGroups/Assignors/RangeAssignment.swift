// SPDX-License-Identifier: Apache-2.0

// Each topic in contiguous ranges, by the order of instances and identities.

extension AssignmentTask {
    func rangeAssignment() -> [String: PartitionMap] {
        var result = Dictionary(members.map { ($0.id, PartitionMap()) }) { first, _ in first }
        let inOrder = members.sorted {
            ($0.instanceID == nil ? 1 : 0, $0.instanceID ?? "", $0.id)
                < ($1.instanceID == nil ? 1 : 0, $1.instanceID ?? "", $1.id)
        }
        for (topic, count) in shapes {
            let subscribers = inOrder.filter { $0.topics.contains(topic) }
            guard !subscribers.isEmpty else { continue }
            let (least, extra) = Int(count).quotientAndRemainder(dividingBy: subscribers.count)
            var next: Int32 = 0
            for (place, member) in subscribers.enumerated() {
                let end = next + Int32(least) + (place < extra ? 1 : 0)
                for partition in next..<end { result[member.id]?.insert(partition, of: topic) }
                next = end
            }
        }
        return result
    }
}
