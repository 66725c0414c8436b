// SPDX-License-Identifier: Apache-2.0

// Offsets are never given twice, not even in topics that lose events with the power, which those without `flush` may: whoever has seen an
// event there (a subscription that settled it, a copy that names it as its origin, a rule that looked at it) would take the next event
// at its offset for the one that is gone. So at start, what is remembered of offsets is held against where each log ends, and a log that
// ends earlier than that gets a hole. The hole comes before whatever is published later, in the same log: it needs no flush of its own,
// because it can only be lost together with that.

import ApusModel
import ApusStorage
import Logging

extension [Offset] {
    /// Sets the offset of a partition; those before it that have none get zero.
    mutating func set(_ offset: Offset, at partition: Int) {
        while count <= partition { append(.zero) }
        self[partition] = offset
    }

    /// Sets the offset of a partition unless that would lower it.
    mutating func raise(to offset: Offset, at partition: Int) {
        set(partition < count ? Swift.max(self[partition], offset) : offset, at: partition)
    }

    /// Raises every partition to what `other` says.
    mutating func raise(to other: [Offset]) {
        for (partition, offset) in other.enumerated() { raise(to: offset, at: partition) }
    }
}

extension Topic {
    /// Leaves holes where events are remembered that are not there any more.
    func passOver(_ seen: [Offset], in context: EngineContext) {
        for (partition, end) in zip(partitions, seen) where partition.written.end < end {
            context.logger.warning(
                "events were lost with the power; their offsets are not used again",
                metadata: [
                    "topic": "\(name)", "partition": "\(partition.number)",
                    "from": "\(partition.written.end)", "to": "\(end)",
                ])
            passOver(end.rawValue - partition.written.end.rawValue, partition, context)
        }
    }

    private func passOver(_ count: Int64, _ partition: Partition, _ context: EngineContext) {
        let kept = definition.settings.logConfiguration
        var urgent = kept
        // A disk that is full takes the hole too: else what is published when there is room again would be in its place.
        urgent.isEssential = true
        try? context.store.configure(partition.claim, urgent)
        var left = count
        while left > 0 {
            let part = Int32(clamping: left)
            left -= Int64(part)
            let hole = RecordBatchBuilder.hole(of: part, timestamp: context.clock.wall)
            // Once it was accepted its offsets are not given again in this life, whatever becomes of it.
            context.store.append(hole, holding: partition.claim) { _ in }
        }
        try? context.store.configure(partition.claim, kept)
    }
}
