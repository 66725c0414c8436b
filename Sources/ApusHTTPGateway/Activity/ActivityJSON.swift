// SPDX-License-Identifier: Apache-2.0

// One sample of what goes on, as JSON. Counts only grow, and histograms are cumulative as Prometheus has them: whoever reads two samples
// has rates and quantiles of the time between.

internal import ApusEngine
internal import ApusModel
internal import ApusStorage
internal import JSONText

/// Writes samples.
enum ActivityJSON {
    static func sample(_ context: GatewayContext) -> [UInt8] {
        let (broker, figures) = (context.broker, context.configuration.figures())
        var writer = JSONWriter(capacity: 2048)
        writer.object { writer in
            writer.member("time", context.now)
            writer.member("ready", broker.unavailability == nil && !context.calls.isDraining)
            writer.activity(broker.activity())
            writer.store(broker.status())
            writer.histogram("publish_ack", figures.publishAcknowledgements)
            writer.histogram("flush", figures.flushes)
            writer.histogram("delivery_delay", figures.deliveryDelays)
            writer.member("memory_bytes", figures.residentBytes)
            writer.member("http_connections", figures.httpConnections)
            writer.member("kafka_connections", figures.kafkaConnections)
        }
        return writer.bytes
    }
}

extension JSONWriter {
    fileprivate mutating func activity(_ activity: BrokerActivity) {
        member("published", activity.published)
        member("delivered", activity.delivered)
        member("acknowledged", activity.acknowledged)
        member("failed", activity.failed)
        member("dead_lettered", activity.deadLettered)
        member("backlog", activity.backlog)
        member("in_flight", activity.inFlight)
        member("waiting", activity.waiting)
        member("oldest_unsettled", activity.oldestUnsettled.map(TimeText.text))
        member("oldest_subscription", activity.oldestSubscription?.description)
        member("failing", activity.failing)
        member("dead_letters", activity.deadLettersWaiting)
    }

    fileprivate mutating func store(_ status: BrokerStatus) {
        member("topics", status.topics)
        member("subscriptions", status.subscriptions)
        member("rules", status.rules)
        key("free_bytes")
        if let free = status.store.freeBytes { integer(free) } else { null() }
        member("stored_bytes", status.store.storedBytes)
        member("pending_bytes", status.store.pendingBytes)
        member("flushed_bytes", status.store.flushedBytes)
    }

    fileprivate mutating func histogram(_ name: StaticString, _ figures: HistogramFigures) {
        key(name)
        object { writer in
            writer.member("bounds", list: figures.upperBounds) { $0.double($1) }
            writer.member("counts", list: figures.cumulativeCounts) { $0.integer($1) }
        }
    }
}
