// SPDX-License-Identifier: Apache-2.0

// Producers' identities and transactions. The broker decides and remembers; here messages are translated.

internal import ApusEngine
internal import ApusGroups
internal import ApusKafkaCodec
internal import ApusModel
internal import Synchronization

extension KafkaCall {
    // MARK: InitProducerId

    func initProducerID(_ request: InitProducerIDRequest) {
        guard request.transactionalID != "" else {
            return answer(
                .initProducerID(
                    InitProducerIDResponse {
                        $0.errorCode = .invalidRequest
                        $0.producerEpoch = -1
                    }))
        }
        let expected =
            version >= 3 && request.producerID >= 0
            ? ProducerIdentity(id: request.producerID, epoch: request.producerEpoch) : nil
        context.broker.allocateProducer(
            transactionalID: request.transactionalID,
            timeout: .milliseconds(Int64(request.transactionTimeoutMs)), expected: expected
        ) { result in
            answer(
                .initProducerID(
                    InitProducerIDResponse {
                        switch result {
                        case .success(let producer):
                            $0.producerID = producer.id
                            $0.producerEpoch = producer.epoch
                        case .failure(let error):
                            $0.errorCode = code(error)
                            $0.producerEpoch = -1
                        }
                    }))
        }
    }

    /// The code for an error of the transaction coordinator. A producer that was fenced was told so by another code before there was one for it.
    private func code(_ error: CoordinatorError?) -> KafkaErrorCode {
        guard let error else { return .noError }
        guard error == .producerFenced else { return KafkaErrorCode(error) }
        return knowsFencing ? .producerFenced : .invalidProducerEpoch
    }

    private var knowsFencing: Bool {
        switch header.api {
        case .initProducerID: version >= 4
        case .addPartitionsToTxn, .addOffsetsToTxn, .endTxn: version >= 2
        // Fenced or not, its offsets are refused for its epoch.
        case .txnOffsetCommit: false
        default: true
        }
    }

    // MARK: Adding to a transaction

    func addPartitionsToTxn(_ request: AddPartitionsToTxnRequest) {
        guard version < 4 else { return addPartitions(of: request.transactions) }
        add(
            request.topics, to: request.transactionalID,
            of: ProducerIdentity(id: request.producerID, epoch: request.producerEpoch), verifyOnly: false
        ) { results in
            answer(.addPartitionsToTxn(AddPartitionsToTxnResponse { $0.resultsByTopic = results }))
        }
    }

    /// Several transactions in one request: brokers ask each other so, and clients do not.
    private func addPartitions(of transactions: [AddPartitionsToTxnRequest.Transaction]) {
        let gathering = TransactionGathering(count: transactions.count) { results in
            answer(.addPartitionsToTxn(AddPartitionsToTxnResponse { $0.resultsByTransaction = results }))
        }
        for (place, transaction) in transactions.enumerated() {
            add(
                transaction.topics, to: transaction.transactionalID,
                of: ProducerIdentity(id: transaction.producerID, epoch: transaction.producerEpoch),
                verifyOnly: transaction.verifyOnly
            ) { results in
                gathering.take(
                    AddPartitionsToTxnResponse.Result {
                        $0.transactionalID = transaction.transactionalID
                        $0.topicResults = results
                    }, at: place)
            }
        }
    }

    private func add(
        _ topics: [AddPartitionsToTxnRequest.Topic], to transactionalID: String,
        of producer: ProducerIdentity, verifyOnly: Bool,
        _ completion: @escaping @Sendable ([AddPartitionsToTxnResponse.TopicResult]) -> Void
    ) {
        let list = CommitList(
            topics.map { topic in
                (topic.name, topic.partitions.map { CommitList.Entry(partition: $0) })
            })
        let respond = { @Sendable (codes: [KafkaErrorCode]) in
            completion(
                list.grouped(codes).map { name, partitions in
                    AddPartitionsToTxnResponse.TopicResult { topic in
                        topic.name = name
                        topic.resultsByPartition = partitions.map { number, code in
                            AddPartitionsToTxnResponse.TopicResult.PartitionResult {
                                $0.partitionIndex = number
                                $0.partitionErrorCode = code
                            }
                        }
                    }
                })
        }
        if verifyOnly {
            let errors = list.commits.map { commit in
                context.broker.isInTransaction(commit.place, producer)
                    ? nil : CoordinatorError.invalidTransactionState
            }
            return respond(list.codes(errors) { $0 == nil ? .noError : .transactionAbortable })
        }
        // All or none: a name that cannot be one spoils the rest.
        guard !list.hasRefusals else {
            return respond(list.codes(list.commits.map { _ in CoordinatorError.notAttempted }))
        }
        context.broker.addPartitions(list.commits.map(\.place), to: transactionalID, of: producer) { errors in
            respond(list.codes(errors, code))
        }
    }

    func addOffsetsToTxn(_ request: AddOffsetsToTxnRequest) {
        context.broker.addOffsets(
            group: request.groupID, to: request.transactionalID,
            of: ProducerIdentity(id: request.producerID, epoch: request.producerEpoch)
        ) { error in
            answer(.addOffsetsToTxn(AddOffsetsToTxnResponse { $0.errorCode = code(error) }))
        }
    }

    func txnOffsetCommit(_ request: TxnOffsetCommitRequest) {
        let commit = CommitRequest(
            group: request.groupID, memberID: request.memberID, instanceID: request.groupInstanceID,
            generation: request.generationID, isTransactional: true)
        let refusal = context.groups.ask { coordinator, now in
            (coordinator.validateCommit(commit, now: now), [])
        }
        let list = CommitList(
            request.topics.map { topic in
                (
                    topic.name,
                    topic.partitions.map {
                        CommitList.Entry(
                            partition: $0.partitionIndex, offset: $0.committedOffset,
                            leaderEpoch: $0.committedLeaderEpoch, metadata: $0.committedMetadata ?? "")
                    }
                )
            })
        let respond = { @Sendable (codes: [KafkaErrorCode]) in
            answer(
                .txnOffsetCommit(
                    TxnOffsetCommitResponse { response in
                        response.topics = list.grouped(codes).map { name, partitions in
                            TxnOffsetCommitResponse.Topic { topic in
                                topic.name = name
                                topic.partitions = partitions.map { number, code in
                                    TxnOffsetCommitResponse.Topic.Partition {
                                        $0.partitionIndex = number
                                        $0.errorCode = code
                                    }
                                }
                            }
                        }
                    }))
        }
        if let refusal { return respond(list.codes(KafkaErrorCode(refusal))) }
        context.broker.commitOffsets(
            group: request.groupID, list.commits, in: request.transactionalID,
            of: ProducerIdentity(id: request.producerID, epoch: request.producerEpoch),
            addsGroup: version >= 5
        ) { errors in respond(list.codes(errors, code)) }
    }

    // MARK: EndTxn

    func endTxn(_ request: EndTxnRequest) {
        // With version 5 the producer is told who to go on as.
        let bumpsEpoch = version >= 5
        context.broker.endTransaction(
            request.transactionalID,
            of: ProducerIdentity(id: request.producerID, epoch: request.producerEpoch),
            isCommit: request.committed, bumpsEpoch: bumpsEpoch
        ) { result in
            answer(
                .endTxn(
                    EndTxnResponse {
                        switch result {
                        case .success(let producer) where bumpsEpoch:
                            $0.producerID = producer.id
                            $0.producerEpoch = producer.epoch
                        case .success: break
                        case .failure(let error): $0.errorCode = code(error)
                        }
                    }))
        }
    }

    // MARK: Looking

    func listTransactions(_ request: ListTransactionsRequest) {
        let names = Dictionary(uniqueKeysWithValues: TransactionState.allCases.map { ($0.kafkaName, $0) })
        let known = request.stateFilters.compactMap { names[$0] }
        var response = ListTransactionsResponse()
        response.unknownStateFilters = request.stateFilters.filter { names[$0] == nil }
        do throws(CoordinatorError) {
            let now = SystemClock().wall
            response.transactionStates = try context.broker.transactions().filter { transaction in
                (request.stateFilters.isEmpty || known.contains(transaction.state))
                    && (request.producerIDFilters.isEmpty
                        || request.producerIDFilters.contains(transaction.producer.id))
                    && (request.durationFilter < 0
                        || transaction.started.map {
                            $0.duration(to: now).milliseconds >= request.durationFilter
                        }
                            ?? false)
            }.map { transaction in
                ListTransactionsResponse.Transaction {
                    $0.transactionalID = transaction.id
                    $0.producerID = transaction.producer.id
                    $0.transactionState = transaction.state.kafkaName
                }
            }
        } catch {
            response.errorCode = KafkaErrorCode(error)
        }
        answer(.listTransactions(response))
    }

    func describeTransactions(_ request: DescribeTransactionsRequest) {
        answer(
            .describeTransactions(
                DescribeTransactionsResponse { response in
                    response.transactionStates = request.transactionalIDs.map(describe)
                }))
    }

    private func describe(_ id: String) -> DescribeTransactionsResponse.Transaction {
        var answer = DescribeTransactionsResponse.Transaction { $0.transactionalID = id }
        do throws(CoordinatorError) {
            let found = try context.broker.transaction(id)
            answer.transactionState = found.state.kafkaName
            answer.transactionTimeoutMs = Int32(clamping: found.timeout.milliseconds)
            answer.transactionStartTimeMs = found.started?.rawValue ?? -1
            answer.producerID = found.producer.id
            answer.producerEpoch = found.producer.epoch
            let byTopic = Dictionary(grouping: found.partitions, by: \.topic)
            answer.topics = byTopic.sorted { $0.key < $1.key }.map { name, places in
                DescribeTransactionsResponse.Transaction.Topic {
                    $0.topic = name.description
                    $0.partitions = places.map { Int32($0.partition) }.sorted()
                }
            }
        } catch {
            answer.errorCode = KafkaErrorCode(error)
        }
        return answer
    }

    func describeProducers(_ request: DescribeProducersRequest) {
        answer(
            .describeProducers(
                DescribeProducersResponse { response in
                    response.topics = request.topics.map { topic in
                        DescribeProducersResponse.Topic { answer in
                            answer.name = topic.name
                            answer.partitions = topic.partitionIndexes.map { producers(of: topic.name, $0) }
                        }
                    }
                }))
    }

    private func producers(of name: String, _ number: Int32) -> DescribeProducersResponse.Topic.Partition {
        DescribeProducersResponse.Topic.Partition { partition in
            partition.partitionIndex = number
            guard let topic = try? ResourceName(name) else {
                partition.errorCode = .invalidTopicException
                return
            }
            do throws(BrokerError) {
                let producers = try context.broker.producers(topic, partition: Int(number))
                partition.activeProducers = producers.map { producer in
                    DescribeProducersResponse.Topic.Partition.Producer {
                        $0.producerID = producer.producerID
                        $0.producerEpoch = Int32(producer.epoch)
                        $0.lastSequence = producer.lastSequence
                        $0.lastTimestamp = producer.lastSeen.rawValue
                        $0.currentTxnStartOffset = producer.transactionStart?.rawValue ?? -1
                    }
                }
            } catch {
                partition.errorCode = KafkaErrorCode(error)
                partition.errorMessage = "\(error)"
            }
        }
    }
}

/// Collects the results of several transactions of one request.
private final class TransactionGathering: Sendable {
    private let state: Mutex<(results: [AddPartitionsToTxnResponse.Result], missing: Int)>
    private let completion: @Sendable ([AddPartitionsToTxnResponse.Result]) -> Void

    init(count: Int, _ completion: @escaping @Sendable ([AddPartitionsToTxnResponse.Result]) -> Void) {
        state = Mutex((Array(repeating: AddPartitionsToTxnResponse.Result(), count: count), count))
        self.completion = completion
        if count == 0 { completion([]) }
    }

    func take(_ result: AddPartitionsToTxnResponse.Result, at place: Int) {
        let results = state.withLock { state in
            state.results[place] = result
            state.missing -= 1
            return state.missing == 0 ? state.results : nil
        }
        if let results { completion(results) }
    }
}

extension TransactionState {
    /// The state as Kafka's tools print it.
    var kafkaName: String {
        switch self {
        case .empty: "Empty"
        case .ongoing: "Ongoing"
        case .prepareCommit: "PrepareCommit"
        case .prepareAbort: "PrepareAbort"
        case .completeCommit: "CompleteCommit"
        case .completeAbort: "CompleteAbort"
        case .dead: "Dead"
        }
    }
}
