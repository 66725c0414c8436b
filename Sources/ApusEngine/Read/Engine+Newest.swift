// SPDX-License-Identifier: Apache-2.0

// Which part of each partition holds the newest events of a whole topic. Partitions have an order each and none together, so the time of
// arrival decides: by bisection, a few dozen look-ups per partition, however much is stored.

import ApusModel

extension Engine {
    /// Times between which every stored event's is looked for, so far apart that their sum still fits.
    private static let times = Int64.min / 4...Int64.max / 4

    /// The ranges that hold the newest `count` offsets of all partitions together, one for each partition and in their order. Of those that
    /// came in the very millisecond at which the count is full, any are taken.
    func newest(_ count: Int64, of topic: Topic) throws(BrokerError) -> [Range<Offset>] {
        var ranges: [Range<Offset>] = []
        for partition in topic.partitions {
            let end = partition.signal.end
            let start = try resolve(.earliest, in: partition)
            // No partition has more than `count` of them.
            ranges.append(min(end, max(start, end.advanced(by: -count)))..<end)
        }
        guard ranges.count > 1, Engine.size(ranges) > count else { return ranges }
        // From `early` on there are at least as many as wanted, from `late` on fewer.
        var (early, late) = (Engine.times.lowerBound, Engine.times.upperBound)
        // Most times are between the epoch and now; what publishers give as time may be anything.
        for likely in [0, context.clock.wall.rawValue] where early < likely && likely < late {
            let isEnough = Engine.size(try cut(ranges, since: likely, of: topic)) >= count
            if isEnough { early = likely } else { late = likely }
        }
        while late - early > 1 {
            let middle = (early + late) / 2
            let isEnough = Engine.size(try cut(ranges, since: middle, of: topic)) >= count
            if isEnough { early = middle } else { late = middle }
        }
        var cut = try cut(ranges, since: late, of: topic)
        // What is still missing came in the last millisecond that was left out.
        var missing = count - Engine.size(cut)
        for (index, range) in try self.cut(ranges, since: early, of: topic).enumerated() {
            let taken = max(0, min(missing, cut[index].lowerBound.rawValue - range.lowerBound.rawValue))
            cut[index] = cut[index].lowerBound.advanced(by: -taken)..<cut[index].upperBound
            missing -= taken
        }
        return cut
    }

    /// What of each partition's range came at a time or later.
    private func cut(
        _ ranges: [Range<Offset>], since time: Int64, of topic: Topic
    ) throws(BrokerError) -> [Range<Offset>] {
        var cut: [Range<Offset>] = []
        for (range, partition) in zip(ranges, topic.partitions) {
            let offset = try resolve(.time(Timestamp(milliseconds: time)), in: partition)
            cut.append(min(max(range.lowerBound, offset), range.upperBound)..<range.upperBound)
        }
        return cut
    }

    private static func size(_ ranges: [Range<Offset>]) -> Int64 {
        ranges.reduce(0) { $0 + $1.upperBound.rawValue - $1.lowerBound.rawValue }
    }
}
