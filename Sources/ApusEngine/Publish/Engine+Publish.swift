// SPDX-License-Identifier: Apache-2.0

// Publishing: the hot path. An event is placed, encoded once into the batch that goes to disk, and appended; the completion comes back from
// the store's thread. Nothing here waits, hops or allocates beyond the batch and its completion.

public import ApusModel
import ApusStorage
public import CloudEvents
import Synchronization
import Tracing

extension Engine {
    public func publish(
        _ events: [CloudEvent], to name: ResourceName, key: String?, completion: @escaping PublishCompletion
    ) {
        guard let topic = topicAtWork(name) else {
            createThenPublish(events, to: name, key: key, completion: completion)
            return
        }
        if let objection = topic.keyObjection, key == nil, events.contains(where: { $0.placementKey == nil })
        {
            return completion(.failure(objection))
        }
        if let schemaGuard = topic.schemaGuard {
            publishScreened(events, to: topic, by: schemaGuard, key: key, completion: completion)
            return
        }
        publishAccepted(events, to: topic, key: key, completion: completion)
    }

    /// Publishes what no schema has anything against.
    func publishAccepted(
        _ events: [CloudEvent], to topic: Topic, key: String?, completion: @escaping PublishCompletion
    ) {
        if let deduplicator = topic.deduplicator, !events.isEmpty {
            publishOnce(events, to: topic, by: deduplicator, key: key, completion: completion)
            return
        }
        publishAll(events, to: topic, key: key, completion: completion)
    }

    /// Publishes without looking for duplicates.
    func publishAll(
        _ events: [CloudEvent], to topic: Topic, key: String?, completion: @escaping PublishCompletion
    ) {
        switch events.count {
        case 0: completion(.success([]))
        case 1: publishOne(events[0], to: topic, key: key, completion: completion)
        default: publishMany(events, to: topic, key: key, completion: completion)
        }
    }

    /// Publishes and waits until it is as durable as the topic promises.
    public func publish(
        _ events: [CloudEvent], to name: ResourceName, key: String? = nil
    ) async throws(BrokerError) -> [PublishReceipt] {
        let result = await withUnsafeContinuation { continuation in
            publish(events, to: name, key: key) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    private func publishOne(
        _ event: CloudEvent, to topic: Topic, key: String?, completion: @escaping PublishCompletion
    ) {
        let key = key ?? event.placementKey
        guard let partition = topic.partition(forKey: key) else {
            completion(.failure(.unknownPartition(topic.name, 0)))
            return
        }
        let trace = context.options.tracesEvents ? AppendTrace.begin(topic.name, 1) : nil
        var builder = RecordBatchBuilder(capacity: 512 + (event.data?.bytes.count ?? 0))
        builder.append(event, key: key, timestamp: context.clock.wall, hop: trace?.hop)
        guard let batch = builder.finish() else { return }
        do throws(BrokerError) { try topic.check(batch.length, in: context) } catch {
            trace?.end(error)
            return completion(.failure(error))
        }
        let (name, number, published) = (topic.name, partition.number, topic.published)
        context.store.append(batch, holding: partition.claim) { result in
            switch result {
            case .success(let offset):
                published.increment()
                trace?.end(partition: number, offset: offset)
                completion(.success([PublishReceipt(topic: name, partition: number, offset: offset)]))
            case .failure(let error):
                trace?.end(error)
                completion(.failure(BrokerError(error)))
            }
        }
    }

    private func publishMany(
        _ events: [CloudEvent], to topic: Topic, key: String?, completion: @escaping PublishCompletion
    ) {
        var parts: [PublishPart]
        do throws(BrokerError) {
            parts = try divide(events, of: topic, key: key)
        } catch {
            completion(.failure(error))
            return
        }
        let traced = context.options.tracesEvents
        if parts.count == 1, let batch = parts[0].batch.take() {
            let trace = traced ? AppendTrace.begin(topic.name, events.count) : nil
            publishTogether(batch, of: events.count, to: parts[0].partition, topic, trace, completion)
            return
        }
        let gathering = PublishGathering(
            topic: topic.name, events: events.count, parts: parts.count, completion: completion)
        for index in parts.indices {
            // Taken out: the store writes the offset into it, and would copy a batch that somebody else has too.
            guard let batch = parts[index].batch.take() else { continue }
            let (partition, indices, published) = (
                parts[index].partition, parts[index].indices, topic.published
            )
            let number = partition.number
            let trace = traced ? AppendTrace.begin(topic.name, indices.count) : nil
            context.store.append(batch, holding: partition.claim) { result in
                switch result {
                case .success(let base):
                    published.increment(by: Int64(indices.count))
                    trace?.end(partition: number, offset: base)
                case .failure(let error): trace?.end(error)
                }
                gathering.take(result, partition: number, indices: indices)
            }
        }
    }

    /// Appends events that are one batch, all of which become stored or none.
    private func publishTogether(
        _ batch: RecordBatch, of count: Int, to partition: Partition, _ topic: Topic, _ trace: AppendTrace?,
        _ completion: @escaping PublishCompletion
    ) {
        let (name, number, published) = (topic.name, partition.number, topic.published)
        context.store.append(batch, holding: partition.claim) { result in
            switch result {
            case .success(let base):
                published.increment(by: Int64(count))
                trace?.end(partition: number, offset: base)
                completion(
                    .success(
                        (0..<count).map { delta in
                            PublishReceipt(
                                topic: name, partition: number, offset: base.advanced(by: Int64(delta)))
                        }))
            case .failure(let error):
                trace?.end(error)
                completion(.failure(BrokerError(error)))
            }
        }
    }

    /// A batch for each partition that any of the events goes to.
    private func divide(
        _ events: [CloudEvent], of topic: Topic, key: String?
    ) throws(BrokerError) -> [PublishPart] {
        let now = context.clock.wall
        let hop = context.options.tracesEvents ? ServiceContext.current.flatMap { TraceHop($0) } : nil
        let events = events.span
        var times = TimestampText()
        if let only = topic.onlyPartition {
            var builder = RecordBatchBuilder(capacity: capacity(of: events, from: 0))
            for index in events.indices {
                builder.append(
                    events[index], key: key ?? events[index].placementKey, timestamp: now, times: &times,
                    hop: hop)
            }
            guard let batch = builder.finish() else { return [] }
            try topic.check(batch.length, in: context)
            return [PublishPart(partition: only, batch: batch, indices: Array(events.indices))]
        }
        var open: [(partition: Partition, builder: RecordBatchBuilder, indices: [Int])] = []
        var places: [Int: Int] = [:]
        var place = 0
        // By index: handing each event out of the array would retain all that it has.
        for index in events.indices {
            let key = key ?? events[index].placementKey
            guard let partition = topic.partition(forKey: key) else { throw .unknownPartition(topic.name, 0) }
            // Most batches stay in one partition, and need no table.
            if open.isEmpty || open[place].partition !== partition {
                if let known = places[partition.number] {
                    place = known
                } else {
                    place = open.count
                    places[partition.number] = place
                    open.append(
                        (partition, RecordBatchBuilder(capacity: capacity(of: events, from: index)), []))
                }
            }
            open[place].builder.append(
                events[index], key: key, timestamp: now, times: &times, hop: hop)
            open[place].indices.append(index)
        }
        var parts: [PublishPart] = []
        for place in open.indices.sorted(by: { open[$0].partition.number < open[$1].partition.number }) {
            guard let batch = open[place].builder.finish() else { continue }
            try topic.check(batch.length, in: context)
            parts.append(
                PublishPart(partition: open[place].partition, batch: batch, indices: open[place].indices))
        }
        return parts
    }

    /// What the batch of some events will about take, in bytes; with much more than that it grows.
    private func capacity(of events: Swift.Span<CloudEvent>, from start: Int) -> Int {
        var capacity = 0
        for index in start..<events.count { capacity += 256 + (events[index].data?.bytes.count ?? 0) }
        return min(capacity, 1 << 20)
    }

    private func createThenPublish(
        _ events: [CloudEvent], to name: ResourceName, key: String?, completion: @escaping PublishCompletion
    ) {
        if !context.options.createsTopicsOnPublish || definitions.topics[name] != nil {
            let topic = Result { () throws(BrokerError) in try requireTopic(name) }
            guard case .failure(let error) = topic else {
                return publish(events, to: name, key: key, completion: completion)
            }
            return completion(.failure(error))
        }
        ensureTopic(name, settings: context.options.topicDefaults) { [weak self] result in
            switch result {
            case .success: self?.publish(events, to: name, key: key, completion: completion)
            case .failure(let error): completion(.failure(error))
            }
        }
    }
}

extension CloudEvent {
    /// What decides the partition when the publisher named no key.
    var placementKey: String? {
        guard !extensions.isEmpty, case .string(let key)? = extensions["partitionkey"] else { return nil }
        return key
    }
}

/// The events of one publish that go to one partition.
private struct PublishPart {
    var partition: Partition
    /// Nil once it is handed over.
    var batch: RecordBatch?
    /// Their places among all events of the publish.
    var indices: [Int]
}

/// Collects the outcomes of one batch that went to several partitions.
private final class PublishGathering: Sendable {
    private struct State {
        var results: [Result<PublishReceipt, BrokerError.PartialFailure>?]
        var missing: Int
        var firstError: BrokerError?
        var successes = 0
    }

    private let topic: ResourceName
    private let completion: PublishCompletion
    private let state: Mutex<State>

    init(topic: ResourceName, events: Int, parts: Int, completion: @escaping PublishCompletion) {
        self.topic = topic
        self.completion = completion
        state = Mutex(State(results: Array(repeating: nil, count: events), missing: parts))
    }

    func take(_ result: Result<Offset, LogError>, partition: Int, indices: [Int]) {
        let outcome = state.withLock { state -> Result<[PublishReceipt], BrokerError>? in
            state.missing -= 1
            switch result {
            case .success(let base):
                state.successes += 1
                for (delta, index) in indices.enumerated() {
                    state.results[index] = .success(
                        PublishReceipt(
                            topic: topic, partition: partition, offset: base.advanced(by: Int64(delta))))
                }
            case .failure(let error):
                let error = BrokerError(error)
                // Of several the one that promises least: the others say that nothing was stored.
                if case .unavailable(.undecided) = error { state.firstError = error }
                state.firstError = state.firstError ?? error
                for index in indices {
                    state.results[index] = .failure(BrokerError.PartialFailure(reason: "\(error)"))
                }
            }
            return state.missing == 0 ? PublishGathering.outcome(of: state) : nil
        }
        if let outcome { completion(outcome) }
    }

    private static func outcome(of state: State) -> Result<[PublishReceipt], BrokerError> {
        guard let error = state.firstError else {
            return .success(state.results.compactMap { try? $0?.get() })
        }
        return .failure(state.successes == 0 ? error : .partial(state.results.compactMap { $0 }))
    }
}
