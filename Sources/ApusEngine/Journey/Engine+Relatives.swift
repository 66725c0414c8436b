// SPDX-License-Identifier: Apache-2.0

// What an event was made of, and what was made of it. Each copy names what it was copied from, so the way back is read from one to the next; the way
// forth is looked for where rules, dead letters and redrives lead, shortly after the event came.

import ApusModel
import ApusStorage
import CloudEvents
import Synchronization

/// A search for what was made of an event.
struct RelativeSearch {
    /// Relatives that are told of.
    static let foundMax = 64
    /// From one to the next, how far it is looked.
    static let depthMax = 4
    /// From an event to what it was made of, how far it is looked.
    static let ancestorsMax = 32
    /// Bytes that are looked through in all, and in one partition for the copies of one event.
    static let bytesMax = 64 << 20
    static let partitionBytesMax = 4 << 20

    /// When the event came.
    var since: Timestamp
    var found: [EventRelative] = []
    var budget = RelativeSearch.bytesMax
    /// Whether everything was looked at.
    var isWhole = true

    init(since: Timestamp) { self.since = since }

    var places: [EventPlace] { found.map(\.place) }

    /// What was found, in the order in which it came; what cannot be read any more at the end.
    var inOrder: [EventRelative] {
        found.sorted { left, right in
            (left.time?.rawValue ?? .max, left.place.offset)
                < (right.time?.rawValue ?? .max, right.place.offset)
        }
    }

    /// Takes one in; false when it is known, or there are too many.
    mutating func add(_ relative: EventRelative) -> Bool {
        guard !found.contains(where: { $0.place == relative.place }) else { return false }
        guard found.count < RelativeSearch.foundMax else {
            isWhole = false
            return false
        }
        found.append(relative)
        return true
    }
}

extension Engine {
    /// What an event was made of, the nearest first.
    func ancestors(of stored: StoredEvent) -> [EventRelative] {
        var ancestors: [EventRelative] = []
        var current = stored
        while ancestors.count < RelativeSearch.ancestorsMax, let lineage = current.lineage,
            let place = lineage.from.flatMap({ EventPlace($0) })
        {
            let kind: EventRelative.Kind =
                current.header(LineageHeader.recipient) != nil
                ? .redriven : current.header(LineageHeader.reason) != nil ? .deadLetter : .copy
            let by = current.header(LineageHeader.subscription) ?? lineage.rule ?? lineage.recipient
            let found = try? requirePartition(place.topic, place.partition)
            let parent = found.flatMap { try? event(at: place.offset, of: $0.0, $0.1)?.0 }
            // By name: a topic that was made again has other events at these places.
            let isSame =
                parent.map { parent in
                    parent.timestamp <= current.timestamp && parent.event.id == current.event.id
                } ?? false
            ancestors.append(
                EventRelative(
                    kind: kind, place: place, time: isSame ? parent?.timestamp : nil, from: "\(place)",
                    by: by,
                    steps: []))
            guard isSame, let parent else { break }
            current = parent
        }
        return ancestors
    }

    /// Looks for what was made of an event, and of that, and so on.
    func findRelatives(
        of stored: StoredEvent, in topic: Topic, _ search: inout RelativeSearch
    ) throws(BrokerError) {
        var next = [(stored: stored, topic: topic)]
        for _ in 0..<RelativeSearch.depthMax where !next.isEmpty {
            var found: [(StoredEvent, Topic)] = []
            for parent in next {
                for target in leads(from: parent.topic) {
                    found += try copies(of: parent.stored, in: target, &search).map { ($0, target) }
                }
            }
            next = found.map { (stored: $0.0, topic: $0.1) }
        }
        if !next.isEmpty { search.isWhole = false }
    }

    /// Takes in a dead letter that is known by name, with what was made of it.
    func adopt(
        _ place: EventPlace, of parent: EventPlace, _ search: inout RelativeSearch
    ) throws(BrokerError) {
        guard let topic = topicAtWork(place.topic), topic.partitions.indices.contains(place.partition) else {
            return
        }
        let letter = try event(at: place.offset, of: topic, topic.partitions[place.partition])?.0
        let relative = EventRelative(
            kind: .deadLetter, place: place, time: letter?.timestamp, from: "\(parent)",
            by: letter?.header(LineageHeader.subscription), steps: [])
        guard search.add(relative), let letter else { return }
        try findRelatives(of: letter, in: topic, &search)
    }

    /// Where events of a topic may be copied to.
    private func leads(from topic: Topic) -> [Topic] {
        catalog.withLock { catalog in
            var names: Set<ResourceName> = []
            for rule in catalog.definitions.rules.values where rule.settings.topic == topic.name {
                names.formUnion(rule.settings.targets.compactMap(\.topic))
                if let letters = topic.name.deadLetter { names.insert(letters) }
            }
            for subscription in catalog.definitions.subscriptions.values {
                if subscription.settings.topic == topic.name { names.insert(subscription.deadLetter) }
                // From a dead-letter topic events go back to where they were given up.
                if subscription.deadLetter == topic.name { names.insert(subscription.settings.topic) }
            }
            return names.compactMap { catalog.topics[$0] }.sorted { $0.name < $1.name }
        }
    }

    /// What of a topic was copied from an event.
    private func copies(
        of stored: StoredEvent, in topic: Topic, _ search: inout RelativeSearch
    ) throws(BrokerError) -> [StoredEvent] {
        let place = EventPlace(topic: stored.topic, partition: stored.partition, offset: stored.offset)
        let wanted = Array(place.description.utf8)
        var found: [StoredEvent] = []
        for partition in topic.partitions {
            let since = search.found.isEmpty ? search.since : min(search.since, stored.timestamp)
            var offset = max(partition.start, try resolve(.time(since), in: partition))
            var left = min(search.budget, RelativeSearch.partitionBytesMax)
            let end = partition.signal.end
            while offset < end {
                guard left > 0, !isStopped, !Task.isCancelled else {
                    search.isWhole = false
                    break
                }
                let before = left
                let stretch = offset..<min(end, offset.advanced(by: 1024))
                try forEachEvent(in: partition, of: topic, stretch, &left) { record in
                    guard record.withHeader(LineageHeader.placeBytes, { $0.elementsEqual(wanted) }) ?? false
                    else { return }
                    found.append(StoredEvent(record: record, topic: topic.name, partition: partition.number))
                }
                search.budget -= before - left
                offset = stretch.upperBound
            }
        }
        return found.filter { copy in
            let isRedriven = copy.header(LineageHeader.recipient) != nil
            let isLetter = copy.header(LineageHeader.reason) != nil
            return search.add(
                EventRelative(
                    kind: isRedriven ? .redriven : isLetter ? .deadLetter : .copy,
                    place: EventPlace(topic: copy.topic, partition: copy.partition, offset: copy.offset),
                    time: copy.timestamp, from: "\(place)",
                    by: copy.header(LineageHeader.subscription) ?? copy.header(LineageHeader.rule)
                        ?? copy.header(LineageHeader.recipient), steps: []))
        }
    }
}

extension StoredEvent {
    /// The text of one of the headers that Apus writes beside an event.
    fileprivate func header(_ name: String) -> String? {
        headers.first { $0.name == name }?.value.map { String(decoding: $0, as: UTF8.self) }
    }
}
