// SPDX-License-Identifier: Apache-2.0

// Events that a subscription's log says nothing about, although they lie before others that it tells of. Handing out is written down
// in one append for a few events; when one append fails and a later one does not, those of the first were never handed out and must
// be found again after a restart. Which of the events between were passed over because they do not match cannot be told from the log
// alone, so they are looked at again.

import ApusModel
import ApusStorage

/// What to look at again after a log with missing appends was replayed.
struct UnaccountedEvents {
    private var isSuspicious = false
    private var ranges: [(partition: Int, offsets: Range<Offset>)] = []
    private var mentioned: Set<Position> = []

    /// An append is missing: until the next snapshot, whatever is passed over may be what it handed out.
    mutating func appendIsMissing() { isSuspicious = true }

    /// Takes a change before it is applied to a state that has looked at everything before `next`.
    mutating func note(_ change: SubscriptionChange, next: [Offset]) {
        switch change {
        case .reset: self = UnaccountedEvents()
        case .attempted(let position, _), .ready(let position, _), .settled(let position),
            .waiting(let position, _, _), .blocked(let position, _):
            mention(position, last: position.offset, next: next)
        case .parked(let first, _):
            var last = first
            change.forEachParked { position in
                if isSuspicious { mentioned.insert(position) }
                last = position
            }
            mention(first, last: last.offset, next: next)
        case .advanced, .deadLetterMark, .sequence, .seen, .replaying, .circuit: break
        }
    }

    /// Whatever lies between what was looked at before and `last` is passed over by this change.
    private mutating func mention(_ position: Position, last: Offset, next: [Offset]) {
        guard isSuspicious else { return }
        let known = position.partition < next.count ? next[position.partition] : .zero
        if known < last { ranges.append((position.partition, known..<last)) }
        mentioned.insert(position)
    }

    /// The events that nothing is known of and that match, in order.
    func find(
        in topic: Topic, recipient: ResourceName, filter: inout EventFilter, context: EngineContext
    ) throws(LogError) -> [Position] {
        var found: [Position] = []
        for (number, offsets) in ranges {
            let partitions = topic.partitions
            guard partitions.indices.contains(number) else { continue }
            try look(at: offsets, of: partitions[number], recipient, &filter, context, &found)
        }
        return found
    }

    private func look(
        at offsets: Range<Offset>, of partition: Partition, _ recipient: ResourceName,
        _ filter: inout EventFilter,
        _ context: EngineContext, _ found: inout [Position]
    ) throws(LogError) {
        let end = min(offsets.upperBound, partition.signal.end)
        var offset = offsets.lowerBound
        while offset < end {
            let batches: [RecordBatch]
            do {
                batches = try partition.readEvents(from: offset, byteLimit: 256 << 10, in: context.store)
            } catch {
                guard let next = LookAhead.wayAround(error), next > offset else { throw error }
                offset = next
                continue
            }
            guard let last = batches.last else { return }
            for batch in batches where !batch.isControl {
                _ = try? batch.forEachRecord { record in
                    let position = Position(partition: partition.number, offset: record.offset)
                    guard record.offset >= offset, record.offset < end, !mentioned.contains(position),
                        record.isFor(recipient), filter.matches(record)
                    else { return true }
                    found.append(position)
                    return true
                }
            }
            offset = last.nextOffset
        }
    }
}
