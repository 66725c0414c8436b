// SPDX-License-Identifier: Apache-2.0

// Compaction: of topics that keep the last event of each key, older ones are forgotten. Behind everything else, on a thread of its own that
// rests often, one partition after the other; and like retention never what a shared subscription or a rule has still to deal with.

import ApusModel
import ApusStorage
import Logging
import Synchronization

/// Passes of compaction, one at a time.
final class Compactor: Sendable {
    let isRunning = Atomic(false)
    private let hash = Mutex<SipHash128?>(nil)
    /// Bytes gone through since the last rest.
    let bytes = Atomic(0)
    let passes = Count("apus_compaction_passes_total")
    let records = Count("apus_compacted_records_total")
    let freed = Count("apus_compacted_bytes_total")
    let failures = Count("apus_compaction_failures_total")
    /// Partitions whose obstacle was told.
    let told = Mutex<[LogID: String]>([:])

    /// Nobody outside can find two keys that it takes for one.
    func hash(_ entropy: Entropy) -> SipHash128 {
        hash.withLock { hash in
            let chosen = hash ?? SipHash128(key: (entropy.next(), entropy.next()))
            hash = chosen
            return chosen
        }
    }
}

extension Engine {
    /// A rest follows after so many bytes.
    private static let compactionBurst = 1 << 20
    private static let compactionRest = Duration.milliseconds(5)

    /// Looks for what can be compacted, unless that is under way.
    func startCompaction() {
        let topics = catalog.withLock { catalog in
            catalog.topics.values.filter {
                $0.definition.settings.cleanup.compacts && !$0.definition.holdsDeadLetters
                    && catalog.ledgers[$0.name] == nil
            }.sorted { $0.name < $1.name }
        }
        guard !topics.isEmpty, !isStopped,
            !compactor.isRunning.exchange(true, ordering: .acquiringAndReleasing)
        else { return }
        let wall = retention.withLock {
            $0.reading(now: context.clock.now, wall: context.clock.wall, newest: nil)
        }
        context.offload { [weak self] in
            // A clock that has just jumped decides nothing.
            if let self, let wall { self.compact(topics, wall: wall) }
            self?.compactor.isRunning.store(false, ordering: .releasing)
        }
    }

    private func compact(_ topics: [Topic], wall: Timestamp) {
        let noted = notedEnds()
        let spared = reopening.withLock(\.spared)
        for topic in topics where !spared.contains(topic.name) {
            let pins = pins(of: topic, noted: noted)
            for partition in topic.partitions {
                guard !isStopped else { return }
                compact(topic, partition, wall: wall, pin: pins[partition.number])
            }
        }
    }

    private func compact(_ topic: Topic, _ partition: Partition, wall: Timestamp, pin: Offset?) {
        var pass = Compaction(
            store: context.store, log: partition.log, settings: topic.definition.settings,
            hash: compactor.hash(context.entropy), options: context.options.compaction, wall: wall,
            limit: min(compactionLimit(of: partition), pin ?? Offset(.max)),
            goOn: { [self] bytes in rest(after: bytes) })
        do {
            let result = try pass.run()
            if result.cleaned > 0 || result.records > 0 {
                compactor.passes.increment()
                compactor.records.increment(by: result.records)
                compactor.freed.increment(by: max(0, result.before - result.after))
                context.logger.debug(
                    "a partition was compacted",
                    metadata: [
                        "topic": "\(topic.name)", "partition": "\(partition.number)",
                        "records": "\(result.records)", "before": "\(result.before)",
                        "after": "\(result.after)",
                    ])
            }
            tell(result.obstacle, topic, partition)
        } catch {
            switch error {
            case .closed, .unknownLog: return
            default: tell("\(error)", topic, partition)
            }
        }
    }

    /// Everything before is there for good, as far as readers of committed events are concerned.
    private func compactionLimit(of partition: Partition) -> Offset { partition.signal.end }

    private func rest(after bytes: Int) -> Bool {
        let (_, sum) = compactor.bytes.wrappingAdd(bytes, ordering: .relaxed)
        if sum >= Engine.compactionBurst {
            compactor.bytes.store(0, ordering: .relaxed)
            context.rest(Engine.compactionRest)
        }
        return !isStopped
    }

    /// What keeps a partition from being compacted is told once.
    private func tell(_ obstacle: String?, _ topic: Topic, _ partition: Partition) {
        let isNews = compactor.told.withLock { told in
            defer { told[partition.log] = obstacle }
            return obstacle != nil && told[partition.log] != obstacle
        }
        guard isNews, let obstacle else { return }
        compactor.failures.increment()
        context.logger.warning(
            "a partition can be compacted only in part: \(obstacle)",
            metadata: ["topic": "\(topic.name)", "partition": "\(partition.number)"])
    }
}
