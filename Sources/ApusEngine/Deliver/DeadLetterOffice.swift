// SPDX-License-Identifier: Apache-2.0

// Where events go that a subscription gave up: a copy to its dead-letter topic, with the reason, before the subscription settles it. The topic is
// made when the first letter comes.

import ApusModel
import ApusStorage
import Logging
import Synchronization

/// An event on its way to a dead-letter topic.
struct DeadLetterDraft: Sendable, Hashable {
    var position: Position
    var attempts: Int
    var status: Int?
    var reason: String
    /// Whether the reason is what a consumer wrote, which may be anything: the log does not have it.
    var isConsumersReason = false
}

/// Where a burial's copies are.
struct BurialMark: Sendable, Hashable {
    var partition: Int
    /// The offset after them.
    var end: Offset
}

/// Takes events that could not be delivered.
protocol DeadLetterSink: AnyObject, Sendable {
    /// Copies the events to the subscription's dead-letter topic; `completion` comes when the copies are durable, on any thread.
    func bury(
        _ letters: [DeadLetterDraft], of subscription: SubscriptionDefinition, from topic: Topic,
        completion: @escaping @Sendable (Result<BurialMark, BrokerError>) -> Void)
}

/// Finds the dead-letter topics and writes to them.
final class DeadLetterOffice: DeadLetterSink {
    private let context: EngineContext
    /// Gives the dead-letter topic of this name, made if need be.
    private let openTopic:
        @Sendable (ResourceName, @escaping @Sendable (Result<Topic, BrokerError>) -> Void) -> Void

    init(
        context: EngineContext,
        openTopic:
            @escaping @Sendable (ResourceName, @escaping @Sendable (Result<Topic, BrokerError>) -> Void) ->
            Void
    ) {
        self.context = context
        self.openTopic = openTopic
    }

    func bury(
        _ letters: [DeadLetterDraft], of subscription: SubscriptionDefinition, from topic: Topic,
        completion: @escaping @Sendable (Result<BurialMark, BrokerError>) -> Void
    ) {
        openTopic(subscription.deadLetter) { [self] result in
            switch result {
            case .success(let target): append(letters, of: subscription, from: topic, to: target, completion)
            case .failure(let error): completion(.failure(error))
            }
        }
    }

    private func append(
        _ letters: [DeadLetterDraft], of subscription: SubscriptionDefinition, from topic: Topic,
        to target: Topic,
        _ completion: @escaping @Sendable (Result<BurialMark, BrokerError>) -> Void
    ) {
        var builder = RecordBatchBuilder(
            capacity: 2048 * letters.count, producerID: DeadLetterOffice.producerID(of: subscription.id),
            producerEpoch: 0)
        for letter in letters { write(letter, of: subscription, from: topic, into: &builder) }
        // All letters of a subscription lie in one partition, in the order in which they were given up.
        guard let partition = target.partitions.first, let batch = builder.finish() else {
            completion(.failure(.unknownPartition(target.name, 0)))
            return
        }
        let count = batch.lastOffsetDelta
        context.store.append(batch, holding: partition.claim) { result in
            completion(
                result.map { BurialMark(partition: 0, end: $0.advanced(by: Int64(count) + 1)) }
                    .mapError { BrokerError($0) })
        }
    }

    private func write(
        _ letter: DeadLetterDraft, of subscription: SubscriptionDefinition, from topic: Topic,
        into builder: inout RecordBatchBuilder
    ) {
        let (number, offset) = (letter.position.partition, letter.position.offset)
        let place = "\(topic.name)/\(number)/\(offset)"
        let now = context.clock.wall
        var arrived = now
        var hops = 0
        func addLineage(_ builder: inout RecordBatchBuilder) {
            let origin = Origin(topic: topic.id, partition: number, offset: offset)
            builder.addHeader(LineageHeader.origin, origin.text)
            builder.addHeader(LineageHeader.place, place)
            builder.addHeader(LineageHeader.subscription, subscription.name.description)
            builder.addHeader(LineageHeader.reason, letter.reason)
            builder.addHeader(LineageHeader.attempts, String(letter.attempts))
            if let status = letter.status { builder.addHeader(LineageHeader.status, String(status)) }
            builder.addHeader(LineageHeader.arrived, String(arrived.rawValue))
            if hops > 0 { builder.addHeader(LineageHeader.hops, String(hops)) }
        }
        func tell(of letter: DeadLetterDraft, id: @autoclosure () -> String?) {
            context.failures.write("subscription", subscription.name, now: context.clock.now) {
                FailureStory(
                    place: place, id: id(), attempts: letter.attempts, status: letter.status,
                    reason: letter.isConsumersReason ? DeadLetterOffice.consumersReason : letter.reason,
                    deadLetter: subscription.deadLetter)
            }
        }
        let partitions = topic.partitions
        let found: Void?? = try? context.withRecord(partitions[number].log, at: offset) { record in
            (arrived, hops) = (record.timestamp, record.hops)
            builder.addEventHeaders(of: record)
            addLineage(&builder)
            builder.append(timestamp: now, key: record.key, value: record.value)
            tell(of: letter, id: record.eventID)
        }
        if case .some(.some) = found { return }
        tell(of: letter, id: nil)
        // The event itself cannot be read any more; that it was there, and what became of it, must not be lost too.
        addLineage(&builder)
        builder.append(timestamp: now, key: nil as [UInt8]?, value: nil)
    }

    private static let consumersReason = "given up by its consumer; the dead letter has the reason"

    /// The producer id in batches of a subscription's dead letters.
    static func producerID(of subscription: LogID) -> Int64 {
        Int64(truncatingIfNeeded: subscription.high >> 1)
    }

    /// Events of a subscription that are in the dead-letter topic from `mark` on. Where one is not settled, a crash came between.
    func alreadyBuried(
        by subscription: SubscriptionDefinition, in target: Topic, from mark: Offset,
        except isLeftOut: (Position) -> Bool
    ) throws(LogError) -> Set<Position> {
        guard let log = target.partitions.first?.log else { return [] }
        var found: Set<Position> = []
        let bounds = try context.store.bounds(log)
        var offset = max(mark, bounds.start)
        while offset < bounds.end {
            let batches: [RecordBatch]
            do { batches = try context.store.read(log, from: offset, byteLimit: 1 << 20) } catch {
                guard let next = LookAhead.wayAround(error) else { throw error }
                offset = next
                continue
            }
            guard let last = batches.last else { break }
            for batch in batches where batch.isCopy(by: DeadLetterOffice.producerID(of: subscription.id)) {
                _ = try? batch.forEachRecord { record in
                    let letter = Position(partition: 0, offset: record.offset)
                    if let origin = record.origin, origin.topic == subscription.topicID, !isLeftOut(letter) {
                        found.insert(Position(partition: origin.partition, offset: origin.offset))
                    }
                    return true
                }
            }
            offset = last.nextOffset
        }
        return found
    }
}
