// SPDX-License-Identifier: Apache-2.0

// As even as can be, and as much as can be stays where it is. Members that all subscribe to the same get a quota each, in linear time. Otherwise
// partitions go to whoever has the fewest and may have them, and then move from who has many to who has few as long as that evens out.

extension AssignmentTask {
    /// All members subscribe to the same topics: nobody gets more than one partition more than another.
    func evenAssignment() -> [String: PartitionMap] {
        let shared = members[0].topics
        let total = shared.reduce(0) { $0 + Int(shapes[$1] ?? 0) }
        let (least, extra) = total.quotientAndRemainder(dividingBy: members.count)
        var extraLeft = extra
        var kept: [PartitionMap] = []
        var taken = PartitionMap()
        for member in members {
            let valid = stillValid(member.current, of: member, taken: taken)
            let hasExtra = valid.count > least && extraLeft > 0
            if hasExtra { extraLeft -= 1 }
            let mine = firstPartitions(least + (hasExtra ? 1 : 0), of: valid)
            taken.formUnion(mine)
            kept.append(mine)
        }
        // Partition after partition goes to the next member that is short, so that a topic spreads over many.
        var free = self.free(of: shared, taken: taken)[...]
        var isHungry = true
        while isHungry, !free.isEmpty {
            isHungry = false
            for place in kept.indices where kept[place].count < least {
                guard let (topic, partition) = free.popFirst() else { break }
                kept[place].insert(partition, of: topic)
                isHungry = true
            }
        }
        for place in kept.indices where kept[place].count == least {
            guard let (topic, partition) = free.popFirst() else { break }
            kept[place].insert(partition, of: topic)
        }
        return Dictionary(zip(members.map(\.id), kept)) { first, _ in first }
    }

    /// Members subscribe to different topics.
    func balancedAssignment() -> [String: PartitionMap] {
        var subscribers: [TopicID: [Int]] = [:]
        for (place, member) in members.enumerated() {
            for topic in member.topics { subscribers[topic, default: []].append(place) }
        }
        var owner: [TopicID: [Int32: Int]] = [:]
        var loads = [Int](repeating: 0, count: members.count)
        var taken = PartitionMap()
        for (place, member) in members.enumerated() {
            let valid = stillValid(member.current, of: member, taken: taken)
            valid.forEach { owner[$0, default: [:]][$1] = place }
            loads[place] = valid.count
            taken.formUnion(valid)
        }
        func leastLoaded(_ places: [Int]) -> Int? { places.min { (loads[$0], $0) < (loads[$1], $1) } }
        // Topics with few subscribers first: they have the least choice.
        let topics = subscribers.keys.sorted {
            (subscribers[$0]?.count ?? 0, $0) < (subscribers[$1]?.count ?? 0, $1)
        }
        for topic in topics {
            let order = (subscribers[topic] ?? []).sorted { (loads[$0], $0) < (loads[$1], $1) }
            // The first `width` of them have equal loads when a pass over them begins.
            var (width, next) = (1, 0)
            for partition in 0..<(shapes[topic] ?? 0) where !taken.contains(partition, of: topic) {
                if next == width { next = 0 }
                while next == 0, width < order.count, loads[order[width]] <= loads[order[0]] { width += 1 }
                owner[topic, default: [:]][partition] = order[next]
                loads[order[next]] += 1
                next += 1
            }
        }
        // Each move lowers the sum of the squares of the loads, so this ends; the bound is for the time it may take.
        var rounds = 0
        var hasMoved = true
        while hasMoved, rounds < 64 {
            hasMoved = false
            rounds += 1
            for topic in topics {
                let places = subscribers[topic] ?? []
                var least = leastLoaded(places)
                for partition in 0..<(shapes[topic] ?? 0) {
                    guard let from = owner[topic]?[partition], let to = least, loads[from] > loads[to] + 1
                    else { continue }
                    owner[topic]?[partition] = to
                    loads[from] -= 1
                    loads[to] += 1
                    least = leastLoaded(places)
                    hasMoved = true
                }
            }
        }
        var result = members.map { _ in PartitionMap() }
        for (topic, partitions) in owner {
            for (partition, place) in partitions { result[place].insert(partition, of: topic) }
        }
        return Dictionary(zip(members.map(\.id), result)) { first, _ in first }
    }

    // MARK: Pieces

    /// What of `current` exists, is subscribed to, and has not gone to another.
    private func stillValid(_ current: PartitionMap, of member: Member, taken: PartitionMap) -> PartitionMap {
        current.filter { topic, partition in
            member.topics.contains(topic) && partition < (shapes[topic] ?? 0)
                && !taken.contains(partition, of: topic)
        }
    }

    private func firstPartitions(_ count: Int, of map: PartitionMap) -> PartitionMap {
        guard map.count > count else { return map }
        var left = count
        var result = PartitionMap()
        for each in map.listed {
            for partition in each.partitions.prefix(left) { result.insert(partition, of: each.topic) }
            left -= min(left, each.partitions.count)
        }
        return result
    }

    private func free(of topics: Set<TopicID>, taken: PartitionMap) -> [(TopicID, Int32)] {
        topics.sorted().flatMap { topic in
            (0..<(shapes[topic] ?? 0)).lazy.filter { !taken.contains($0, of: topic) }.map { (topic, $0) }
        }
    }
}
