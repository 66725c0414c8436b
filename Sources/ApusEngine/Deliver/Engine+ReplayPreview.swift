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
            let last = partition.written.end
            guard end != nil || from <= last else { throw .beyondEnd(end: last) }
            let until = try end.map { end throws(BrokerError) in min(try resolve(end, in: partition), last) }
            let kept = try storing { () throws(LogError) in try context.store.bounds(partition.log).start }
            let move = Move(
                partition: number, from: from, until: until, kept: kept, isToTheEnd: start == .latest)
            rows.append(
                try shared?.preview(move)
                    ?? ReplayPreview(
                        partition: number, moving: cursor?.committed[partition: number] ?? .zero, to: from))
        }
        return rows
    }
}

/// What is asked for, in one partition.
private struct Move {
    var partition: Int
    var from: Offset
    /// Nil when the subscription itself moves.
    var until: Offset?
    /// Everything before it is not kept any more.
    var kept: Offset
    /// Whether somebody asked for the end, whatever is there.
    var isToTheEnd: Bool
}

extension SharedSubscription {
    fileprivate func preview(_ move: Move) throws(BrokerError) -> ReplayPreview {
        let result = state.withLock { state -> Result<ReplayPreview, BrokerError> in
            let (number, from) = (move.partition, move.from)
            let cursor = state.delivery.cursor(partition: number)
            let next = state.delivery.next[partition: number] ?? .zero
            let begin = max(from, move.kept)
            if let until = move.until {
                if let refusal = refusalOfBoundedReplay(state) { return .failure(refusal) }
                let end = min(until, next, state.definition.end(ofPartition: number) ?? next)
                return .success(
                    ReplayPreview(
                        partition: number, cursor: cursor, to: cursor,
                        again: state.delivery.settledCount(partition: number, from: begin, to: end),
                        skipped: 0))
            }
            return .success(
                ReplayPreview(
                    partition: number, cursor: cursor, to: from,
                    again: state.delivery.settledCount(partition: number, from: begin, to: next),
                    skipped: state.delivery.givenUpCount(
                        partition: number, movingTo: from, isToTheEnd: move.isToTheEnd)
                        + max(0, from.rawValue - max(next, move.kept).rawValue)))
        }
        return try result.get()
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
    /// How many of those that were looked at and are not settled ``rewind(to:givingUpAll:)`` gives up.
    fileprivate func givenUpCount(partition: Int, movingTo target: Offset, isToTheEnd: Bool) -> Int64 {
        let looked = next[partition: partition] ?? .zero
        guard target >= looked else { return 0 }
        let all = unsettledCount(partition: partition, from: .zero, to: looked)
        guard !isToTheEnd, target == looked else { return all }
        var kept: Int64 = 0
        for offset in items.offsets(in: partition)
        where items[Position(partition: partition, offset: offset)]?.phase != .blocked { kept += 1 }
        return all - kept
    }

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
