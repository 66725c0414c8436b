// SPDX-License-Identifier: Apache-2.0

// Appending whole batches. What has no producer id goes straight to the store, like every publish; what has one goes through the partition's
// table of producers.

public import ApusModel
import ApusStorage

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
        do throws(BatchError) {
            try batch.prepare(for: settings, now: context.clock.wall, limit: context.options.batchBytesMax)
        } catch {
            return completion(.failure(error))
        }
        guard batch.hasProducer else {
            return append(batch, into: partition, published: topic.published, completion)
        }
        let (batch, now) = (batch, context.clock.wall)
        let way = way(into: partition, of: topic)
        guard !topic.producerLog.isOpen else {
            return partition.production.append(batch, by: way, now: now, completion: completion)
        }
        topic.producerLog.whenOpen(for: topic, in: context) { result in
            if case .failure(let error) = result { return completion(.failure(.broker(error))) }
            partition.production.append(batch, by: way, now: now, completion: completion)
        }
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
