// SPDX-License-Identifier: Apache-2.0

// Taking events in: each is appended to the bucket of its due time, on the caller's thread. A bucket that is not there yet is made by the
// worker, once, and those who need it wait.

import ApusModel
import ApusStorage
import CloudEvents
import Synchronization

extension Scheduler {
    /// Takes `events` for `topic`; `completion` comes when they are durable, on any thread. All or none.
    func accept(
        _ events: [DelayedEvent], for topic: Topic, key: String?, completion: @escaping ScheduleCompletion
    ) {
        let limit = context.options.scheduledMax
        guard waiting.load(ordering: .relaxed) + Int64(events.count) <= limit else {
            return completion(
                .failure(.invalid("\(limit) events wait for their time already, which is the limit")))
        }
        // A clock that was set back and is not believed yet may be right: after a restart it is, and nothing of a bucket comes before the
        // bucket's own time. So what is overdue only by the time that is still gone by must not lie in a bucket of that time.
        let now = min(time, context.clock.wall.rawValue)
        let spans = events.map { ScheduleSpan(due: $0.due.rawValue, now: now) }
        let (buckets, missing) = front.withLock { front in
            let wanted = Set(spans)
            let missing = wanted.filter { front.buckets[$0] == nil }.min()
            // Counted before anybody can forget the bucket.
            if missing == nil { for span in wanted { front.buckets[span]?.begin() } }
            return (front.buckets.filter { wanted.contains($0.key) }, missing)
        }
        if let missing {
            return open(missing) { [weak self] error in
                if let error { return completion(.failure(BrokerError(error))) }
                guard let self else { return completion(.failure(.unavailable(.stopping))) }
                self.accept(events, for: topic, key: key, completion: completion)
            }
        }
        var parts: [ScheduleSpan: (builder: RecordBatchBuilder, indices: [Int])] = [:]
        for (index, delayed) in events.enumerated() {
            let span = spans[index]
            var part = parts.removeValue(forKey: span) ?? (RecordBatchBuilder(capacity: 1024), [])
            let before = part.builder.length
            part.builder.addHeader(LineageHeader.topic, topic.id.description)
            part.builder.append(delayed.event, key: key ?? delayed.event.placementKey, timestamp: delayed.due)
            // Refused now, or never: what was accepted is published when it is due, whatever the topic takes by then.
            let bytes = RecordBatch.headerLength + part.builder.length - before
            do throws(BrokerError) { try topic.check(bytes, in: context) } catch {
                for bucket in buckets.values { bucket.end() }
                return completion(.failure(error))
            }
            part.indices.append(index)
            parts[span] = part
        }
        append(parts.sorted { $0.key < $1.key }, of: events, in: buckets, completion)
    }

    private func append(
        _ parts: [(key: ScheduleSpan, value: (builder: RecordBatchBuilder, indices: [Int]))],
        of events: [DelayedEvent], in buckets: [ScheduleSpan: ScheduleBucket],
        _ completion: @escaping ScheduleCompletion
    ) {
        var batches: [(bucket: ScheduleBucket, batch: RecordBatch, indices: [Int])] = []
        for part in parts {
            var builder = part.value.builder
            guard let bucket = buckets[part.key], let batch = builder.finish() else { continue }
            guard batch.length <= context.options.batchBytesMax else {
                for bucket in buckets.values { bucket.end() }
                return completion(
                    .failure(.tooLarge(bytes: batch.length, limit: context.options.batchBytesMax)))
            }
            batches.append((bucket, batch, part.value.indices))
        }
        let gathering = AcceptGathering(events: events, missing: batches.count) {
            [weak self] receipts, error in
            guard let error else { return completion(.success(receipts.compactMap { $0 })) }
            // Some are there and the publisher will be told that none is.
            let stored = receipts.compactMap { $0?.id }
            guard let self, !stored.isEmpty else { return completion(.failure(BrokerError(error))) }
            self.cancel(stored) { _ in completion(.failure(BrokerError(error))) }
        }
        for (bucket, batch, indices) in batches {
            waiting.add(Int64(indices.count), ordering: .relaxed)
            context.store.append(batch, holding: bucket.claim) { [weak self] result in
                bucket.end()
                if case .failure = result { self?.waiting.subtract(Int64(indices.count), ordering: .relaxed) }
                gathering.take(result, bucket: bucket.number, indices: indices)
            }
        }
    }

    // MARK: Buckets

    /// Makes the bucket for `span`; `completion` comes in a turn of the worker.
    private func open(_ span: ScheduleSpan, completion: @escaping @Sendable (LogError?) -> Void) {
        let isFirst = front.withLock { front in
            front.waiters[span, default: []].append(completion)
            return front.waiters[span]?.count == 1
        }
        guard isFirst else { return }
        context.inbox.post { [self] in
            state.withLock { state in
                if state.buckets.values.contains(where: { $0.bucket.span == span }) { return }
                if let number = state.unopened.first(where: { $0.value == span })?.key {
                    return claim(number, span)
                }
                state.lastNumber = state.lastNumber % ScheduleBucket.numbersMax + 1
                state.ledger.opened.append((state.lastNumber, span))
            }
            if front.withLock({ $0.buckets[span] != nil }) { opened(span, error: nil) }
            context.followers.enqueue(self)
        }
    }

    /// Claims the log of a bucket that the ledger knows of.
    func claim(_ number: Int, _ span: ScheduleSpan) {
        context.offload { [self] in
            let result = Result { () throws(LogError) in
                try ScheduleBucket(number: number, span: span, store: context.store, grown: grown)
            }
            context.inbox.post { [self] in
                switch result {
                case .success(let bucket):
                    state.withLock { state in
                        state.unopened[number] = nil
                        state.buckets[number] = Tracked(bucket: bucket)
                    }
                    front.withLock { $0.buckets[span] = bucket }
                    opened(span, error: nil)
                case .failure(let error): opened(span, error: error)
                }
            }
        }
    }

    /// Tells everybody who waits for the bucket.
    func opened(_ span: ScheduleSpan, error: LogError?) {
        let waiters = front.withLock { $0.waiters.removeValue(forKey: span) ?? [] }
        for waiter in waiters { waiter(error) }
    }

    /// A bucket has more.
    var grown: @Sendable () -> Void {
        { [weak self] in
            guard let self else { return }
            self.context.followers.enqueue(self)
        }
    }
}

/// Collects the outcomes of one call whose events are due at different times.
private final class AcceptGathering: Sendable {
    private struct State {
        var receipts: [ScheduleReceipt?]
        var missing: Int
        var error: LogError?
    }

    private let events: [DelayedEvent]
    private let completion: @Sendable ([ScheduleReceipt?], LogError?) -> Void
    private let state: Mutex<State>

    init(
        events: [DelayedEvent], missing: Int,
        completion: @escaping @Sendable ([ScheduleReceipt?], LogError?) -> Void
    ) {
        self.events = events
        self.completion = completion
        state = Mutex(State(receipts: Array(repeating: nil, count: events.count), missing: missing))
    }

    func take(_ result: Result<Offset, LogError>, bucket: Int, indices: [Int]) {
        let end: State? = state.withLock { state in
            state.missing -= 1
            switch result {
            case .success(let base):
                for (delta, index) in indices.enumerated() {
                    let due = events[index].due
                    let key = ScheduleKey(
                        due: due.rawValue, bucket: bucket, offset: base.rawValue + Int64(delta))
                    state.receipts[index] = ScheduleReceipt(id: key.id, due: due)
                }
            case .failure(let error):
                if case .undecided = error { state.error = error }
                state.error = state.error ?? error
            }
            return state.missing == 0 ? state : nil
        }
        if let end { completion(end.receipts, end.error) }
    }
}
