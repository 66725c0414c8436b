// SPDX-License-Identifier: Apache-2.0

// Forgetting old events, by whole segments, and never those that a shared subscription or a rule has still to deal with.

import ApusModel
import ApusStorage
import Logging
import Synchronization

extension Engine {
    /// Looks for what can be forgotten, now and then.
    func scheduleRetention() {
        let next = context.clock.now + context.options.retentionInterval
        context.timers.schedule(at: next) { [weak self] in
            self?.applyRetention()
            self?.tendProducers()
            self?.startCompaction()
            self?.scheduleRetention()
        }
    }

    /// Writes down the producers of topics to which much was appended, and forgets those that are idle.
    func tendProducers() {
        let topics = catalog.withLock { $0.topics.values.sorted { $0.name < $1.name } }
        for topic in topics { topic.producerLog.tend(topic, in: context) }
    }

    /// Forgets what the topics' retention allows.
    func applyRetention() {
        let topics = catalog.withLock { $0.topics.values.sorted { $0.name < $1.name } }
        let wall = retention.withLock {
            $0.reading(now: context.clock.now, wall: context.clock.wall, newest: newestTimestamp(topics))
        }
        sweepCoordinators(wall: wall)
        context.journey?.applyRetention(wall: wall, in: context)
        let noted = notedEnds()
        let spared = reopening.withLock(\.spared)
        for topic in topics {
            let settings = topic.definition.settings
            guard settings.cleanup.deletes, settings.retentionAge != nil || settings.retentionBytes != nil,
                !spared.contains(topic.name)
            else { continue }
            let pins = pins(of: topic, noted: noted)
            for partition in topic.partitions {
                trim(topic, partition, settings, wall: wall, pin: pins[partition.number])
            }
        }
    }

    private func newestTimestamp(_ topics: [Topic]) -> Timestamp? {
        topics.lazy.flatMap(\.partitions).compactMap {
            (try? self.context.store.closedSegments($0.log))?.last?.maxTimestamp
        }.max()
    }

    /// Per partition, the first offset that somebody still needs.
    func pins(of topic: Topic, noted: [LogID: Offset]) -> [Int: Offset] {
        let (shared, router) = catalog.withLock { catalog in
            (catalog.shared.values.filter { $0.topic === topic }, catalog.routers[topic.name])
        }
        var pins: [Int: Offset] = [:]
        func pin(_ offsets: [Offset]) {
            for partition in topic.partitions {
                let offset = partition.number < offsets.count ? offsets[partition.number] : .zero
                pins[partition.number] = min(pins[partition.number] ?? offset, offset)
            }
        }
        for subscription in shared {
            let (cursors, definition) = subscription.state.withLock { ($0.delivery.cursors(), $0.definition) }
            // One that has reached its end needs nothing any more.
            pin(
                cursors.enumerated().map { number, cursor in
                    definition.end(ofPartition: number).map { cursor >= $0 ? Offset(.max) : cursor } ?? cursor
                })
        }
        if let router { pin(router.positions) }
        for partition in topic.partitions {
            guard let end = noted[partition.log] else { continue }
            pins[partition.number] = min(pins[partition.number] ?? end, end)
        }
        return pins
    }

    /// By target partition, where it ended when all who copy there had written down what they copied. The copies after that are how a restart
    /// tells what was copied: without them it would be copied again.
    func notedEnds() -> [LogID: Offset] {
        let routers = catalog.withLock { Array($0.routers.values) }
        let scheduled = scheduler.withLock { $0 }?.notedEnds ?? [:]
        return routers.reduce(into: scheduled) { ends, router in
            ends.merge(router.notedEnds) { min($0, $1) }
        }
    }

    private func trim(
        _ topic: Topic, _ partition: Partition, _ settings: TopicSettings, wall: Timestamp?, pin: Offset?
    ) {
        do {
            let segments = try context.store.closedSegments(partition.log)
            var bytes = try context.store.bounds(partition.log).bytes
            var keepFrom: Offset?
            for segment in segments {
                let isOld =
                    settings.retentionAge.map { age in
                        wall.map { segment.maxTimestamp.duration(to: $0) > age } ?? false
                    } ?? false
                let isTooMuch = settings.retentionBytes.map { bytes > $0 } ?? false
                guard isOld || isTooMuch, segment.end <= pin ?? segment.end else { break }
                bytes -= segment.bytes
                keepFrom = segment.end
            }
            // What a start needs to know the producers goes when a snapshot has it, which is made then.
            if let keepFrom, partition.production.covers(keepFrom) {
                context.forget(partition, before: keepFrom)
            }
        } catch {
            context.logger.warning(
                "old events could not be forgotten: \(error)",
                metadata: ["topic": "\(topic.name)", "partition": "\(partition.number)"])
        }
    }
}
