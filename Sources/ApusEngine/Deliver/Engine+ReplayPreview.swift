// SPDX-License-Identifier: Apache-2.0

// What a replay would do, told before it is done: which of what is settled would come again, and which of what is not would never come.

public import ApusModel
import ApusStorage
import Synchronization

/// What a replay would do in one partition.
public struct ReplayPreview: Sendable, Hashable {
    /// The partition.
    public var partition: Int
    /// Everything before it is settled now.
    public var cursor: Offset
    /// Where the subscription would go on; its present position for a bounded replay.
    public var to: Offset
    /// Offsets that are settled and would be handed out once more, as far as the subscription's pattern wants them.
    public var again: Int64
    /// Offsets that are not settled and would not come any more.
    public var skipped: Int64

    /// What a replay would do in one partition.
    public init(partition: Int, cursor: Offset, to: Offset, again: Int64, skipped: Int64) {
        (self.partition, self.cursor, self.to) = (partition, cursor, to)
        (self.again, self.skipped) = (again, skipped)
    }
}

extension Engine {
    public func previewReplay(
        _ name: ResourceName, from start: StartPosition, to end: StartPosition?
    ) throws(BrokerError) -> [ReplayPreview] {
        let (shared, cursor) = catalog.withLock { ($0.shared[name], $0.cursors[name]) }
        guard let topic = shared?.topic ?? cursor?.topic else { throw missing(name) }
        if end != nil { _ = try requireShared(name) }
        var rows: [ReplayPreview] = []
        for (number, partition) in topic.partitions.enumerated() {
            let from = try resolve(start, in: partition)
            let until = try end.map { end throws(BrokerError) in try resolve(end, in: partition) }
            let kept = try storing { () throws(LogError) in try context.store.bounds(partition.log).start }
            rows.append(
                shared?.previewReplay(number, from: from, to: until, keptFrom: kept)
                    ?? ReplayPreview(
                        partition: number, moving: cursor?.committed[partition: number] ?? .zero, to: from))
        }
        return rows
    }
}

extension SharedSubscription {
    fileprivate func previewReplay(
        _ number: Int, from: Offset, to end: Offset?, keptFrom kept: Offset
    ) -> ReplayPreview {
        state.withLock { state in
            let delivery = state.delivery
            let cursor = delivery.cursors()[partition: number] ?? .zero
            let next = delivery.next[partition: number] ?? .zero
            let begin = max(from, kept)
            guard let end else {
                return ReplayPreview(
                    partition: number, cursor: cursor, to: from,
                    again: delivery.settledCount(partition: number, from: begin, to: next),
                    skipped: delivery.unsettledCount(partition: number, from: .zero, to: min(from, next))
                        + max(0, from.rawValue - max(next, kept).rawValue))
            }
            return ReplayPreview(
                partition: number, cursor: cursor, to: cursor,
                again: delivery.settledCount(partition: number, from: begin, to: min(end, next)), skipped: 0)
        }
    }
}

extension ReplayPreview {
    /// A position of a cursor, which knows of nothing behind it.
    fileprivate init(partition: Int, moving cursor: Offset, to: Offset) {
        self.init(
            partition: partition, cursor: cursor, to: to,
            again: max(0, cursor.rawValue - to.rawValue), skipped: max(0, to.rawValue - cursor.rawValue))
    }
}

extension DeliveryState {
    /// How many offsets of a stretch were looked at and are not settled.
    fileprivate func unsettledCount(partition: Int, from start: Offset, to end: Offset) -> Int64 {
        guard start < end else { return 0 }
        var count: Int64 = 0
        for offset in items.offsets(in: partition) where offset >= start && offset < end { count += 1 }
        guard partition < parked.count else { return count }
        parked[partition].forEach { if $0 >= start && $0 < end { count += 1 } }
        return count
    }

    /// How many offsets of a stretch that was looked at are settled.
    fileprivate func settledCount(partition: Int, from start: Offset, to end: Offset) -> Int64 {
        guard start < end else { return 0 }
        return end.rawValue - start.rawValue - unsettledCount(partition: partition, from: start, to: end)
    }
}

extension [Offset] {
    /// The offset for a partition that may be newer than these.
    fileprivate subscript(partition number: Int) -> Offset? { indices.contains(number) ? self[number] : nil }
}
