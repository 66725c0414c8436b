// SPDX-License-Identifier: Apache-2.0

// The ends of transactions, as their coordinator has decided, and what is known of the producers of a partition.

public import ApusModel
import ApusStorage
import Synchronization

extension Engine {
    /// Writes the end of a producer's transaction into a partition: what the producer appended there since its last one counts from now on, or never
    /// will. `epoch` is the producer's from now on; earlier ones are refused. Repeating it does no harm. Neither waits nor blocks.
    public func appendMarker(
        _ topic: ResourceName, partition number: Int, producerID: Int64, epoch: Int16, isCommit: Bool,
        completion: @escaping @Sendable (Result<Offset, BatchError>) -> Void
    ) {
        let (atWork, partition): (Topic, Partition)
        do throws(BrokerError) { (atWork, partition) = try requirePartition(topic, number) } catch {
            return completion(.failure(.broker(error)))
        }
        guard (0..<ProducerIDs.end).contains(producerID), epoch >= 0 else {
            return completion(.failure(.invalidBatch("there is no producer \(producerID) of epoch \(epoch)")))
        }
        let way = way(into: partition, of: atWork)
        let now = context.clock.wall
        atWork.producerLog.whenOpen(for: atWork, in: context) { result in
            if case .failure(let error) = result { return completion(.failure(.broker(error))) }
            partition.production.end(
                of: producerID, epoch: epoch, TransactionMarker(isCommit: isCommit), by: way, now: now,
                completion: completion)
        }
    }

    func way(into partition: Partition, of topic: Topic) -> Production.Way {
        Production.Way(
            store: context.store, partition: partition,
            stamps: topic.definition.settings.timestamps == .append,
            producersMax: context.options.producersMax, topic: topic)
    }

    public func producers(
        _ topic: ResourceName, partition number: Int
    ) throws(BrokerError) -> [ProducerDescription] {
        let (_, partition) = try requirePartition(topic, number)
        return partition.production.state.withLock { state in
            state.table.producers.map { id, producer in
                ProducerDescription(
                    producerID: id, epoch: producer.epoch,
                    lastSequence: producer.batches.last { $0.epoch == producer.epoch }?.last ?? -1,
                    lastSeen: producer.seen, transactionStart: producer.transaction?.first)
            }
        }.sorted { $0.producerID < $1.producerID }
    }
}
