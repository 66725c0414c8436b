// SPDX-License-Identifier: Apache-2.0

// Publishing with a note of by whom. The note is made when the events are as durable as their topic promises, one for all events of a publish that
// went to one partition, and for most not at all: then the publisher pays for a closure and a comparison.

public import ApusModel
public import CloudEvents

extension Engine {
    public func publish(
        _ events: [CloudEvent], to name: ResourceName, key: String?,
        by source: @escaping PublishSourceTeller, completion: @escaping PublishCompletion
    ) {
        guard let journey = context.journey else {
            return publish(events, to: name, key: key, completion: completion)
        }
        publish(events, to: name, key: key) { [weak self] result in
            if case .success(let receipts) = result { self?.note(receipts, by: source, in: journey) }
            completion(result)
        }
    }

    public func append(
        _ batch: consuming RecordBatch, to name: ResourceName, partition: Int,
        by source: @escaping PublishSourceTeller, completion: @escaping BatchCompletion
    ) {
        guard let journey = context.journey else {
            return append(batch, to: name, partition: partition, completion: completion)
        }
        let count = batch.recordCount
        append(batch, to: name, partition: partition) { [weak self] result in
            if case .success(let receipt) = result, !receipt.isDuplicate, count > 0,
                journey.wants(partition, receipt.baseOffset, count: count)
            {
                self?.note(name, partition, receipt.baseOffset, count, source(), in: journey)
            }
            completion(result)
        }
    }

    private func note(
        _ receipts: [PublishReceipt], by source: PublishSourceTeller, in journey: JourneyLog
    ) {
        // Nearly all publishes have one run of events: those of one batch follow each other.
        var runs: [(first: PublishReceipt, count: Int)] = []
        for receipt in receipts where !receipt.isDuplicate {
            let place = runs.lastIndex { run in
                run.first.partition == receipt.partition
                    && run.first.isQuarantined == receipt.isQuarantined
                    && run.first.offset.advanced(by: Int64(run.count)) == receipt.offset
            }
            if let place { runs[place].count += 1 } else { runs.append((receipt, 1)) }
        }
        for (first, count) in runs
        where first.isQuarantined || journey.wants(first.partition, first.offset, count: count) {
            note(first.topic, first.partition, first.offset, count, source(), in: journey)
        }
    }

    private func note(
        _ topic: ResourceName, _ partition: Int, _ offset: Offset, _ count: Int, _ source: PublishSource,
        in journey: JourneyLog
    ) {
        guard let topic = topicAtWork(topic) else { return }
        journey.add(
            JourneyStep(
                topic: topic.id, partition: partition, offset: offset, time: context.clock.wall,
                note: .published(source, count: count)))
    }

    // MARK: Warnings

    /// A completion that also notes what schemas have against events that pass all the same.
    func noting(
        _ warned: [EventViolations], of topic: Topic, _ completion: @escaping PublishCompletion
    ) -> PublishCompletion {
        guard let journey = context.journey, !warned.isEmpty else { return completion }
        return { [context] result in
            if case .success(let receipts) = result {
                for violations in warned where receipts.indices.contains(violations.index) {
                    let receipt = receipts[violations.index]
                    journey.add(
                        JourneyStep(
                            topic: topic.id, partition: receipt.partition, offset: receipt.offset,
                            time: context.clock.wall, note: .warned("\(violations)")))
                }
            }
            completion(result)
        }
    }

    /// The same for a batch; nil when there is nothing to note.
    func noting(
        _ warned: [EventViolations], of topic: Topic, in partition: Int,
        _ completion: @escaping BatchCompletion
    ) -> BatchCompletion? {
        guard let journey = context.journey, !warned.isEmpty else { return nil }
        return { [context] result in
            if case .success(let receipt) = result {
                for violations in warned {
                    journey.add(
                        JourneyStep(
                            topic: topic.id, partition: partition,
                            offset: receipt.baseOffset.advanced(by: Int64(violations.index)),
                            time: context.clock.wall, note: .warned("\(violations)")))
                }
            }
            completion(result)
        }
    }
}
