// SPDX-License-Identifier: Apache-2.0

// The positions of all groups: the fold of their log. Besides positions that are committed there are those that will be if a transaction commits;
// they are kept by the producer whose transaction it is, because one producer has one transaction at a time, and its end names the producer.

import ApusModel

/// What groups have committed.
struct OffsetTable: StateFold {
    /// One group.
    struct Group: Sendable {
        var positions: [OffsetPlace: CommittedOffset] = [:]
        /// By producer id, what its transaction will commit.
        var pending: [Int64: [OffsetPlace: CommittedOffset]] = [:]
        /// When the group last committed something or was known to have members.
        var active = Timestamp(milliseconds: .min)

        var isEmpty: Bool { positions.isEmpty && pending.isEmpty }

        func isPending(_ place: OffsetPlace) -> Bool { pending.values.contains { $0[place] != nil } }
    }

    private(set) var groups: [String: Group] = [:]
    /// The groups with positions that wait for the end of this producer's transaction.
    private(set) var producers: [Int64: Set<String>] = [:]
    /// How many positions there are in each topic.
    private(set) var topics: [LogID: Int] = [:]
    /// No more bytes than this are in a snapshot.
    private(set) var bytes = 0

    init() {}

    // MARK: Changes

    mutating func apply(_ change: OffsetChange) {
        switch change {
        case .reset: self = OffsetTable()
        case .committed(let group, let positions):
            edit(group) { group, count in
                for (place, position) in positions {
                    // What a transaction wanted before this is overtaken.
                    for producer in group.pending.keys {
                        if let old = group.pending[producer]?.removeValue(forKey: place) {
                            count(place, old, -1)
                        }
                    }
                    group.commit(position, at: place, count)
                }
            }
            forgetDecided(group)
        case .pending(let group, let producerID, let positions):
            producers[producerID, default: []].insert(group)
            edit(group) { group, count in
                for (place, position) in positions {
                    if let old = group.pending[producerID, default: [:]].updateValue(position, forKey: place)
                    {
                        count(place, old, -1)
                    }
                    count(place, position, 1)
                    group.active = max(group.active, position.time)
                }
            }
        case .ended(let producerID, let isCommit):
            for group in producers.removeValue(forKey: producerID) ?? [] {
                edit(group) { group, count in
                    for (place, position) in group.pending.removeValue(forKey: producerID) ?? [:] {
                        count(place, position, -1)
                        if isCommit { group.commit(position, at: place, count) }
                    }
                }
            }
        case .deleted(let group, let places):
            edit(group) { group, count in
                for place in places {
                    if let old = group.positions.removeValue(forKey: place) { count(place, old, -1) }
                }
            }
        case .groupDeleted(let group): forget(group)
        case .expired(let group, let time):
            if let found = groups[group], found.active < time, found.pending.isEmpty { forget(group) }
        case .topicDeleted(let topic):
            guard topics[topic] != nil else { return }
            for group in Array(groups.keys) {
                edit(group) { $0.forget(topic, $1) }
                forgetDecided(group)
            }
        case .touched(let group, let time):
            if let active = groups[group]?.active { groups[group]?.active = max(active, time) }
        }
    }

    /// Bytes that a position takes in a snapshot at most: five numbers and its metadata, and the topic if it is the only one there.
    static func bytes(_ position: CommittedOffset) -> Int { 60 + position.metadata.utf8.count }

    /// Bytes that a group takes besides its positions.
    static func bytes(_ group: String) -> Int { 64 + 2 * group.utf8.count }

    fileprivate typealias Counting = (OffsetPlace, CommittedOffset, Int) -> Void

    private mutating func edit(_ name: String, _ body: (inout Group, Counting) -> Void) {
        // Taken out, so that it is changed in place.
        let found = groups.removeValue(forKey: name)
        if found == nil { bytes += OffsetTable.bytes(name) }
        var group = found ?? Group()
        let pendingBefore = group.pending.count
        var (grown, counts) = (0, [LogID: Int]())
        body(&group) { place, position, count in
            grown += count * OffsetTable.bytes(position)
            counts[place.topic, default: 0] += count
        }
        // Each producer's positions stand by themselves, with the group's name.
        bytes += grown + (group.pending.count - pendingBefore) * OffsetTable.bytes(name)
        for (topic, count) in counts where count != 0 {
            let left = (topics[topic] ?? 0) + count
            topics[topic] = left > 0 ? left : nil
        }
        if group.isEmpty { bytes -= OffsetTable.bytes(name) } else { groups[name] = group }
    }

    private mutating func forget(_ name: String) {
        for producer in groups[name]?.pending.keys.sorted() ?? [] {
            producers[producer]?.remove(name)
            if producers[producer]?.isEmpty == true { producers[producer] = nil }
        }
        guard groups[name] != nil else { return }
        edit(name) { group, count in
            for (place, position) in group.positions { count(place, position, -1) }
            for positions in group.pending.values {
                for (place, position) in positions { count(place, position, -1) }
            }
            group = Group()
        }
    }

    /// Takes out what no position waits for any more.
    private mutating func forgetDecided(_ name: String) {
        for (producer, positions) in groups[name]?.pending ?? [:] where positions.isEmpty {
            edit(name) { group, _ in group.pending[producer] = nil }
            producers[producer]?.remove(name)
            if producers[producer]?.isEmpty == true { producers[producer] = nil }
        }
    }

    // MARK: Snapshots

    func forEachChange(_ body: (OffsetChange) -> Bool) {
        for (name, group) in groups {
            if !group.positions.isEmpty, !body(.committed(group: name, group.positions)) { return }
            for (producer, positions) in group.pending {
                guard body(.pending(group: name, producerID: producer, positions)) else { return }
            }
            guard body(.touched(group: name, group.active)) else { return }
        }
    }
}

extension OffsetTable.Group {
    fileprivate mutating func commit(
        _ position: CommittedOffset, at place: OffsetPlace, _ count: OffsetTable.Counting
    ) {
        if let old = positions.updateValue(position, forKey: place) { count(place, old, -1) }
        count(place, position, 1)
        active = max(active, position.time)
    }

    fileprivate mutating func forget(_ topic: LogID, _ count: OffsetTable.Counting) {
        for (place, position) in positions where place.topic == topic {
            positions[place] = nil
            count(place, position, -1)
        }
        for (producer, wanted) in pending {
            for (place, position) in wanted where place.topic == topic {
                pending[producer]?[place] = nil
                count(place, position, -1)
            }
        }
    }
}
