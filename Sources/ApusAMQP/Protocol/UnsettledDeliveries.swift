// SPDX-License-Identifier: Apache-2.0

// What a channel was handed and has not settled, by its number. Acknowledging a run from the first on takes one frame, however long it is. A value.

internal import ApusAMQPCodec
internal import DequeModule

/// The deliveries of one channel that are not settled.
struct UnsettledDeliveries<Value> {
    /// One frame of acknowledgement.
    struct Acknowledgement: Hashable {
        var tag: UInt64
        var multiple: Bool
    }

    /// The number of the first in `values`. Numbers begin at 1 and have no gaps.
    private var base: UInt64 = 1
    /// nil: settled, behind one that is not.
    private var values: Deque<Value?> = []

    /// Notes a delivery. They come in order; one that is behind what came is ignored.
    mutating func append(_ tag: UInt64, _ value: Value) {
        let next = base + UInt64(values.count)
        guard tag >= next else { return }
        if values.isEmpty {
            base = tag
        } else {
            for _ in next..<tag { values.append(nil) }
        }
        values.append(value)
    }

    /// What was delivered by this number, unless it is settled.
    subscript(tag: UInt64) -> Value? {
        guard tag >= base, tag < base + UInt64(values.count) else { return nil }
        return values[Int(tag - base)]
    }

    /// Settles one, by a frame of its own; false when it is settled already, and a frame for it would be an error that ends the channel.
    @discardableResult
    mutating func remove(_ tag: UInt64) -> Bool {
        guard self[tag] != nil else { return false }
        values[Int(tag - base)] = nil
        trim()
        return true
    }

    /// Settles many, and says in which frames: one for all that have nothing unsettled before them.
    mutating func acknowledge(_ tags: [UInt64]) -> [Acknowledgement] {
        var acknowledged = Set<UInt64>()
        for tag in tags where self[tag] != nil {
            acknowledged.insert(tag)
            values[Int(tag - base)] = nil
        }
        guard !acknowledged.isEmpty else { return [] }
        let start = base
        trim()
        // Everything before the new base is settled, by this call or before.
        let run = acknowledged.filter { $0 < base }
        var frames: [Acknowledgement] = []
        if let last = run.max() {
            frames.append(Acknowledgement(tag: last, multiple: last > start && run.count > 1))
        }
        for tag in acknowledged.subtracting(run).sorted() {
            frames.append(Acknowledgement(tag: tag, multiple: false))
        }
        return frames
    }

    private mutating func trim() {
        while let first = values.first, first == nil {
            values.removeFirst()
            base += 1
        }
    }
}
