// SPDX-License-Identifier: Apache-2.0

// Whole batches to a topic that has its events judged by schemas. A batch is refused as a whole, as it is stored as a whole; with a quarantine topic it
// is stored without the records that are not accepted, and takes up the same offsets and numbers of its producer.

package import ApusModel
import Synchronization

extension Engine {
    /// What is appended of a batch, and how its producer is told: nil for a batch that may pass as it is.
    func screen(
        _ batch: RecordBatch, for topic: Topic, in partition: Int, _ completion: @escaping BatchCompletion
    ) throws(BatchError) -> (batch: RecordBatch, completion: BatchCompletion)? {
        guard let schemaGuard = topic.schemaGuard else { return nil }
        let objections = try schemaGuard.objections(to: batch)
        guard objections.count > 0 else {
            return noting(objections.warned, of: topic, in: partition, completion).map { (batch, $0) }
        }
        guard let name = schemaGuard.settings.quarantine else {
            throw .violations(objections.refusal(topic.name, of: batch.recordCount))
        }
        let (refused, base) = (Set(objections.told.map(\.index)), batch.baseOffset)
        let kept: RecordBatch
        do throws(RecordBatchError) {
            kept = try batch.keeping { !refused.contains(Int($0.offset.rawValue - base.rawValue)) }
        } catch { throw .invalidBatch("\(error)") }
        // Both at the same time: waiting for one would let the producer's next batch overtake. Its producer hears of it when both are durable, and if one
        // fails, sends it again.
        let pair = PairedOutcome(completion)
        quarantine(batch, objections.told, of: topic, in: name) { pair.quarantined($0) }
        return (kept, { pair.appended($0) })
    }

    /// How a batch would be refused if it were appended now, nil if it would not be; nothing is appended or put aside.
    ///
    /// - Throws: ``BatchError`` when there is no such topic, or the batch cannot be read.
    package func refusal(
        of batch: RecordBatch, by name: ResourceName
    ) throws(BatchError) -> SchemaRefusal? {
        let topic: Topic
        do throws(BrokerError) { topic = try requireTopic(name) } catch { throw .broker(error) }
        guard let schemaGuard = topic.schemaGuard else { return nil }
        let objections = try schemaGuard.objections(to: batch)
        return objections.count > 0 ? objections.refusal(name, of: batch.recordCount) : nil
    }
}

/// The outcome of a batch of which a part went elsewhere.
private final class PairedOutcome: Sendable {
    private struct State {
        var receipt: Result<BatchReceipt, BatchError>?
        var isQuarantined = false
        var failure: BrokerError?
    }

    private let state = Mutex(State())
    private let completion: BatchCompletion

    init(_ completion: @escaping BatchCompletion) { self.completion = completion }

    func quarantined(_ failure: BrokerError?) {
        finish { ($0.isQuarantined, $0.failure) = (true, failure) }
    }

    func appended(_ result: Result<BatchReceipt, BatchError>) { finish { $0.receipt = result } }

    private func finish(_ change: (inout State) -> Void) {
        let outcome: Result<BatchReceipt, BatchError>? = state.withLock { state in
            change(&state)
            guard state.isQuarantined, let receipt = state.receipt else { return nil }
            guard case .success = receipt, let failure = state.failure else { return receipt }
            return .failure(.broker(failure))
        }
        if let outcome { completion(outcome) }
    }
}
