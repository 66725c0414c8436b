// SPDX-License-Identifier: Apache-2.0

// Firing: what is due is copied to its topics in rounds, one round at a time and many events in each. Before a round goes to a partition, the
// ledger says from where on copies may be there; when the copies are durable, it notes that they are done.

import ApusModel
import ApusSchedule
import ApusStorage
import CloudEvents
import Logging
import Synchronization

extension Scheduler {
    /// Events of one round.
    static let roundEvents = 4096
    /// Bytes of one round.
    static let roundBytes = 4 << 20

    /// What a round copies.
    enum Item: Sendable {
        case waiting(WaitingEvent)
        case occurrence(schedule: LogID, time: Int64, record: RecurringRecord)
    }

    /// Copies to one partition.
    struct RoundPart: Sendable {
        var partition: Partition
        var topic: Topic
        var items: [Item] = []
    }

    /// What is being copied.
    struct Round: Sendable {
        var parts: [RoundPart]
        /// Whether the ledger has said where the copies go.
        var isAnnounced = false
        var missing = 0
        var failed: [(part: RoundPart, error: LogError)] = []
        /// By log, the offset after the copies.
        var ends: [LogID: Offset] = [:]
        var done: [RoundPart] = []
    }

    /// Begins a round when anything is due and none is under way.
    func fire(_ time: Int64, _ state: inout State) {
        guard state.round == nil, state.ledger.doneCount < 4 * Scheduler.roundEvents else { return }
        var parts: [LogID: RoundPart] = [:]
        var standings: [LogID: TopicStanding] = [:]
        var (count, bytes) = (0, 0)
        while count < Scheduler.roundEvents, bytes < Scheduler.roundBytes,
            let event = state.window.popDue(time)
        {
            guard !state.busy.contains(event.key),
                state.buckets[event.key.bucket]?.done.contains(event.key.offset) == false
            else { continue }
            let found = standings[event.topic] ?? standing(event.topic)
            standings[event.topic] = found
            switch found {
            case .gone: finish(event.key, &state)
            case .closed: stall(event, &state)
            case .open(let topic):
                guard let partition = topic.partition(forKey: event.record.key) else {
                    stall(event, &state)
                    continue
                }
                state.busy.insert(event.key)
                parts[partition.log, default: RoundPart(partition: partition, topic: topic)].items.append(
                    .waiting(event))
                count += 1
                bytes += event.bytes
            }
        }
        fireRecurring(time, &parts, &state, room: Scheduler.roundEvents - count)
        guard !parts.isEmpty else { return }
        state.round = Round(parts: parts.values.sorted { $0.partition.log < $1.partition.log })
        announce(&state)
    }

    /// Copies at once when the ledger knows of all partitions; otherwise it is told first.
    func announce(_ state: inout State) {
        guard let round = state.round, !round.isAnnounced else { return }
        for part in round.parts where state.ledger.copying[part.partition.log] == nil {
            // What the ledger still says must not be taken back while the copies are made.
            let noted = state.ledger.noted[part.partition.log]
            state.ledger.copying[part.partition.log] = noted ?? part.partition.written.end
        }
        guard round.parts.allSatisfy({ state.ledger.noted[$0.partition.log] != nil }) else {
            state.ledger.wantsWrite = true
            return
        }
        state.round?.isAnnounced = true
        copy(&state)
    }

    private func copy(_ state: inout State) {
        guard let round = state.round else { return }
        state.round?.missing = round.parts.count
        for part in round.parts {
            guard let batch = batch(of: part) else {
                context.inbox.post { [weak self] in self?.copied(part, .failure(.failed("nothing to copy"))) }
                continue
            }
            let published = part.topic.published
            context.store.append(batch, holding: part.partition.claim) { [weak self, context] result in
                if case .success = result { published.increment(by: Int64(part.items.count)) }
                context.inbox.post { [weak self] in self?.copied(part, result) }
            }
        }
    }

    private func batch(of part: RoundPart) -> RecordBatch? {
        let now = context.clock.wall
        var builder = RecordBatchBuilder(
            capacity: 64 << 10, producerID: Scheduler.producerID, producerEpoch: 0)
        for item in part.items {
            switch item {
            case .waiting(let event):
                event.record.withParts { key, value, forEachHeader in
                    forEachHeader { name, value in builder.addHeader(name: name, value: value) }
                    builder.addHeader(LineageHeader.schedule, event.key.id)
                    builder.addHeader(LineageHeader.due, String(event.due))
                    builder.append(timestamp: now, key: key, value: value)
                }
            case .occurrence(let schedule, let time, let record):
                builder.addHeader(LineageHeader.schedule, "\(schedule)/\(time)")
                builder.addHeader(LineageHeader.due, String(time))
                builder.append(record.event, key: record.key, timestamp: now)
            }
        }
        return builder.finish()
    }

    /// The producer id in batches of copies: spares looking into the records of all others.
    static let producerID = Int64(truncatingIfNeeded: ScheduleBucket.family.high)

    /// One partition has its copies, or not; in a turn of the worker.
    private func copied(_ part: RoundPart, _ result: Result<Offset, LogError>) {
        state.withLock { state in
            switch result {
            case .success(let base):
                state.round?.ends[part.partition.log] = base.advanced(by: Int64(part.items.count))
                state.round?.done.append(part)
            case .failure(let error): state.round?.failed.append((part, error))
            }
            state.round?.missing -= 1
            if state.round?.missing == 0 { end(&state) }
        }
        context.followers.enqueue(self)
    }

    private func end(_ state: inout State) {
        guard let round = state.round else { return }
        state.round = nil
        for (log, end) in round.ends { state.ledger.copying[log] = end }
        for part in round.done {
            fired.increment(by: Int64(part.items.count))
            for item in part.items {
                switch item {
                case .waiting(let event):
                    state.busy.remove(event.key)
                    finish(event.key, &state)
                case .occurrence(let schedule, let time, _): occurred(schedule, time, &state)
                }
            }
        }
        for (part, error) in round.failed {
            context.logger.warning(
                "delayed events could not be published; that is tried again: \(error)",
                metadata: ["topic": "\(part.topic.name)", "events": "\(part.items.count)"])
            for item in part.items {
                switch item {
                case .waiting(let event): stall(event, &state)
                case .occurrence(let schedule, let time, _): failed(schedule, time, &state)
                }
            }
        }
        state.ledger.wantsWrite = true
    }

    /// The event is done with: copied, or for nobody.
    func finish(_ key: ScheduleKey, _ state: inout State) {
        state.buckets[key.bucket]?.done.insert(key.offset)
        state.ledger.done[key.bucket, default: []].append(key.offset)
        state.ledger.doneCount += 1
        state.ledger.wantsWrite = true
        waiting.subtract(1, ordering: .relaxed)
    }

    /// The event is tried again after a while.
    private func stall(_ event: WaitingEvent, _ state: inout State) {
        state.busy.insert(event.key)
        state.stalled.append((context.clock.now + context.options.storeRetryInterval, event))
    }
}
