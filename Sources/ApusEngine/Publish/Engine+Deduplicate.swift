// SPDX-License-Identifier: Apache-2.0

// Publishing to a topic that tells duplicates: each event is looked up first; those that are new are published together, and those that are
// not get the receipt of the original, when that is durable.

import ApusModel
import ApusStorage
import CloudEvents
import Synchronization

extension Engine {
    /// Publishes what is new of `events`.
    func publishOnce(
        _ events: [CloudEvent], to topic: Topic, by deduplicator: Deduplicator, key: String?,
        completion: @escaping PublishCompletion
    ) {
        let gathering = DuplicateGathering(events: events.count, completion: completion)
        let now = context.clock.wall
        var fresh: [(index: Int, event: CloudEvent, digest: Digest128?)] = []
        for (index, event) in events.enumerated() {
            guard let digest = deduplicator.digest(of: event) else {
                fresh.append((index, event, nil))
                continue
            }
            let waiter: Deduplicator.Waiter = { [weak self] place in
                if let place { return gathering.take(index, duplicate: place, in: topic.name) }
                guard let self else { return gathering.take(index, .failure(.unavailable(.stopping))) }
                // The original is not there, so this one may be.
                self.publishOnce([event], to: topic, by: deduplicator, key: key) { result in
                    gathering.take(index, result)
                }
            }
            switch deduplicator.begin(digest, now: now, waiter: waiter) {
            case .new: fresh.append((index, event, digest))
            case .known(let place):
                deduplicator.duplicates.increment()
                gathering.take(index, duplicate: place, in: topic.name)
            case .underWay: deduplicator.duplicates.increment()
            }
        }
        guard !fresh.isEmpty else { return }
        let published = fresh
        publishAll(published.map(\.event), to: topic, key: key) { result in
            for (number, entry) in published.enumerated() {
                let own = DuplicateGathering.part(of: result, number)
                if let digest = entry.digest {
                    let receipt = try? own.get().first
                    deduplicator.end(
                        digest,
                        at: receipt.map {
                            Deduplicator.Place(
                                partition: Int32($0.partition), offset: $0.offset.rawValue, time: now.rawValue
                            )
                        })
                }
                gathering.take(entry.index, own)
            }
        }
    }

    /// Opens the index of a topic that is to tell duplicates, or closes it.
    func openDeduplication(_ topic: Topic) throws(LogError) {
        let settings = topic.definition.settings.deduplication
        guard topic.deduplicator?.settings != settings else { return }
        guard let settings else { return topic.setDeduplicator(nil) }
        let deduplicator = Deduplicator(settings, topic: topic.name, context: context)
        try deduplicator.load(topic, context: context)
        topic.setDeduplicator(deduplicator)
    }
}

/// Collects what became of each event of a publish.
private final class DuplicateGathering: Sendable {
    private struct State {
        var results: [Result<PublishReceipt, BrokerError>?]
        var missing: Int
    }

    private let completion: PublishCompletion
    private let state: Mutex<State>

    init(events: Int, completion: @escaping PublishCompletion) {
        self.completion = completion
        state = Mutex(State(results: Array(repeating: nil, count: events), missing: events))
    }

    /// The outcome of the event with this number of a publish.
    static func part(
        of result: Result<[PublishReceipt], BrokerError>, _ number: Int
    ) -> Result<[PublishReceipt], BrokerError> {
        switch result {
        case .success(let receipts):
            return number < receipts.count
                ? .success([receipts[number]]) : .failure(.storage("an event without a receipt"))
        case .failure(.partial(let results)) where number < results.count:
            switch results[number] {
            case .success(let receipt): return .success([receipt])
            case .failure(let failure): return .failure(.unavailable(.diskFailed(failure.reason)))
            }
        case .failure(let error): return .failure(error)
        }
    }

    func take(_ index: Int, duplicate place: Deduplicator.Place, in topic: ResourceName) {
        let receipt = PublishReceipt(
            topic: topic, partition: Int(place.partition), offset: Offset(place.offset), isDuplicate: true)
        take(index, .success([receipt]))
    }

    func take(_ index: Int, _ result: Result<[PublishReceipt], BrokerError>) {
        let end: [Result<PublishReceipt, BrokerError>]? = state.withLock { state in
            state.results[index] = result.flatMap { receipts in
                receipts.first.map { .success($0) } ?? .failure(.storage("an event without a receipt"))
            }
            state.missing -= 1
            return state.missing == 0 ? state.results.compactMap { $0 } : nil
        }
        if let end { completion(DuplicateGathering.outcome(of: end)) }
    }

    private static func outcome(
        of results: [Result<PublishReceipt, BrokerError>]
    ) -> Result<[PublishReceipt], BrokerError> {
        var first: BrokerError?
        for case .failure(let error) in results {
            if case .unavailable(.undecided) = error { first = error }
            first = first ?? error
        }
        guard let first else { return .success(results.compactMap { try? $0.get() }) }
        guard results.contains(where: { if case .success = $0 { true } else { false } }) else {
            return .failure(first)
        }
        return .failure(
            .partial(results.map { $0.mapError { BrokerError.PartialFailure(reason: "\($0)") } }))
    }
}
