// SPDX-License-Identifier: Apache-2.0

// What the log of groups' positions says. Binary, because one is written for every commit: an operation byte, texts with their lengths,
// zig-zag varints. Positions lie together by topic, so that the topic's identity is written once.

import ApusModel
import NIOCore

/// A partition of a topic, by identity: a topic made again under its name is another one.
struct OffsetPlace: Hashable, Comparable, Sendable {
    var topic: LogID
    var partition: Int32

    static func < (left: OffsetPlace, right: OffsetPlace) -> Bool {
        left.topic != right.topic ? left.topic < right.topic : left.partition < right.partition
    }
}

/// One thing that happened to the positions of groups and must outlive the process.
enum OffsetChange: StateChange, Hashable {
    /// Forget everything: a snapshot follows in the same batch.
    case reset
    /// The group has come so far.
    case committed(group: String, [OffsetPlace: CommittedOffset])
    /// The group has come so far if the transaction of this producer commits.
    case pending(group: String, producerID: Int64, [OffsetPlace: CommittedOffset])
    /// The transaction of this producer was decided.
    case ended(producerID: Int64, isCommit: Bool)
    /// These positions of the group are forgotten.
    case deleted(group: String, [OffsetPlace])
    /// Everything of the group is forgotten.
    case groupDeleted(group: String)
    /// The group is forgotten, unless it has done something since this time.
    case expired(group: String, before: Timestamp)
    /// The topic is gone.
    case topicDeleted(LogID)
    /// The group had members at this time.
    case touched(group: String, Timestamp)

    private enum Operation: UInt8 {
        case reset = 0, committed, pending, ended, deleted, groupDeleted, expired, topicDeleted, touched
    }

    func encode(into buffer: inout ByteBuffer) {
        switch self {
        case .reset: buffer.writeInteger(Operation.reset.rawValue)
        case .committed(let group, let positions):
            buffer.writeInteger(Operation.committed.rawValue)
            buffer.writeText(group)
            buffer.writePositions(positions)
        case .pending(let group, let producerID, let positions):
            buffer.writeInteger(Operation.pending.rawValue)
            buffer.writeText(group)
            buffer.writeVarint(producerID)
            buffer.writePositions(positions)
        case .ended(let producerID, let isCommit):
            buffer.writeInteger(Operation.ended.rawValue)
            buffer.writeVarint(producerID)
            buffer.writeVarint(isCommit ? 1 : 0)
        case .deleted(let group, let places):
            buffer.writeInteger(Operation.deleted.rawValue)
            buffer.writeText(group)
            buffer.writeVarint(Int64(places.count))
            for place in places {
                buffer.writeIdentity(place.topic)
                buffer.writeVarint(Int64(place.partition))
            }
        case .groupDeleted(let group):
            buffer.writeInteger(Operation.groupDeleted.rawValue)
            buffer.writeText(group)
        case .expired(let group, let time):
            buffer.writeInteger(Operation.expired.rawValue)
            buffer.writeText(group)
            buffer.writeVarint(time.rawValue)
        case .topicDeleted(let topic):
            buffer.writeInteger(Operation.topicDeleted.rawValue)
            buffer.writeIdentity(topic)
        case .touched(let group, let time):
            buffer.writeInteger(Operation.touched.rawValue)
            buffer.writeText(group)
            buffer.writeVarint(time.rawValue)
        }
    }

    static func decode(_ bytes: UnsafeRawBufferPointer) -> [OffsetChange]? {
        var reader = ByteReader(bytes)
        var changes: [OffsetChange] = []
        while reader.remaining > 0 {
            guard let change = decodeOne(&reader) else { return nil }
            changes.append(change)
        }
        return changes
    }

    private static func decodeOne(_ reader: inout ByteReader) -> OffsetChange? {
        guard let byte: UInt8 = reader.integer(), let operation = Operation(rawValue: byte) else {
            return nil
        }
        switch operation {
        case .reset: return .reset
        case .topicDeleted: return reader.identity().map { .topicDeleted($0) }
        case .ended:
            guard let producerID = reader.varint(), let isCommit = reader.count(upTo: 1) else { return nil }
            return .ended(producerID: producerID, isCommit: isCommit == 1)
        default: break
        }
        guard let group = reader.text() else { return nil }
        switch operation {
        case .committed: return reader.positions().map { .committed(group: group, $0) }
        case .pending:
            guard let producerID = reader.varint(), let positions = reader.positions() else { return nil }
            return .pending(group: group, producerID: producerID, positions)
        case .deleted:
            guard let count = reader.count(upTo: reader.remaining / 17) else { return nil }
            var places: [OffsetPlace] = []
            for _ in 0..<count {
                guard let topic = reader.identity(), let partition = reader.count(upTo: Int(Int32.max)) else {
                    return nil
                }
                places.append(OffsetPlace(topic: topic, partition: Int32(partition)))
            }
            return .deleted(group: group, places)
        case .groupDeleted: return .groupDeleted(group: group)
        case .expired:
            return reader.varint().map { .expired(group: group, before: Timestamp(milliseconds: $0)) }
        case .touched: return reader.varint().map { .touched(group: group, Timestamp(milliseconds: $0)) }
        case .reset, .topicDeleted, .ended: return nil
        }
    }
}

extension ByteBuffer {
    /// Positions by topic.
    fileprivate mutating func writePositions(_ positions: [OffsetPlace: CommittedOffset]) {
        let topics = Dictionary(grouping: positions.sorted { $0.key < $1.key }, by: \.key.topic)
        writeVarint(Int64(topics.count))
        for (topic, entries) in topics.sorted(by: { $0.key < $1.key }) {
            writeIdentity(topic)
            writeVarint(Int64(entries.count))
            for (place, position) in entries {
                writeVarint(Int64(place.partition))
                writeVarint(position.offset.rawValue)
                writeVarint(Int64(position.leaderEpoch ?? -1))
                writeVarint(position.time.rawValue)
                writeText(position.metadata)
            }
        }
    }
}

extension ByteReader {
    fileprivate mutating func positions() -> [OffsetPlace: CommittedOffset]? {
        guard let topics = count(upTo: remaining / 17) else { return nil }
        var positions: [OffsetPlace: CommittedOffset] = [:]
        for _ in 0..<topics {
            guard let topic = identity(), let entries = count(upTo: remaining / 5) else { return nil }
            for _ in 0..<entries {
                guard let partition = count(upTo: Int(Int32.max)), let offset = varint(),
                    let epoch = varint(), let epoch = Int32(exactly: epoch), let time = varint(),
                    let metadata = text()
                else { return nil }
                let place = OffsetPlace(topic: topic, partition: Int32(partition))
                positions[place] = CommittedOffset(
                    Offset(offset), leaderEpoch: epoch < 0 ? nil : epoch, metadata: metadata,
                    time: Timestamp(milliseconds: time))
            }
        }
        return positions
    }
}
