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
        let appendTime = settings.timestamps == .append ? batch.maxTimestamp : nil
        let (count, published) = (Int64(batch.recordCount), topic.published)
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
