// SPDX-License-Identifier: Apache-2.0

// The copies of one chunk of a source partition, and the dead letters of events that could not be transformed: one batch for each target
// partition. Whatever an event becomes in one partition is in one batch, so that after a crash either all of it is there or nothing.

import ApusModel
import ApusStorage
import ApusTransform
import CloudEvents
import Logging

/// Writes the copies of a chunk.
struct CopyWriter {
    /// Once this much is written the chunk ends: transformations can make much of little.
    private static let bytesMax = 4 << 20

    let source: Topic
    let partition: Int
    let deadLetters: Topic?
    let now: Timestamp
    let context: EngineContext
    private var builders: [LogID: (target: Partition, builder: RecordBatchBuilder)] = [:]
    private var traces: [LogID: [CopyTrace]] = [:]
    private var length = 0
    /// An event failed, and there is no topic for dead letters.
    private(set) var lacksDeadLetters = false

    init(
        source: Topic, partition: Int, deadLetters: Topic?, now: Timestamp, context: EngineContext
    ) {
        self.source = source
        self.partition = partition
        self.deadLetters = deadLetters
        self.now = now
        self.context = context
    }

    /// Whether the chunk should end.
    var isFull: Bool { length >= CopyWriter.bytesMax || lacksDeadLetters }

    /// Copies a record to a target, transformed if the rule says so; a record that cannot be becomes a dead letter.
    mutating func copy(
        _ record: RecordView, to target: RouteTarget, _ rule: ResourceName, _ repeats: RouteRepeats
    ) {
        guard let transformation = target.transformation else {
            guard let log = begin(record, to: target.topic, repeats) else { return }
            let hop = trace(record, to: target, rule, log)
            builders[log]?.builder.addEventHeaders(of: record, hop: hop)
            addLineage(of: record, rule, hops: record.hops + 1, log)
            return finish(record, to: target.topic, rule, repeats, log, value: record.value)
        }
        let event = CloudEvent(record: record, topic: source.name, partition: partition)
        let result: CloudEvent
        do {
            result = try transformation.apply(
                to: event, in: TransformationContext(rule, topic: source.name, arrived: record.timestamp))
        } catch {
            return bury(record, rule, target: target.topic.name, reason: "\(error)", repeats)
        }
        guard let log = begin(record, to: target.topic, repeats) else { return }
        let hop = trace(record, to: target, rule, log)
        builders[log]?.builder.addForeignHeaders(of: record, hop: hop)
        let value = CloudEventKafkaBinding.encode(result) {
            builders[log]?.builder.addHeader(name: $0, value: $1)
        }
        addLineage(of: record, rule, hops: record.hops + 1, log)
        builders[log]?.builder.addHeader(LineageHeader.transformed, "true")
        if let value {
            value.withUnsafeBytes { finish(record, to: target.topic, rule, repeats, log, value: $0) }
        } else {
            finish(record, to: target.topic, rule, repeats, log, value: nil)
        }
    }

    /// Begins the span of a copy, and says what its record tells of it; nil where there is none.
    private mutating func trace(
        _ record: RecordView, to target: RouteTarget, _ rule: ResourceName, _ log: LogID
    ) -> TraceHop? {
        guard context.options.tracesEvents,
            let trace = CopyTrace.begin(record, rule, from: source.name, partition, to: target.topic.name)
        else { return nil }
        traces[log, default: []].append(trace)
        return trace.hop
    }

    /// Ends a copy whose headers are there. One that is larger than its topic takes becomes a dead letter; several of which each is
    /// small enough may be larger together, since whatever becomes of a chunk in one partition is one batch.
    private mutating func finish(
        _ record: RecordView, to topic: Topic, _ rule: ResourceName, _ repeats: RouteRepeats, _ log: LogID,
        value: UnsafeRawBufferPointer?
    ) {
        let bytes = builders[log]?.builder.lengthAlone(key: record.key, value: value) ?? 0
        do throws(BrokerError) { try topic.check(bytes, in: context) } catch {
            // Of a topic whose name leaves no room for its dead letters' none can be written: better too large than lost.
            guard source.name.deadLetter != nil else { return end(log, key: record.key, value: value) }
            builders[log]?.builder.dropHeaders()
            if context.options.tracesEvents { traces[log]?.last?.fail("\(error)") }
            return bury(
                record, rule, target: topic.name, reason: "topic '\(topic.name)': \(error)", repeats)
        }
        end(log, key: record.key, value: value)
    }

    /// Copies a redriven record to the target that it failed to get to, whether the rule's pattern still matches or not.
    mutating func redeliver(
        _ record: RecordView, to recipient: RuleRecipient, _ table: RouteTable, _ repeats: RouteRepeats
    ) {
        let targets = table.route(of: recipient.rule)?.targets
            .filter { $0.topic.name == recipient.target }
        guard let targets, !targets.isEmpty else {
            let reason = "the rule does not copy to topic '\(recipient.target)' any more, or is not at work"
            return bury(record, recipient.rule, target: recipient.target, reason: reason, repeats)
        }
        for target in targets { copy(record, to: target, recipient.rule, repeats) }
    }

    // MARK: - Dead letters

    private mutating func bury(
        _ record: RecordView, _ rule: ResourceName, target: ResourceName, reason: String,
        _ repeats: RouteRepeats
    ) {
        guard let deadLetters, let partition = deadLetters.partitions.first else {
            lacksDeadLetters = true
            return
        }
        guard let log = begin(record, to: partition, of: deadLetters, repeats) else { return }
        context.failures.write("rule", rule, now: context.clock.now) {
            FailureStory(
                place: "\(source.name)/\(self.partition)/\(record.offset)", id: record.eventID, attempts: 1,
                reason: reason, deadLetter: deadLetters.name)
        }
        builders[log]?.builder.addEventHeaders(of: record)
        addLineage(of: record, rule, hops: record.hops, log)
        builders[log]?.builder.addHeader(LineageHeader.target, target.description)
        builders[log]?.builder.addHeader(LineageHeader.reason, reason)
        builders[log]?.builder.addHeader(LineageHeader.attempts, "1")
        builders[log]?.builder.addHeader(LineageHeader.arrived, String(record.timestamp.rawValue))
        end(log, key: record.key, value: record.value)
    }

    // MARK: - Batches

    private mutating func addLineage(
        of record: RecordView, _ rule: ResourceName, hops: Int, _ log: LogID
    ) {
        let origin = Origin(topic: source.id, partition: partition, offset: record.offset)
        builders[log]?.builder.addHeader(LineageHeader.origin, origin.text)
        builders[log]?.builder.addHeader(
            LineageHeader.place, "\(source.name)/\(partition)/\(record.offset)")
        builders[log]?.builder.addHeader(LineageHeader.rule, rule.description)
        if hops > 0 { builders[log]?.builder.addHeader(LineageHeader.hops, String(hops)) }
    }

    /// Makes room for a copy in the partition of `topic` that its key belongs to; nil when the copy is there already.
    private mutating func begin(_ record: RecordView, to topic: Topic, _ repeats: RouteRepeats) -> LogID? {
        let targets = topic.partitions
        guard !targets.isEmpty else { return nil }
        let index = Partitioner.partition(of: record, from: partition, count: targets.count)
        return begin(record, to: targets[index], of: topic, repeats)
    }

    private mutating func begin(
        _ record: RecordView, to target: Partition, of topic: Topic, _ repeats: RouteRepeats
    ) -> LogID? {
        guard !repeats.contains(target.log, of: topic.id, partition: partition, offset: record.offset) else {
            return nil
        }
        if builders[target.log] == nil {
            let producer = RouteRepeats.producerID(of: source.id)
            builders[target.log] = (
                target, RecordBatchBuilder(capacity: 4096, producerID: producer, producerEpoch: 0)
            )
        }
        return target.log
    }

    private mutating func end(
        _ log: LogID, key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?
    ) {
        let before = builders[log]?.builder.length ?? 0
        builders[log]?.builder.append(timestamp: now, key: key, value: value)
        length += (builders[log]?.builder.length ?? 0) - before
    }

    /// One batch for one partition: how many copies are in it, and the spans of those whose trace is recorded.
    struct Written {
        var target: Partition
        var batch: RecordBatch
        var count: Int
        var traces: [CopyTrace]
    }

    /// The batches, in the order of their logs; dead letters are no copies.
    mutating func finish() -> [Written] {
        builders.sorted(by: { $0.key < $1.key }).compactMap { log, entry in
            var entry = entry
            let count = entry.target === deadLetters?.partitions.first ? 0 : entry.builder.count
            return entry.builder.finish().map {
                Written(target: entry.target, batch: $0, count: count, traces: traces[log] ?? [])
            }
        }
    }
}

/// One target of one rule, as a redriven event names it.
struct RuleRecipient: Hashable, Sendable {
    /// Names of subscriptions have no colon, so that no subscription takes such an event for its own.
    private static let prefix = "rule:"

    var rule: ResourceName
    var target: ResourceName

    init(rule: ResourceName, target: ResourceName) {
        self.rule = rule
        self.target = target
    }

    init?(_ text: String) {
        guard text.hasPrefix(RuleRecipient.prefix) else { return nil }
        let names = text.dropFirst(RuleRecipient.prefix.count).split(separator: "/")
        guard names.count == 2, let rule = try? ResourceName(names[0]),
            let target = try? ResourceName(names[1])
        else { return nil }
        self.init(rule: rule, target: target)
    }

    var text: String { "\(RuleRecipient.prefix)\(rule)/\(target)" }
}

extension TransformationContext {
    /// What a rule's transformation can tell of besides the event.
    init(_ rule: ResourceName, topic: ResourceName, arrived: Timestamp) {
        self.init(
            rule: rule.description, topic: topic.description,
            arrived: CloudEventTimestamp(millisecondsSinceEpoch: arrived.rawValue))
    }
}
