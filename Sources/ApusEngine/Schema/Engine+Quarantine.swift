// SPDX-License-Identifier: Apache-2.0

// Where events go that a topic's schemas do not accept, when the topic says so: like dead letters, the event as it came, with the reason beside it.

import ApusModel
import ApusStorage
import CloudEvents

extension LineageHeader {
    /// The schema that an event was judged by, in words.
    static let schema = "apus-schema"
}

extension Engine {
    /// Puts events of a publish into the quarantine topic, all of them or none; `completion` comes with a receipt for each when they are durable.
    func quarantine(
        _ events: [CloudEvent], _ objections: [EventViolations], of topic: Topic, in name: ResourceName,
        key: String?, completion: @escaping PublishCompletion
    ) {
        let now = context.clock.wall
        var builder = RecordBatchBuilder(capacity: 1024 * objections.count)
        for objection in objections {
            let event = events[objection.index]
            builder.addReason(objection, topic: topic.name, now: now)
            builder.append(event, key: key ?? event.placementKey, timestamp: now)
        }
        appendToQuarantine(builder, name) { result in
            completion(
                result.map { base in
                    objections.indices.map {
                        PublishReceipt(
                            topic: name, partition: 0, offset: base.advanced(by: Int64($0)),
                            isQuarantined: true)
                    }
                })
        }
    }

    /// Puts records of a batch into the quarantine topic, all of them or none.
    func quarantine(
        _ batch: RecordBatch, _ objections: [EventViolations], of topic: Topic, in name: ResourceName,
        completion: @escaping @Sendable (BrokerError?) -> Void
    ) {
        let now = context.clock.wall
        var builder = RecordBatchBuilder(capacity: 1024 * objections.count)
        var left = objections[...]
        let base = batch.baseOffset
        do throws(RecordBatchError) {
            try batch.forEachRecord { record in
                guard let next = left.first else { return false }
                guard record.offset.rawValue - base.rawValue == Int64(next.index) else { return true }
                left = left.dropFirst()
                builder.addEventHeaders(of: record)
                builder.addReason(next, topic: topic.name, now: now)
                builder.append(timestamp: now, key: record.key, value: record.value)
                return true
            }
        } catch { return completion(.invalid("\(error)")) }
        appendToQuarantine(builder, name) { result in
            if case .failure(let error) = result { completion(error) } else { completion(nil) }
        }
    }

    private func appendToQuarantine(
        _ builder: RecordBatchBuilder, _ name: ResourceName,
        completion: @escaping @Sendable (Result<Offset, BrokerError>) -> Void
    ) {
        var builder = builder
        guard let batch = builder.finish() else { return completion(.failure(.invalid("nothing to store"))) }
        let append: @Sendable (Topic) -> Void = { [context] topic in
            // Like dead letters they lie in one partition, in the order in which they came.
            guard let partition = topic.partitions.first else {
                return completion(.failure(.unknownPartition(name, 0)))
            }
            do throws(BrokerError) { try topic.check(batch.length, in: context) } catch {
                return completion(.failure(error))
            }
            let (published, count) = (topic.published, Int64(batch.recordCount))
            context.store.append(batch, holding: partition.claim) { result in
                if case .success = result { published.increment(by: count) }
                completion(result.mapError { BrokerError($0) })
            }
        }
        if let topic = topicAtWork(name) { return append(topic) }
        ensureTopic(name, settings: context.options.topicDefaults) { result in
            switch result {
            case .success(let topic): append(topic)
            case .failure(let error): completion(.failure(error))
            }
        }
    }
}

extension StoredEvent {
    /// Why it is in a quarantine topic; nil when it came there, or anywhere, in another way. What was never stored elsewhere has a topic and no place in it.
    var quarantineReason: String? {
        func text(_ name: String) -> String? {
            headers.first { $0.name == name }?.value.map { String(decoding: $0, as: UTF8.self) }
        }
        guard let from = text(LineageHeader.place), !from.contains("/") else { return nil }
        return text(LineageHeader.reason)
    }
}

extension RecordBatchBuilder {
    fileprivate mutating func addReason(_ objection: EventViolations, topic: ResourceName, now: Timestamp) {
        addHeader(LineageHeader.place, topic.description)
        addHeader(LineageHeader.reason, objection.description)
        if let schema = objection.judge { addHeader(LineageHeader.schema, schema) }
        addHeader(LineageHeader.arrived, String(now.rawValue))
    }
}
