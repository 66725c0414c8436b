// SPDX-License-Identifier: Apache-2.0

// Discovery: once a second, if any topic has grown, somebody looks at what came, beside everything else and never in the way of a publisher. A look
// reads a bounded number of bytes; a topic that has more is looked at again in the next one, and one that stays behind for ten looks is skipped
// to its end, which is counted. So all of a burst is seen, and of a flood a sample.

import ApusCatalog
import ApusModel
import ApusStorage
import Logging
import Synchronization

/// Looks at topics that have grown.
final class EventScout: Sendable {
    /// How often to look, at most.
    static let interval = Duration.seconds(1)
    /// Bytes of one topic that one look reads, about, and of all topics.
    static let topicBytesMax = 1 << 20
    static let lookBytesMax = 2 << 20
    /// Looks that a topic may be behind for.
    static let looksBehindMax = 10
    /// After how many looks it is found out which topics are gone.
    private static let looksBetweenSweeps = 60

    private struct State {
        var isScheduled = false
        var looks = 0
        /// Topics that were not looked at to their end, and for how many looks that is so.
        var behind: [LogID: Int] = [:]
    }

    let office: CatalogOffice
    private let context: EngineContext
    private let isThere: @Sendable (LogID) -> Bool
    private let state = Mutex(State())

    /// - Parameter isThere: whether there is a topic of this identity.
    init(office: CatalogOffice, context: EngineContext, isThere: @escaping @Sendable (LogID) -> Bool) {
        self.office = office
        self.context = context
        self.isThere = isThere
    }

    func start() { context.growth.observe { [weak self] in self?.schedule() } }

    private func schedule() {
        let isFirst = state.withLock { state in
            defer { state.isScheduled = true }
            return !state.isScheduled
        }
        guard isFirst else { return }
        context.timers.schedule(at: context.clock.now + EventScout.interval) { [self] in
            // Reading may wait for the disk.
            context.offload { [self] in look() }
        }
    }

    // MARK: A look

    private func look() {
        let topics = context.growth.take()
        var changes: [CatalogChange] = []
        var rest: [Topic] = []
        var budget = EventScout.lookBytesMax
        for topic in topics {
            guard budget > 0 else {
                rest.append(topic)
                continue
            }
            // Before it is read: what comes meanwhile is for the next look.
            topic.growthIsSeen()
            let (look, isAtEnd) = self.look(at: topic, &budget)
            if let look { changes.append(.seen(look)) }
            if !isAtEnd { topic.noteGrowth(in: context.growth) }
        }
        for topic in rest { context.growth.append(topic) }
        changes += gone()
        guard !changes.isEmpty else { return rested() }
        office.write(changes) { [self] isWritten in
            // Positions are only in what was written: what was not is looked at again.
            if !isWritten { for topic in topics { topic.noteGrowth(in: context.growth) } }
            rested()
        }
    }

    private func rested() {
        state.withLock { $0.isScheduled = false }
        if !context.growth.isEmpty { schedule() }
    }

    private func gone() -> [CatalogChange] {
        let isDue = state.withLock { state in
            state.looks += 1
            return state.looks % EventScout.looksBetweenSweeps == 0
        }
        guard isDue else { return [] }
        let known = office.read { catalog in catalog.sightings.map { ($0.key, $0.value.topic) } }
        return known.filter { name, topic in LogID(topic).map { !isThere($0) } ?? true }
            .map { .topicGone($0.0) }
    }

    private func look(at topic: Topic, _ budget: inout Int) -> (TopicLook?, isAtEnd: Bool) {
        let id = topic.id.description
        let known = office.read { catalog in
            catalog.sightings[topic.name].flatMap { $0.topic == id ? $0.positions : nil } ?? [:]
        }
        var look = TopicLook(name: topic.name, topic: id)
        var tally = EventTally(topic: topic.name)
        var share = min(budget, EventScout.topicBytesMax)
        let given = share
        var isAtEnd = true
        let mustSkip = state.withLock { ($0.behind[topic.id] ?? 0) >= EventScout.looksBehindMax }
        for partition in topic.partitions {
            let end = partition.signal.end
            var next = max(Offset(known[partition.number] ?? 0), partition.start)
            guard next < end else { continue }
            next = read(partition, of: topic, from: next, to: end, &tally, &share)
            if next < end, mustSkip {
                look.passedOver += end.rawValue - next.rawValue
                next = end
            }
            if next < end { isAtEnd = false }
            look.positions[partition.number] = next.rawValue
        }
        budget -= given - share
        state.withLock { state in
            state.behind[topic.id] = isAtEnd ? nil : (state.behind[topic.id] ?? 0) + 1
        }
        guard !look.positions.isEmpty else { return (nil, true) }
        look.types = tally.finish()
        return (look, isAtEnd)
    }

    /// Counts what is between two offsets, as far as the bytes reach, and says where it ended.
    private func read(
        _ partition: Partition, of topic: Topic, from start: Offset, to end: Offset,
        _ tally: inout EventTally,
        _ share: inout Int
    ) -> Offset {
        var next = start
        while next < end, share > 0 {
            let batches: [RecordBatch]
            do throws(LogError) {
                batches = try partition.readEvents(
                    from: next, byteLimit: min(share, 256 << 10), in: context.store)
            } catch {
                switch error {
                case .trimmed(let start): next = max(next, start)
                case .corrupt(_, _, let after, _): next = max(next.advanced(by: 1), after)
                // Gone, closed or failing: there is nothing to see now.
                default: return next
                }
                continue
            }
            guard let last = batches.last else { return end }
            for batch in batches {
                share -= batch.length
                let isOfKafka = batch.producerID >= 0 || batch.compression != 0
                context.forEachRecord(of: batch, in: topic.name, partition.number) { record in
                    if record.offset >= next, record.offset < end {
                        tally.add(record, partition: partition.number, isOfKafka: isOfKafka)
                    }
                    return true
                }
            }
            next = min(max(last.nextOffset, next.advanced(by: 1)), end)
        }
        return next
    }
}
