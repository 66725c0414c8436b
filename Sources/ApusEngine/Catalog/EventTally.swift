// SPDX-License-Identifier: Apache-2.0

// What one look at a topic has seen, while it looks: records are told apart by the bytes of their headers, and only what is new becomes text.

import ApusCatalog
import ApusModel
import CloudEvents

/// Counts records of one topic by type and producer.
struct EventTally {
    private struct Key: Hashable {
        var type: String
        var source: EventSource
    }

    private let topic: ResourceName
    private var counts: [Key: SightingCount] = [:]
    /// The bytes of the last type and source, and what they amounted to: events of one kind come in rows.
    private var lastType: [UInt8] = []
    private var lastSource: [UInt8] = []
    private var lastKey: Key?
    private var seen: SightingCount?

    /// Whether anything was counted.
    var isEmpty: Bool { counts.isEmpty && seen == nil }

    init(topic: ResourceName) { self.topic = topic }

    /// Counts a record.
    ///
    /// - Parameter isOfKafka: whether its batch shows that a Kafka client has made it.
    mutating func add(_ record: RecordView, partition: Int, isOfKafka: Bool) {
        var (type, source): (UnsafeRawBufferPointer?, UnsafeRawBufferPointer?)
        var (isCopy, isAside, waited) = (false, false, false)
        record.forEachHeader { name, value in
            switch name.count {
            case 7 where name.elementsEqual("ce_type".utf8): type = value
            case 9 where name.elementsEqual("ce_source".utf8): source = value
            default:
                guard name.count > 5, name.starts(with: LineageHeader.prefix) else { return true }
                if name.elementsEqual(LineageHeader.originBytes) { isCopy = true }
                if name.elementsEqual(LineageHeader.scheduleBytes) { waited = true }
                // Dead letters, what was quarantined, and what is sent again: nobody has published those here.
                if name.elementsEqual(LineageHeader.reason.utf8)
                    || name.elementsEqual(LineageHeader.recipientBytes)
                {
                    isAside = true
                }
            }
            return true
        }
        guard !isAside else { return }
        let time = record.timestamp.rawValue
        if let type, let source {
            let way: EventWay? = isCopy ? .rule : isOfKafka && !waited ? .kafka : nil
            count(type, source, way, time)
        } else {
            // Attributes in the value, or none at all: only a Kafka client writes such records.
            let event = CloudEvent(record: record, topic: topic, partition: partition)
            count(Key(type: event.type, source: EventSource(event.source, .kafka)), time)
        }
    }

    private mutating func count(
        _ type: UnsafeRawBufferPointer, _ source: UnsafeRawBufferPointer, _ way: EventWay?, _ time: Int64
    ) {
        if let key = lastKey, key.source.way == way, type.elementsEqual(lastType),
            source.elementsEqual(lastSource), seen != nil
        {
            seen?.add(SightingCount(first: time, last: time))
            return
        }
        flush()
        lastType = Array(type)
        lastSource = Array(source)
        lastKey = Key(
            type: String(decoding: type, as: UTF8.self),
            source: EventSource(String(decoding: source, as: UTF8.self), way))
        seen = SightingCount(first: time, last: time)
    }

    private mutating func count(_ key: Key, _ time: Int64) {
        counts[key, default: SightingCount(count: 0, first: time, last: time)]
            .add(SightingCount(first: time, last: time))
    }

    private mutating func flush() {
        guard let key = lastKey, let seen else { return }
        counts[key, default: SightingCount(count: 0, first: seen.first, last: seen.last)].add(seen)
        (lastKey, self.seen) = (nil, nil)
    }

    /// What was seen, by type.
    mutating func finish() -> [String: EventSighting] {
        flush()
        var types: [String: EventSighting] = [:]
        for (key, seen) in counts {
            if types[key.type] == nil {
                types[key.type] = EventSighting(seen: seen)
            } else {
                types[key.type]?.seen.add(seen)
            }
            types[key.type]?.sources[key.source] = seen
        }
        return types
    }
}
