// SPDX-License-Identifier: Apache-2.0

// Events of several topics, grouped: one call of the broker each, and every receipt back in the place of its event.

import CloudEvents

/// Events grouped by topic, with the places they had.
struct TopicBatches {
    private struct Batch {
        var topic: String
        var events: [CloudEvent] = []
        var places: [Int] = []
    }

    private var batches: [Batch] = []
    private var indexes: [String: Int] = [:]
    private var count = 0

    mutating func add(_ event: CloudEvent, to topic: String) {
        let index = indexes[topic] ?? batches.count
        if index == batches.count {
            batches.append(Batch(topic: topic))
            indexes[topic] = index
        }
        batches[index].events.append(event)
        batches[index].places.append(count)
        count += 1
    }

    mutating func add<E: Event>(_ event: E, of bus: Bus) throws(BusError) {
        add(try bus.envelope(event, .none), to: E.topic)
    }

    /// Publishes batch by batch.
    ///
    /// - Throws: ``BusError/partial(_:)`` when some were published and others not; the error itself when none was.
    func publish(with bus: Bus) async throws(BusError) -> [Receipt] {
        var outcomes = [Result<Receipt, BusError.Failure>?](repeating: nil, count: count)
        var firstError: BusError?
        for batch in batches {
            do {
                let receipts = try await bus.send(batch.events, to: batch.topic, nil)
                for (place, receipt) in zip(batch.places, receipts) { outcomes[place] = .success(receipt) }
            } catch .partial(let some) {
                for (place, outcome) in zip(batch.places, some) { outcomes[place] = outcome }
                firstError = firstError ?? .partial(some)
            } catch {
                let failure = BusError.Failure(reason: error.description, isRetryable: error.isRetryable)
                for place in batch.places { outcomes[place] = .failure(failure) }
                firstError = firstError ?? error
            }
        }
        let whole = outcomes.map { outcome in
            outcome
                ?? .failure(BusError.Failure(reason: "the broker gave no outcome", isRetryable: false))
        }
        let receipts = whole.compactMap { try? $0.get() }
        if receipts.count == count { return receipts }
        guard receipts.isEmpty, let firstError, batches.count == 1 || !firstError.isPartial else {
            throw .partial(whole)
        }
        throw firstError
    }
}

extension BusError {
    var isPartial: Bool { if case .partial = self { true } else { false } }
}
