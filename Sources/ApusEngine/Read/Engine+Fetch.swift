// SPDX-License-Identifier: Apache-2.0

// Reading by offset: replays, tails, in-order consumers. Blocking reads of the store run on the caller's task, in pieces of bounded size.

public import ApusModel
public import ApusRules
import ApusStorage
import CloudEvents
import Synchronization

extension Engine {
    /// Bytes of one read of the store.
    private static let readBytes = 256 << 10
    /// Bytes looked through for one fetch when a pattern lets little pass: then the answer is what was found, and where to go on.
    private static let scanBytesMax = 16 << 20
    /// Bytes of events in one answer, after which no further one is added: many readers may stand still with theirs.
    private static let answerBytesMax = 1 << 20

    public func fetch(
        _ topic: ResourceName, partition number: Int, from position: StartPosition, limit: Int,
        pattern: Pattern?,
        wait: Duration
    ) async throws(BrokerError) -> FetchedEvents {
        let (topic, partition) = try requirePartition(topic, number)
        var filter = EventFilter(pattern)
        let start = try resolve(position, in: partition)
        return try await fetch(
            topic, partition, from: start, limit: limit, filter: &filter, recipient: nil, wait: wait)
    }

    public func fetch(
        subscription name: ResourceName, partition number: Int, limit: Int, wait: Duration
    ) async throws(BrokerError) -> FetchedEvents {
        let cursor = try requireCursor(name)
        let (topic, partition) = try requirePartition(cursor.topic.name, number)
        var filter = EventFilter(cursor.definition.settings.pattern)
        // What retention forgot before the consumer came is skipped: its position said so all along.
        let start = try storing { () throws(LogError) in try context.store.bounds(partition.log).start }
        // Afterwards too: who waits for events asks for them until then.
        cursor.noteUse()
        defer { cursor.noteUse() }
        return try await fetch(
            topic, partition, from: max(start, cursor.committed[number]), limit: limit, filter: &filter,
            recipient: name, wait: wait)
    }

    private func fetch(
        _ topic: Topic, _ partition: Partition, from start: Offset, limit: Int, filter: inout EventFilter,
        recipient: ResourceName?, wait: Duration
    ) async throws(BrokerError) -> FetchedEvents {
        let deadline = context.clock.now + wait
        var next = start
        while true {
            let fetched = try read(topic, partition, from: next, limit: limit, &filter, recipient)
            next = fetched.next
            let isCaughtUp = next >= partition.signal.end
            guard fetched.events.isEmpty, context.clock.now < deadline, !isStopped, !Task.isCancelled else {
                return fetched
            }
            if isCaughtUp {
                guard await waitForGrowth(of: partition, beyond: next, until: deadline) else {
                    return fetched
                }
            }
        }
    }

    private func read(
        _ topic: Topic, _ partition: Partition, from start: Offset, limit: Int, _ filter: inout EventFilter,
        _ recipient: ResourceName?
    ) throws(BrokerError) -> FetchedEvents {
        let end = partition.signal.end
        // Between what is decided and what is readable there may be events one day.
        let written = partition.written.end
        guard start <= written else { throw .beyondEnd(end: written) }
        var fetched = FetchedEvents(events: [], next: start, end: end)
        var looked = 0
        var held = 0
        while fetched.events.count < limit, fetched.next < end, looked < Engine.scanBytesMax,
            held < Engine.answerBytesMax
        {
            let batches: [RecordBatch]
            do {
                batches = try partition.readEvents(
                    from: fetched.next, byteLimit: Engine.readBytes, in: context.store)
            } catch {
                // What was read before the damage is not withheld; the next fetch begins at the damage and says so.
                guard fetched.events.isEmpty else { return fetched }
                throw BrokerError(reading: error)
            }
            // Offsets of appends that failed, and nothing else, may stand before the end.
            if batches.isEmpty { fetched.next = end }
            for batch in batches where fetched.events.count < limit && held < Engine.answerBytesMax {
                looked += batch.length
                let count = fetched.events.count
                if let error = take(
                    batch, of: topic, partition.number, limit: limit, &filter, recipient, into: &fetched)
                {
                    // As with damage: what was read before it is not withheld.
                    guard fetched.events.isEmpty else { return fetched }
                    throw error
                }
                held += fetched.events[count...].reduce(0) { $0 + ($1.event.data?.bytes.count ?? 0) }
            }
        }
        return fetched
    }

    /// Adds the events of a batch; what to tell the reader when it cannot be looked into.
    private func take(
        _ batch: RecordBatch, of topic: Topic, _ partition: Int, limit: Int, _ filter: inout EventFilter,
        _ recipient: ResourceName?, into fetched: inout FetchedEvents
    ) -> BrokerError? {
        let from = fetched.next
        var isFull = false
        let error = context.forEachRecord(of: batch, in: topic.name, partition) { record in
            guard record.offset >= from else { return true }
            guard fetched.events.count < limit else {
                isFull = true
                return false
            }
            fetched.next = record.offset.advanced(by: 1)
            if let recipient, !record.isFor(recipient) { return true }
            if filter.matches(record) {
                fetched.events.append(StoredEvent(record: record, topic: topic.name, partition: partition))
            }
            return true
        }
        if let error { return error }
        if !isFull { fetched.next = max(fetched.next, batch.nextOffset) }
        return nil
    }

    /// The offset that a position means in one partition, now.
    func resolve(_ position: StartPosition, in partition: Partition) throws(BrokerError) -> Offset {
        switch position {
        case .earliest: try storing { () throws(LogError) in try context.store.bounds(partition.log).start }
        case .latest: partition.signal.end
        case .offset(let offset): offset
        case .time(let time):
            min(
                try storing { () throws(LogError) in try context.store.offset(partition.log, at: time) },
                partition.signal.end)
        }
    }

    /// Waits until the partition has an event at `offset`, at most until `deadline`; false when it has none.
    private func waitForGrowth(
        of partition: Partition, beyond offset: Offset, until deadline: Duration
    ) async -> Bool {
        let wait = GrowthWait()
        defer { if let timer = wait.end() { context.timers.cancel(timer) } }
        return await withTaskCancellationHandler {
            await withUnsafeContinuation { (continuation: UnsafeContinuation<Bool, Never>) in
                let token = partition.signal.wait(beyond: offset) { continuation.resume(returning: $0) }
                guard let token else { return }
                let timer = context.timers.schedule(at: deadline) { partition.signal.cancel(token) }
                if wait.begin(partition.signal, token: token, timer: timer) { partition.signal.cancel(token) }
            }
        } onCancel: {
            wait.cancel()
        }
    }
}

/// Lets a cancelled task stop waiting, whichever comes first, the wait or the cancellation, and takes its timer with it.
private final class GrowthWait: Sendable {
    private struct State {
        var entry: (signal: AdvanceSignal, token: UInt64, timer: UInt64)?
        var isCancelled = false
    }

    private let state = Mutex(State())

    /// Notes what to cancel; true when it is to be cancelled at once.
    func begin(_ signal: AdvanceSignal, token: UInt64, timer: UInt64) -> Bool {
        state.withLock { state in
            state.entry = (signal, token, timer)
            return state.isCancelled
        }
    }

    func cancel() {
        let entry = state.withLock { state in
            state.isCancelled = true
            return state.entry
        }
        if let entry { entry.signal.cancel(entry.token) }
    }

    /// The timer that is not needed any more.
    func end() -> UInt64? { state.withLock { $0.entry?.timer } }
}
