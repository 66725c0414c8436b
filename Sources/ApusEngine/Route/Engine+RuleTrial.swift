// SPDX-License-Identifier: Apache-2.0

// Trying a rule: its topic's history is matched as its router would, and what the router would append is told instead.

import ApusModel
import ApusStorage
import ApusTransform
import ApusTransport
import CloudEvents

extension Engine {
    /// Bytes looked through in one step.
    private static let trialBytesMax = 16 << 20
    /// Bytes of events shown by one step, after which no further one is.
    private static let trialShownBytesMax = 1 << 20

    public func tryRule(
        _ settings: RuleSettings, over range: RuleTrialRange, showing limit: Int
    ) async throws(BrokerError) -> RuleTrial {
        let topic = try requireTopic(settings.topic)
        if !settings.targets.isEmpty { try checkTrial(settings) }
        var walk = TrialWalk(
            topic: topic, settings: settings, limit: limit, bytesShownMax: Engine.trialShownBytesMax,
            showsNewest: range.showsNewest,
            targets: settings.targets.map { target in
                (target, target.topic.flatMap { topicAtWork($0)?.partitions.count } ?? 1)
            })
        var budget = Engine.trialBytesMax
        for span in try spans(range, of: topic) {
            guard span.next < span.end else { continue }
            guard budget > 0, !isStopped, !Task.isCancelled else {
                walk.trial.rest.append(span)
                continue
            }
            let next = try look(span, of: topic, &walk, &budget)
            if next < span.end {
                walk.trial.rest.append(
                    RuleTrial.Span(partition: span.partition, next: next, end: span.end))
            }
        }
        walk.finish()
        return walk.trial
    }

    private func spans(
        _ range: RuleTrialRange, of topic: Topic
    ) throws(BrokerError) -> [RuleTrial.Span] {
        let partitions = topic.partitions
        switch range {
        case .newest(let count):
            return zip(partitions, try newest(count, of: topic)).map { partition, range in
                RuleTrial.Span(partition: partition.number, next: range.lowerBound, end: range.upperBound)
            }
        case .rest(let spans, _):
            for span in spans {
                guard partitions.indices.contains(span.partition) else {
                    throw .unknownPartition(topic.name, span.partition)
                }
            }
            return spans
        case .between(let from, let to):
            var spans: [RuleTrial.Span] = []
            for partition in partitions {
                let end = min(try resolve(to, in: partition), partition.signal.end)
                let next = try max(resolve(from, in: partition), resolve(.earliest, in: partition))
                spans.append(
                    RuleTrial.Span(partition: partition.number, next: min(next, end), end: end))
            }
            return spans
        }
    }

    /// Looks through a span until the budget is used up, and says where to go on.
    private func look(
        _ span: RuleTrial.Span, of topic: Topic, _ walk: inout TrialWalk, _ budget: inout Int
    ) throws(BrokerError) -> Offset {
        let partition = topic.partitions[span.partition]
        let end = min(span.end, partition.signal.end)
        var next = span.next
        while next < end, budget > 0 {
            let batches: [RecordBatch]
            do {
                batches = try partition.readEvents(from: next, byteLimit: 256 << 10, in: context.store)
            } catch {
                guard let around = LookAhead.wayAround(error), around > next else {
                    throw BrokerError(reading: error)
                }
                walk.trial.unreadable += 1
                next = around
                continue
            }
            guard let last = batches.last else { return span.end }
            for batch in batches {
                budget -= batch.length
                walk.take(batch, from: next, to: end, partition: partition.number, context)
            }
            next = last.nextOffset
        }
        return next < end ? next : span.end
    }
}

/// A trial while it is made.
private struct TrialWalk {
    let topic: Topic
    let limit: Int
    let bytesShownMax: Int
    let showsNewest: Bool
    /// The rule's targets, with how many partitions those have that are topics.
    let targets: [(target: RuleTarget, partitions: Int)]
    /// What transformations take the rule's name to be.
    let rule = try? ResourceName("trial")
    var matcher: RecordMatcher
    var bytesShown = 0
    var trial = RuleTrial(looked: 0, matched: 0, unreadable: 0, matches: [], rest: [])

    init(
        topic: Topic, settings: RuleSettings, limit: Int, bytesShownMax: Int, showsNewest: Bool,
        targets: [(target: RuleTarget, partitions: Int)]
    ) {
        self.topic = topic
        self.limit = limit
        self.bytesShownMax = bytesShownMax
        self.showsNewest = showsNewest
        self.targets = targets
        matcher = RecordMatcher([(0, settings.pattern)])
    }

    mutating func take(
        _ batch: RecordBatch, from: Offset, to end: Offset, partition: Int, _ context: EngineContext
    ) {
        // What of a batch cannot be read is passed over by the router too.
        let error = context.forEachRecord(of: batch, in: topic.name, partition) { record in
            guard record.offset >= from else { return true }
            guard record.offset < end else { return false }
            // A redriven event is for one subscription: rules pass over it.
            guard record.header(LineageHeader.recipientBytes) == nil else { return true }
            trial.looked += 1
            var isMatch = false
            matcher.forEachMatch(record) { _ in isMatch = true }
            if isMatch { add(record, partition) }
            return true
        }
        if error != nil { trial.unreadable += 1 }
    }

    private mutating func add(_ record: RecordView, _ partition: Int) {
        trial.matched += 1
        if showsNewest {
            guard limit > 0 else { return }
            // Kept until there are twice as many as wanted, so that choosing costs little for each.
            if trial.matches.count >= 2 * limit || bytesShown >= 2 * bytesShownMax { keepNewest() }
        } else {
            guard trial.matches.count < limit, bytesShown < bytesShownMax else { return }
        }
        let stored = StoredEvent(record: record, topic: topic.name, partition: partition)
        bytesShown += stored.bytesOfData
        let destinations = targets.map { target, partitions -> RuleTrial.Destination in
            let place: RuleTrial.Destination.Place =
                switch target.destination {
                case .topic(let name):
                    .topic(
                        name,
                        partition: Partitioner.partition(of: record, from: partition, count: partitions))
                case .webhook(let push): .webhook(url: push.url)
                }
            return RuleTrial.Destination(place, failure: failure(of: target.transformation, stored))
        }
        trial.matches.append(RuleTrial.Match(stored: stored, destinations: destinations))
    }

    /// Ends the trial's step.
    mutating func finish() {
        if showsNewest { keepNewest() }
    }

    /// Leaves those of the matches that came last, the newest first: as many as are wanted, and as fit, but at least one.
    private mutating func keepNewest() {
        trial.matches.sort { left, right in
            (left.stored.timestamp, left.stored.offset) > (right.stored.timestamp, right.stored.offset)
        }
        bytesShown = 0
        var count = 0
        while count < min(limit, trial.matches.count), bytesShown < bytesShownMax {
            bytesShown += trial.matches[count].stored.bytesOfData
            count += 1
        }
        trial.matches.removeSubrange(count...)
    }

    private func failure(of transformation: Transformation?, _ stored: StoredEvent) -> String? {
        guard let transformation, let rule else { return nil }
        do {
            _ = try transformation.apply(
                to: stored.event,
                in: TransformationContext(rule, topic: topic.name, arrived: stored.timestamp))
            return nil
        } catch { return error.description }
    }
}

extension StoredEvent {
    fileprivate var bytesOfData: Int { event.data?.bytes.count ?? 0 }
}

extension Partitioner {
    /// The partition of a topic with `count` of them that a copy of `record` goes to: by its key, without one by where it came from.
    static func partition(of record: RecordView, from partition: Int, count: Int) -> Int {
        record.key.map { Partitioner.partition(ofKey: $0, count: count) } ?? partition % max(1, count)
    }
}
