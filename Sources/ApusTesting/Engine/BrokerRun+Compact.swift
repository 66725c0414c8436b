// SPDX-License-Identifier: Apache-2.0

// Topics that keep the last event of each key, in a simulated history. Nothing goes but what a later event of its key has superseded, tombstones of
// which nothing older is left, and what was for one reader only; and nobody misses anything because of it. Decided by a chance of their own.

import ApusEngine
import ApusModel
import ApusStorage
import CloudEvents

extension BrokerRun {
    /// Has a topic keep the last event of each key, now and then; only where segments are small enough for anything to be gone over.
    func compactSome(_ settings: TopicSettings) -> TopicSettings {
        guard segmentBytes != nil, compactRandom.oneIn(2) else { return settings }
        var settings = settings
        settings.cleanup = compactRandom.oneIn(3) ? .compactAndDelete : .compact
        // What has been left out is not told any more as published twice.
        settings.deduplication = nil
        settings.compaction = CompactionSettings(
            deleteRetention: .seconds([0, 30, 3_600][compactRandom.below(3)]),
            minLag: .seconds(compactRandom.oneIn(3) ? compactRandom.below(100) : 0),
            dirtyRatio: [0.01, 0.5][compactRandom.below(2)])
        return settings
    }

    /// The key of an event for `topic`, which needs one if the topic is compacted.
    func eventKey(_ key: String?, for topic: TopicModel) -> String? {
        topic.settings.cleanup.compacts ? key ?? "k\(compactRandom.below(4))" : key
    }

    /// Whether an event is to have no data, which deletes its key.
    func isTombstone(in topic: TopicModel) -> Bool {
        topic.settings.cleanup.compacts && compactRandom.oneIn(5)
    }

    // MARK: What must hold

    /// Holds what was left out against the reasons for that.
    func checkLeftOut() {
        for (log, offset) in truth.takeLeftOut() {
            guard let truth = truth.log(log), let record = truth.records[offset] else { continue }
            let what = "log \(log) left out \(offset) (\(record.id ?? ""), key \(record.key ?? "-"))"
            note(what)
            guard topics.contains(where: { $0.has(log) && $0.settings.cleanup.compacts }) else {
                // It may be of one that was written down and then not opened, of which nobody knows more until the next start.
                if topics.contains(where: {
                    $0.certainty == .uncertain && $0.id == nil && $0.settings.cleanup.compacts
                }) {
                    continue
                }
                violate("I17: \(what), and is not compacted")
                continue
            }
            // It was for one reader, who is done with it.
            if record.recipient != nil { continue }
            guard let key = record.key else {
                violate("I17: \(what), which has no key")
                continue
            }
            let others = truth.records.values.filter {
                $0.key == key && $0.recipient == nil && !isHidden($0)
            }
            if others.contains(where: { $0.offset > offset }) { continue }
            // What was trimmed is gone as well.
            let older = others.contains {
                $0.offset >= truth.trimmedTo && $0.offset < offset && truth.gone[$0.offset] == nil
            }
            if !record.isTombstone || older {
                violate("I17: \(what), the last one of its key")
            }
        }
    }

    /// The last event of each key can be read.
    func checkLastOfKeys() {
        guard let store else { return }
        for topic in topics where topic.certainty == .certain && topic.settings.cleanup.compacts {
            for partition in 0..<topic.settings.partitions {
                guard let log = topic.log(partition), let truth = truth.log(log),
                    let bounds = try? store.bounds(log)
                else { continue }
                var last: [String: TrueRecord] = [:]
                for record in truth.ordered where record.recipient == nil && !isHidden(record) {
                    if let key = record.key { last[key] = record }
                }
                let there = offsets(in: log, bounds, of: store)
                for record in last.values
                where !record.isTombstone && record.offset >= bounds.start && !there.contains(record.offset) {
                    violate("I17: \(topic.name)/\(partition)/\(record.offset) is gone, the last of its key")
                }
            }
        }
    }

    private func offsets(in log: LogID, _ bounds: LogBounds, of store: FileLogStore) -> Set<Offset> {
        var found: Set<Offset> = []
        var offset = bounds.start
        while offset < bounds.end {
            let batches: [RecordBatch]
            do { batches = try store.read(log, from: offset, byteLimit: 1 << 20) } catch {
                guard case .corrupt(_, _, let next, _) = error, next > offset else { return found }
                offset = next
                continue
            }
            guard let last = batches.last else { return found }
            for batch in batches {
                _ = try? batch.forEachRecord { record in
                    found.insert(record.offset)
                    return true
                }
            }
            offset = last.nextOffset
        }
        return found
    }

    /// Whether a subscription need not see an event because it was gone before anybody knew that the subscription wants it, or may have been.
    func isExcused(_ offset: Offset, of log: LogID, by model: SubscriptionModel) -> Bool {
        guard let gone = truth.log(log)?.gone[offset] else { return false }
        return model.replays > 0 || gone <= model.certainAt
    }
}

extension TopicModel {
    fileprivate func has(_ log: LogID) -> Bool {
        (0..<settings.partitions).contains { self.log($0) == log }
    }
}
