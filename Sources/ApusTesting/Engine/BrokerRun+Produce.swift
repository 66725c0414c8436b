// SPDX-License-Identifier: Apache-2.0

// Producers that number their batches, in a simulated history: they send again what they got no answer to, through crashes and refusals, and some of them in
// transactions. What they send is there once, and of transactions all or nothing is seen. They are decided by a chance of their own.

import ApusEngine
import ApusModel
import ApusStorage
import CloudEvents

/// A batch that is not acknowledged.
final class SentBatch {
    let ids: [String]
    let batch: RecordBatch
    var isUnderWay = false

    init(ids: [String], batch: RecordBatch) {
        self.ids = ids
        self.batch = batch
    }
}

/// A producer as its client knows it.
final class ProducerModel {
    /// How many batches a client has under way.
    static let batchesMax = 5

    let id: Int64
    let topic: TopicModel
    let partition: Int
    let isTransactional: Bool
    var epoch: Int16 = 0
    /// The number of the next record.
    var sequence: Int32
    /// What is not acknowledged, in order.
    var sent: [SentBatch] = []
    /// The events of the transaction that is open.
    var open: [String] = []
    /// How it is to end, once that is decided.
    var decision: Bool?
    var isEnding = false
    /// Whether a later batch was stored than one that was not: then nobody knows any more what comes next.
    var hasGap = false
    var isGone = false

    init(id: Int64, topic: TopicModel, partition: Int, isTransactional: Bool, sequence: Int32) {
        self.id = id
        self.topic = topic
        self.partition = partition
        self.isTransactional = isTransactional
        self.sequence = sequence
    }
}

/// What is decided about a transaction.
enum TransactionFate {
    case open, committed, aborted
}

extension BrokerRun {
    // MARK: What happens

    /// One of the producers does something, now and then.
    func produceSome() {
        guard options.usesProducers, producerRandom.oneIn(5) else { return }
        producers.removeAll { $0.isGone || $0.topic.certainty == .gone }
        if producers.count < 3, producerRandom.oneIn(4) { return beginProducing() }
        guard !producers.isEmpty else { return }
        let producer = producers[producerRandom.below(producers.count)]
        guard producer.topic.certainty == .certain else { return }
        if producer.decision != nil { return end(producer) }
        switch producerRandom.below(6) {
        case 0..<3: produce(producer)
        case 3: sendAgain(producer)
        default:
            sendAgain(producer)
            decide(producer, isCommit: producerRandom.oneIn(2))
        }
    }

    private func beginProducing() {
        let candidates = topics.filter {
            $0.certainty == .certain && !$0.holdsDeadLetters && $0.settings.deduplication == nil
        }
        guard !candidates.isEmpty else { return }
        let topic = candidates[producerRandom.below(candidates.count)]
        nextProducer += 1
        producers.append(
            ProducerModel(
                id: nextProducer, topic: topic, partition: producerRandom.below(topic.settings.partitions),
                isTransactional: producerRandom.oneIn(2),
                sequence: producerRandom.oneIn(3) ? Int32.max - Int32(producerRandom.below(8)) : 0))
    }

    private func produce(_ producer: ProducerModel) {
        guard producer.sent.count < ProducerModel.batchesMax else { return sendAgain(producer) }
        // What failed goes first.
        guard producer.sent.allSatisfy(\.isUnderWay) else { return sendAgain(producer) }
        var builder = RecordBatchBuilder(
            producerID: producer.id, producerEpoch: producer.epoch, baseSequence: producer.sequence)
        var ids: [String] = []
        for _ in 0...producerRandom.below(3) {
            let key = eventKey(nil, for: producer.topic)
            guard let event = makeProduced(producer.topic, key) else { continue }
            builder.addHeader("ce_specversion", "1.0")
            builder.addHeader("ce_id", event.id)
            builder.addHeader("ce_source", event.source)
            builder.addHeader("ce_type", event.type)
            builder.addHeader("content-type", "application/json")
            builder.append(timestamp: clock.wall, key: key.map { Array($0.utf8) }, value: event.data?.bytes)
            ids.append(event.id)
        }
        guard var batch = builder.finish() else { return }
        if producer.isTransactional {
            batch.setAttributes(0x10)
            producer.open += ids
            for id in ids { transactions[id] = .open }
        }
        producer.sequence = Int32(
            truncatingIfNeeded: (Int64(producer.sequence) + Int64(ids.count)) & Int64(Int32.max))
        let sent = SentBatch(ids: ids, batch: batch)
        producer.sent.append(sent)
        send(sent, of: producer)
    }

    private func makeProduced(_ topic: TopicModel, _ key: String?) -> CloudEvent? {
        nextEvent += 1
        let text = "{\"n\":\(nextEvent)}"
        let event = try? CloudEvent(
            id: "e\(nextEvent)", source: "/simulation", type: "t\(producerRandom.below(4))",
            dataContentType: "application/json", data: CloudEventData(text: text))
        guard let event else { return nil }
        published[event.id] = PublishedEvent(number: nextEvent, topic: topic, event: event, key: key)
        // It is sent more than once, and so has no place in the order of what others publish.
        republished.insert(event.id)
        return event
    }

    /// Sends what got no answer, in order.
    private func sendAgain(_ producer: ProducerModel) {
        for sent in producer.sent where !sent.isUnderWay { send(sent, of: producer) }
    }

    private func send(_ sent: SentBatch, of producer: ProducerModel) {
        note(
            "producer \(producer.id) sends \(sent.ids) from \(sent.batch.baseSequence) to \(producer.topic.name)"
        )
        sent.isUnderWay = true
        append(sent.batch, to: producer.topic.name, partition: producer.partition) { [self] answer in
            note("producer \(producer.id) sent \(sent.ids): \(answer)")
            sent.isUnderWay = false
            // It was given up meanwhile.
            guard producer.sent.contains(where: { $0 === sent }) else { return }
            switch answer {
            case .lost: break
            case .refused(let error): violate("I16: \(error) was thrown")
            case .done(.success(let receipt)): stored(sent, at: receipt, of: producer)
            case .done(.failure(let error)): refused(sent, error, of: producer)
            }
        }
    }

    private func stored(_ sent: SentBatch, at receipt: BatchReceipt, of producer: ProducerModel) {
        if producer.sent.first !== sent { producer.hasGap = true }
        producer.sent.removeAll { $0 === sent }
        for (delta, id) in sent.ids.enumerated() {
            let offset = receipt.baseOffset.advanced(by: Int64(delta))
            guard !producer.topic.wasCut else {
                published[id]?.fate = .acknowledged
                continue
            }
            acknowledge(
                id, PublishReceipt(topic: producer.topic.name, partition: producer.partition, offset: offset))
        }
    }

    private func refused(_ sent: SentBatch, _ error: BatchError, of producer: ProducerModel) {
        switch error {
        case .broker(.unavailable(.undecided)): mayRepeat.formUnion(sent.ids)
        case .broker(.unknownTopic), .broker(.unknownPartition):
            if producer.topic.certainty == .certain, change == nil {
                violate("I16: \(producer.topic.name)/\(producer.partition) is not there: \(error)")
            }
            giveUp(producer)
            producer.isGone = true
        case .broker: break
        case .invalidTimestamp:
            // Nothing is remembered of it: what was sent behind it may have been taken for the beginning, since a clock can be set in between.
            producer.hasGap = true
        case .outOfOrderSequence:
            // Others ahead of it are not there, and are sent again first.
            guard producer.sent.first === sent else { break }
            guard producer.hasGap || producer.topic.wasCut else {
                return violate("I16: \(sent.ids) of producer \(producer.id) was refused: \(error)")
            }
            beginAnew(producer)
        case .invalidBatch, .unsupportedCompression, .violations, .invalidProducerEpoch,
            .invalidTransactionState,
            .concurrentTransactions:
            violate("I16: \(sent.ids) of producer \(producer.id) was refused: \(error)")
        }
    }

    private func giveUp(_ producer: ProducerModel) {
        for id in producer.sent.flatMap(\.ids) where published[id]?.fate == .pending {
            published[id]?.fate = .unknown
        }
        producer.sent = []
    }

    /// Nobody knows what of the last batches is there: another life begins, and a transaction ends with this one.
    private func beginAnew(_ producer: ProducerModel) {
        giveUp(producer)
        (producer.epoch, producer.sequence, producer.hasGap) = (producer.epoch + 1, 0, false)
        if producer.isTransactional, !producer.open.isEmpty { decide(producer, isCommit: false) }
    }

    // MARK: Transactions

    private func decide(_ producer: ProducerModel, isCommit: Bool) {
        guard producer.isTransactional, producer.decision == nil, !producer.open.isEmpty,
            !producer.sent.contains(where: \.isUnderWay)
        else { return }
        if !producer.sent.isEmpty {
            // Only what is all there can be committed.
            guard !isCommit else { return }
            return beginAnew(producer)
        }
        producer.decision = isCommit
        for id in producer.open { transactions[id] = isCommit ? .committed : .aborted }
        end(producer)
    }

    private func end(_ producer: ProducerModel) {
        guard let isCommit = producer.decision, !producer.isEnding else { return }
        note("producer \(producer.id) \(isCommit ? "commits" : "aborts") \(producer.open)")
        producer.isEnding = true
        appendMarker(
            of: producer.id, epoch: producer.epoch, isCommit: isCommit, to: producer.topic.name,
            partition: producer.partition
        ) { [self] answer in
            note("producer \(producer.id) ended: \(answer)")
            producer.isEnding = false
            switch answer {
            case .done(.success): (producer.decision, producer.open) = (nil, [])
            case .done(.failure(.broker(.unknownTopic))), .done(.failure(.broker(.unknownPartition))):
                producer.isGone = true
            case .done(.failure(.broker)), .lost: break
            case .done(.failure(let error)): violate("I16: a marker was refused: \(error)")
            case .refused(let error): violate("I16: \(error) was thrown")
            }
        }
    }

    /// Whether nobody may see it: its transaction has not ended, or not well.
    func isHidden(_ record: TrueRecord) -> Bool {
        record.id.flatMap { transactions[$0] }.map { $0 != .committed } ?? false
    }

    /// How far things are decided, per partition.
    func stableEnds(of topic: TopicModel) -> [Offset] {
        bounds(of: topic).enumerated().map { number, bounds in
            min(bounds.end, (try? engine?.bounds(topic.name, partition: number))?.stableEnd ?? bounds.end)
        }
    }

    // MARK: The end

    /// Everything is sent, and every transaction ends.
    func finishProducing() {
        for round in 0..<40 {
            producers.removeAll { $0.isGone || $0.topic.certainty != .certain }
            for producer in producers {
                if producer.decision != nil {
                    end(producer)
                } else if round >= 20, hasJumped, !producer.sent.isEmpty,
                    producer.sent.allSatisfy({ !$0.isUnderWay })
                {
                    // Times that a clock has had are of the future now.
                    beginAnew(producer)
                } else if !producer.sent.isEmpty {
                    sendAgain(producer)
                } else {
                    decide(producer, isCommit: producerRandom.oneIn(2))
                }
            }
            work(for: .seconds(1))
        }
        for producer in producers where !producer.sent.isEmpty || !producer.open.isEmpty {
            violate("I16: producer \(producer.id) does not get through")
        }
        for (id, event) in published where event.fate == .pending && republished.contains(id) {
            if event.topic.certainty != .certain { published[id]?.fate = .unknown }
        }
    }

    /// What producers sent again is there once.
    func checkProduced(in topic: TopicModel) {
        guard !topic.wasCut else { return }
        var seen: [String: String] = [:]
        for partition in 0..<topic.settings.partitions {
            for record in topic.log(partition).flatMap({ truth.log($0) })?.ordered ?? [] {
                guard let id = record.id, republished.contains(id), topic.settings.deduplication == nil else {
                    continue
                }
                let what = "\(topic.name)/\(partition)/\(record.offset)"
                if record.origin != nil || record.recipient != nil {
                    if isHidden(record) { violate("I16: \(what) is a copy of \(id), which nobody may see") }
                    continue
                }
                if let before = seen[id], !mayRepeat.contains(id) {
                    violate("I16: \(what) is \(id) again, after \(before)")
                }
                seen[id] = what
            }
        }
    }
}
