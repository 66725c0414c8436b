// SPDX-License-Identifier: Apache-2.0

// Publishing events, now and for later. A receipt means that the broker has confirmed: the event is in every queue that it belongs to, on the disks of
// most of its replicas. A topic to which nobody subscribes keeps nothing, and that is no error.

internal import ApusAMQPCodec
public import ApusBus
public import CloudEvents
internal import NIOCore

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif

extension AMQPTransport {
    public func publish(_ events: [CloudEvent], to topic: String) async throws(BusError) -> [Receipt] {
        try await publish(events, to: topic, delay: nil)
    }

    public func publish(
        _ events: [CloudEvent], to topic: String, at time: CloudEventTimestamp
    ) async throws(BusError) -> [Receipt] {
        let delay = time.fromNow
        guard delay <= DelayLadder.delayMax else {
            throw .invalid("\(time) is further ahead than \(DelayLadder.delayMax), which is the limit here")
        }
        return try await publish(events, to: topic, delay: delay > .zero ? delay : nil)
    }

    private func publish(
        _ events: [CloudEvent], to topic: String, delay: Duration?
    ) async throws(BusError) -> [Receipt] {
        guard !isClosed else { throw .closed }
        try AMQPName.check(topic, "topic")
        for event in events {
            let size = event.data?.bytes.count ?? 0
            guard size <= configuration.eventBytesMax else {
                throw .tooLarge(bytes: size, limit: configuration.eventBytesMax)
            }
        }
        guard !events.isEmpty else { return [] }
        let patience = patience
        while true {
            let outcomes = try await attempt(events, to: topic, delay: delay, until: patience)
            // What never left can be tried again without second thoughts, on another channel.
            let isUntouched = outcomes.allSatisfy {
                if case .notSent(let why) = $0 { why.isPassing || why == .ended } else { false }
            }
            guard isUntouched, !isClosed, .now < patience else { return try receipts(outcomes, topic) }
        }
    }

    private func attempt(
        _ events: [CloudEvent], to topic: String, delay: Duration?, until patience: ContinuousClock.Instant
    ) async throws(BusError) -> [PublishOutcome] {
        let channel = try await publisher.ready(until: patience)
        try await publisher.ensureTopic(topic, on: channel)
        if delay != nil { try await ensureDelays(.topic(topic), on: channel) }
        let deadline = NIODeadline.now() + TimeAmount(max(.zero, ContinuousClock.now.duration(to: patience)))
        let (number, frameMax) = (channel.channel.number, channel.channel.connection.limits.frameMax)
        return try await publisher.publish(events.count, on: channel, until: deadline) {
            (index, encoder) throws(AMQPCodecError) in
            let event = events[index]
            var (properties, body) = try AMQPEventBinding.encode(event)
            var (exchange, key) = (topic, RoutingKey.of(type: event.type))
            if let delay {
                // The type goes along as another routing key, by which the topic routes in the end.
                var headers = properties.headers ?? FieldTable()
                try headers.append("CC", .array([.text(key)]))
                properties.headers = headers
                (exchange, key) = DelayLadder.route(delay, to: .topic(topic))
            }
            try encoder.method(
                .basicPublish(Basic.Publish(exchange: exchange, routingKey: key)), channel: number)
            try encoder.content(properties, body: body, channel: number, frameMax: frameMax)
        }
    }

    /// Makes what a delay needs, once per connection.
    func ensureDelays(
        _ destination: DelayLadder.Destination, on channel: PublishChannel
    ) async throws(BusError) {
        try await publisher.ensure(DelayLadder.deliver, on: channel, DelayLadder.declarations)
        try await publisher.ensure("\(DelayLadder.deliver) \(destination)", on: channel) {
            DelayLadder.bindings(destination)
        }
    }

    private func receipts(_ outcomes: [PublishOutcome], _ topic: String) throws(BusError) -> [Receipt] {
        let receipt = Receipt(topic: topic, durability: capabilities.durability)
        guard outcomes.contains(where: { $0 != .confirmed }) else {
            return Array(repeating: receipt, count: outcomes.count)
        }
        let results = outcomes.map { outcome -> Result<Receipt, BusError> in
            switch outcome {
            case .confirmed: .success(receipt)
            case .refused(let reason): .failure(.unavailable(reason))
            case .unknown(let reason): .failure(.undecided(reason))
            case .notSent(.ended): .failure(isClosed ? .closed : .unavailable("the channel was closed"))
            case .notSent(let failure): .failure(isClosed ? .closed : failure.busError)
            }
        }
        // All the same, or not known of any: that is the error. Otherwise each has its own.
        var errors: Set<BusError> = []
        for case .failure(let error) in results { errors.insert(error) }
        let hasReceipts = outcomes.contains(.confirmed)
        if !hasReceipts, let error = errors.first(where: { if case .undecided = $0 { true } else { false } })
        {
            throw error
        }
        if !hasReceipts, errors.count == 1, let error = errors.first { throw error }
        throw .partial(
            results.map { result in
                result.mapError { BusError.Failure(reason: $0.description, isRetryable: $0.isRetryable) }
            })
    }
}

extension CloudEventTimestamp {
    /// How far ahead it is.
    var fromNow: Duration {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return .seconds(secondsSinceEpoch - Int64(now.tv_sec))
            + .nanoseconds(Int64(nanoseconds) - Int64(now.tv_nsec))
    }
}
