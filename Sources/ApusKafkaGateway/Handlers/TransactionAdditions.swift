// SPDX-License-Identifier: Apache-2.0

// Producers that follow KIP-890 do not say beforehand which partitions their transaction goes to: their first batch to one adds it. That is on disk
// before the batch is appended, and what the producer sends meanwhile waits behind it, so that its batches stay in their order.

internal import ApusEngine
internal import ApusModel
internal import Synchronization

/// Requests of producers that wait for their partitions to be added to transactions.
final class TransactionAdditions: Sendable {
    /// One request with batches of a transaction.
    struct Request: Sendable {
        var transactionalID: String
        var producer: ProducerIdentity
        /// The partitions that its batches go to.
        var places: [TopicPartition]
        /// Appends the batches but those for partitions that could not be added.
        var append: @Sendable ([TopicPartition: CoordinatorError]) -> Void
    }

    private let broker: any Broker
    /// By producer, while one of its requests waits for the broker: those that came after it.
    private let waiting = Mutex<[Int64: [Request]]>([:])

    init(broker: any Broker) { self.broker = broker }

    /// Appends what `request` brings once its partitions take part in the transaction: at once where they do.
    func submit(_ request: Request) {
        let id = request.producer.id
        let isFirst = waiting.withLock { waiting in
            if waiting[id] != nil {
                waiting[id]?.append(request)
                return false
            }
            waiting[id] = [request]
            return true
        }
        if isFirst { proceed(id) }
    }

    private func proceed(_ id: Int64) {
        while let request = next(of: id) {
            let missing = request.places.filter { !broker.isInTransaction($0, request.producer) }
            guard missing.isEmpty else {
                return broker.addPartitions(missing, to: request.transactionalID, of: request.producer) {
                    [self] errors in
                    let failures = zip(missing, errors).compactMap { place, error in
                        error.map { (place, $0) }
                    }
                    request.append(Dictionary(failures) { first, _ in first })
                    proceed(id)
                }
            }
            request.append([:])
        }
    }

    private func next(of id: Int64) -> Request? {
        waiting.withLock { waiting in
            guard waiting[id]?.isEmpty == false else {
                waiting[id] = nil
                return nil
            }
            return waiting[id]?.removeFirst()
        }
    }
}
