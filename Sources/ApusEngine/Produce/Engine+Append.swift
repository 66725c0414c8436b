// SPDX-License-Identifier: Apache-2.0

// Appending whole batches. What has no producer id goes straight to the store, like every publish; what has one goes through the partition's
// table of producers.

public import ApusModel
import ApusStorage
import Synchronization

extension Engine {
    public func append(
        _ batch: consuming RecordBatch, to name: ResourceName, partition number: Int,
        completion: @escaping BatchCompletion
    ) {
        let (topic, partition): (Topic, Partition)
        do throws(BrokerError) { (topic, partition) = try requirePartition(name, number) } catch {
            return completion(.failure(.broker(error)))
        }
        let settings = topic.definition.settings
        let limit = min(settings.batchBytesMax, context.options.batchBytesMax)
        do throws(BatchError) {
            try batch.prepare(for: settings, now: context.clock.wall, limit: limit)
        } catch {
            return completion(.failure(error))
        }
        var completion = completion
        if topic.schemaGuard != nil {
            do throws(BatchError) {
                if let screened = try screen(batch, for: topic, in: number, completion) {
                    (batch, completion) = screened
                }
            } catch {
                return completion(.failure(error))
            }
        }
        guard batch.hasProducer else {
            return append(batch, into: partition, published: topic.published, completion)
        }
        let (batch, now, ended) = (batch, context.clock.wall, completion)
        let way = way(into: partition, of: topic)
        let isUnderWay = verification(of: batch, in: partition, of: topic)
        guard !topic.producerLog.isOpen else {
            return partition.production.append(
                batch, by: way, now: now, isUnderWay: isUnderWay, completion: ended)
        }
        topic.producerLog.whenOpen(for: topic, in: context) { result in
            if case .failure(let error) = result { return ended(.failure(.broker(error))) }
            partition.production.append(
                batch, by: way, now: now, isUnderWay: isUnderWay, completion: ended)
        }
    }

    /// Whether the transaction of a batch is under way with this partition in it; nil when the batch is of none.
    private func verification(
        of batch: RecordBatch, in partition: Partition, of topic: Topic
    ) -> (@Sendable () -> Bool)? {
        guard batch.isTransactional, context.options.verifiesTransactions else { return nil }
        let place = OffsetPlace(topic: topic.id, partition: Int32(partition.number))
        let producer = ProducerIdentity(id: batch.producerID, epoch: batch.producerEpoch)
        let transactions = coordinators.withLock { $0.transactions }
        return { transactions?.isInTransaction(place, producer) ?? false }
    }

    private func append(
        _ batch: RecordBatch, into partition: Partition, published: Count,
        _ completion: @escaping BatchCompletion
    ) {
        let appendTime = batch.hasAppendTime ? batch.maxTimestamp : nil
        let count = Int64(batch.recordCount)
        context.store.append(batch, holding: partition.claim) { result in
            switch result {
            case .success(let offset):
                published.increment(by: count)
                completion(
                    .success(
                        BatchReceipt(baseOffset: offset, logStart: partition.start, appendTime: appendTime)))
            case .failure(let error): completion(.failure(.broker(BrokerError(error))))
            }
        }
    }
}
