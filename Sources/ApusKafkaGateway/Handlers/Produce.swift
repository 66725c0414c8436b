// SPDX-License-Identifier: Apache-2.0

// Produce: batches go to the log as they came, checked and not opened.

internal import ApusEngine
internal import ApusKafkaCodec
internal import ApusModel
internal import NIOCore
internal import Synchronization

extension KafkaCall {
    func produce(_ request: ProduceRequest) {
        let count = request.topicData.reduce(0) { $0 + $1.partitionData.count }
        let gathering = ProduceGathering(self, request, count: count)
        guard count > 0 else { return gathering.finish() }
        guard (-1...1).contains(request.acks) else {
            for place in 0..<count { gathering.take(.failure(.code(.invalidRequiredAcks, nil)), at: place) }
            return
        }
        guard let addition = addition(of: request, { append(request, gathering, $0) }) else {
            return append(request, gathering, [:])
        }
        context.additions.submit(addition)
    }

    /// Appends the batches of a request, but for partitions that a transaction could not be given.
    private func append(
        _ request: ProduceRequest, _ gathering: ProduceGathering,
        _ failures: [TopicPartition: CoordinatorError]
    ) {
        var place = 0
        for topic in request.topicData {
            let name = produceTopic(topic)
            for partition in topic.partitionData {
                let (result, here) = (gathering, place)
                place += 1
                guard case .success(let name) = name else {
                    if case .failure(let failure) = name { result.take(.failure(failure), at: here) }
                    continue
                }
                do throws(ProduceFailure) {
                    if !failures.isEmpty, let error = failures[TopicPartition(name, Int(partition.index))] {
                        throw .code(KafkaErrorCode(adding: error), "\(error)")
                    }
                    let batch = try Self.batch(in: partition.records)
                    // Whether the transaction is under way here is for the broker to say, where it appends.
                    guard !batch.isTransactional || request.transactionalID != nil else {
                        throw .code(
                            .invalidTxnState, "the batch is of a transaction, and the request names none")
                    }
                    let trace =
                        context.configuration.tracesEvents
                        ? ProduceTrace.begin(batch, to: name, partition: Int(partition.index)) : nil
                    context.broker.append(
                        batch, to: name, partition: Int(partition.index), by: { [self] in source }
                    ) { outcome in
                        if let trace {
                            if case .failure(let error) = outcome { trace.end(error) } else { trace.end(nil) }
                        }
                        result.take(outcome.mapError { .batch($0) }, at: here)
                    }
                } catch {
                    result.take(.failure(error), at: here)
                }
            }
        }
    }

    /// Who produces.
    private var source: PublishSource {
        PublishSource(channel: "kafka", client: header.clientID ?? session.software, address: session.peer)
    }

    /// What has to be added to a transaction before the batches are appended: where the version says that the producer leaves that to the server.
    private func addition(
        of request: ProduceRequest,
        _ append: @escaping @Sendable ([TopicPartition: CoordinatorError]) -> Void
    ) -> TransactionAdditions.Request? {
        guard version >= 12, let transactionalID = request.transactionalID else { return nil }
        var addition: TransactionAdditions.Request?
        for topic in request.topicData {
            guard case .success(let name) = produceTopic(topic),
                let summary = context.broker.topicSummary(name)
            else { continue }
            for partition in topic.partitionData {
                guard (0..<summary.partitions).contains(Int(partition.index)),
                    let producer = partition.records.transactionalProducer
                else { continue }
                var next =
                    addition
                    ?? TransactionAdditions.Request(
                        transactionalID: transactionalID, producer: producer, places: [], append: append)
                // A request is of one producer; what it has of another one is refused where it is appended.
                guard next.producer == producer else { continue }
                next.places.append(TopicPartition(name, Int(partition.index)))
                addition = next
            }
        }
        return addition
    }

    private func produceTopic(_ topic: ProduceRequest.Topic) -> Result<ResourceName, ProduceFailure> {
        if version >= 13 {
            guard let summary = context.topic(topic.topicID) else {
                return .failure(.code(.unknownTopicID, nil))
            }
            return .success(summary.name)
        }
        guard let name = try? ResourceName(topic.name) else {
            return .failure(.code(.invalidTopicException, nil))
        }
        return .success(name)
    }

    /// The one batch that a partition of a request has to have.
    private static func batch(in records: RecordData) throws(ProduceFailure) -> RecordBatch {
        guard let bytes = records.joined, bytes.readableBytes > 0 else {
            throw .code(.invalidRecord, "there is no record batch")
        }
        do throws(RecordBatchError) {
            if try RecordBatch.length(of: bytes.readableBytesView) >= bytes.readableBytes {
                return try RecordBatch(verifying: bytes)
            }
        } catch {
            throw .code(KafkaErrorCode(error), "\(error)")
        }
        throw .code(.invalidRecord, "there is more than one record batch for a partition")
    }
}

extension RecordData {
    /// Who begins with a batch of a transaction, as the batch says, which may not be a whole one.
    fileprivate var transactionalProducer: ProducerIdentity? {
        guard let bytes = joined, bytes.readableBytes >= RecordBatch.headerLength else { return nil }
        let start = bytes.readerIndex
        guard let attributes = bytes.getInteger(at: start + 21, as: UInt16.self), attributes & 0x10 != 0,
            let id = bytes.getInteger(at: start + 43, as: Int64.self),
            let epoch = bytes.getInteger(at: start + 51, as: Int16.self)
        else { return nil }
        return ProducerIdentity(id: id, epoch: epoch)
    }
}

extension SchemaRefusal {
    /// The records that are to blame, each with what is wrong with it.
    fileprivate var recordErrors: [ProduceResponse.Topic.Partition.RecordError] {
        violations.map { record in
            .init {
                $0.batchIndex = Int32(clamping: record.index)
                $0.batchIndexErrorMessage = record.description
            }
        }
    }
}

/// Why one partition of a request was not taken.
enum ProduceFailure: Error {
    case code(KafkaErrorCode, String?)
    case batch(BatchError)
}

/// Collects the outcomes of one request and answers when all are there.
private final class ProduceGathering: Sendable {
    private struct State {
        var results: [Result<BatchReceipt, ProduceFailure>?]
        var missing: Int
    }

    private let call: KafkaCall
    /// The first version whose clients abort a transaction over this code, which with the older one they gave up.
    private static let firstAborting: Int16 = 11
    private let acks: Int16
    /// Names and partitions, without the records: those are not kept longer than the log needs them.
    private let shape: [(name: String, id: KafkaUUID, partitions: [Int32])]
    private let state: Mutex<State>

    init(_ call: KafkaCall, _ request: ProduceRequest, count: Int) {
        self.call = call
        acks = request.acks
        shape = request.topicData.map { ($0.name, $0.topicID, $0.partitionData.map(\.index)) }
        state = Mutex(State(results: Array(repeating: nil, count: count), missing: count))
    }

    func take(_ result: Result<BatchReceipt, ProduceFailure>, at place: Int) {
        let isLast = state.withLock { state in
            state.results[place] = result
            state.missing -= 1
            return state.missing == 0
        }
        if isLast { finish() }
    }

    func finish() {
        let results = state.withLock(\.results)
        guard acks != 0 else {
            // There is no answer to put an error in; a closed connection is what makes the client look again.
            let isWhole = results.allSatisfy { if case .success? = $0 { true } else { false } }
            return call.responder.send(isWhole ? .nothing : .close)
        }
        var place = 0
        call.answer(
            .produce(
                ProduceResponse { response in
                    response.responses = shape.map { topic in
                        ProduceResponse.Topic { answer in
                            answer.name = topic.name
                            answer.topicID = topic.id
                            answer.partitionResponses = topic.partitions.map { number in
                                defer { place += 1 }
                                return partition(number, results[place])
                            }
                        }
                    }
                }))
    }

    private func partition(
        _ number: Int32, _ result: Result<BatchReceipt, ProduceFailure>?
    ) -> ProduceResponse.Topic.Partition {
        ProduceResponse.Topic.Partition { partition in
            partition.index = number
            partition.baseOffset = -1
            switch result {
            case .success(let receipt)?:
                partition.baseOffset = receipt.baseOffset.rawValue
                partition.logStartOffset = receipt.logStart.rawValue
                partition.logAppendTimeMs = receipt.appendTime?.rawValue ?? -1
            case .failure(.code(let code, let message))?:
                partition.errorCode = code
                partition.errorMessage = message
            case .failure(.batch(let error))?:
                partition.errorCode =
                    error == .invalidTransactionState && call.version >= Self.firstAborting
                    ? .transactionAbortable : KafkaErrorCode(error)
                partition.errorMessage = "\(error)"
                if case .violations(let refusal) = error { partition.recordErrors = refusal.recordErrors }
            case nil: partition.errorCode = .unknownServerError
            }
        }
    }
}
