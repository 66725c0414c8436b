// SPDX-License-Identifier: Apache-2.0

// Publishing: values, many values, bytes, and events that are ready. All of it ends in one call of the transport per topic.

public import CloudEvents
import CoreMetrics

extension Bus {
    /// Publishes an event. Returns when the broker has promised to keep it; ``Receipt/durability`` says how. In a handler whose consumer has
    /// ``ConsumerOptions/transactions`` it is kept until the handled event is acknowledged, and published with that.
    ///
    /// ```swift
    /// try await bus.publish(OrderPlaced(orderID: "o-1", region: "eu", total: 12.5))
    /// ```
    ///
    /// - Parameters:
    ///   - event: what happened.
    ///   - options: what is different about this one.
    /// - Throws: ``BusError``.
    @discardableResult
    public func publish<E: Event>(
        _ event: E, options: PublishOptions = .none
    ) async throws(BusError) -> Receipt {
        try await one(try envelope(event, options), to: options.topic ?? E.topic, options.due)
    }

    /// Publishes an event after some time; needs ``Feature/delay``. ``cancel(_:)`` takes it back until then.
    @discardableResult
    public func publish<E: Event>(
        _ event: E, after delay: Duration, options: PublishOptions = .none
    ) async throws(BusError) -> Receipt {
        try await one(try envelope(event, options), to: options.topic ?? E.topic, .after(delay))
    }

    /// Publishes an event at a time; needs ``Feature/delay``. ``cancel(_:)`` takes it back until then.
    @discardableResult
    public func publish<E: Event>(
        _ event: E, at time: CloudEventTimestamp, options: PublishOptions = .none
    ) async throws(BusError) -> Receipt {
        try await one(try envelope(event, options), to: options.topic ?? E.topic, .at(time))
    }

    /// Publishes events of one kind, in order. Returns one receipt for each, in order.
    ///
    /// - Throws: ``BusError``; ``BusError/partial(_:)`` when some were published and others not.
    @discardableResult
    public func publish<E: Event>(_ events: [E]) async throws(BusError) -> [Receipt] {
        var envelopes: [CloudEvent] = []
        envelopes.reserveCapacity(events.count)
        var series = EnvelopeSeries(of: self)
        for index in events.indices { try series.add(events[index], to: &envelopes) }
        return try await publish(envelopes, to: E.topic)
    }

    /// Publishes events of several kinds: one call of the broker per topic, in the order in which topics first appear; within a topic, order is kept.
    /// Returns one receipt for each, in the order of `events`. What was published before a call failed stays published.
    ///
    /// - Throws: ``BusError``; ``BusError/partial(_:)``, with an outcome for every event, when some were published and others not.
    @discardableResult
    public func publish(_ events: [any Event]) async throws(BusError) -> [Receipt] {
        var batch = TopicBatches()
        for event in events { try batch.add(event, of: self) }
        return try await batch.publish(with: self)
    }

    /// Publishes bytes.
    @discardableResult
    public func publish(
        _ event: RawEvent, options: PublishOptions = .none
    ) async throws(BusError) -> Receipt {
        try await one(try envelope(event, options), to: options.topic ?? event.topic, options.due)
    }

    /// Publishes bytes, many at a time; those of one topic in order. Returns one receipt for each, in order.
    @discardableResult
    public func publish(_ events: [RawEvent]) async throws(BusError) -> [Receipt] {
        guard let first = events.first, events.indices.contains(where: { events[$0].topic != first.topic })
        else {
            var envelopes: [CloudEvent] = []
            envelopes.reserveCapacity(events.count)
            var series = EnvelopeSeries(of: self)
            // In place: handing each event out of the array would retain all that it has.
            let span = events.span
            for index in span.indices { try series.add(span[index], to: &envelopes) }
            return try await publish(envelopes, to: events.first?.topic ?? "")
        }
        var batch = TopicBatches()
        for event in events { batch.add(try envelope(event, .none), to: event.topic) }
        return try await batch.publish(with: self)
    }

    /// Publishes an event that is ready, as it is.
    @discardableResult
    public func publish(_ event: CloudEvent, to topic: String) async throws(BusError) -> Receipt {
        try await one(event, to: topic, nil)
    }

    /// Publishes events that are ready, as they are, in order. Returns one receipt for each, in order.
    @discardableResult
    public func publish(_ events: [CloudEvent], to topic: String) async throws(BusError) -> [Receipt] {
        guard !events.isEmpty else { return [] }
        return try await send(events, to: topic, nil)
    }

    /// Takes a delayed event back, by the receipt of its publish; needs ``Feature/cancelDelayed``. False when it was published already.
    ///
    /// - Throws: ``BusError/invalid(_:)`` when the receipt is not that of a delayed event.
    public func cancel(_ receipt: Receipt) async throws(BusError) -> Bool {
        guard let id = receipt.scheduleID else {
            throw .invalid(
                "only the receipt of a delayed event can be cancelled; this one has no schedule id")
        }
        try require(.cancelDelayed)
        return try await transport.cancel(id)
    }

    private func one(
        _ event: CloudEvent, to topic: String, _ due: PublishOptions.Due?
    ) async throws(BusError) -> Receipt {
        let receipts: [Receipt]
        do {
            receipts = try await send([event], to: topic, due)
        } catch .partial(let outcomes) {
            // Of one event, part means nothing: say what happened to it.
            switch outcomes.first {
            case .success(let receipt): return receipt
            case .failure(let failure):
                throw failure.isRetryable ? .unavailable(failure.reason) : .refused(failure.reason)
            case nil: throw .undecided("\(capabilities.transport) gave no outcome for the event")
            }
        }
        guard let receipt = receipts.first else {
            throw .undecided("\(capabilities.transport) gave no receipt for the event")
        }
        return receipt
    }

    func send(
        _ events: [CloudEvent], to topic: String, _ due: PublishOptions.Due?
    ) async throws(BusError) -> [Receipt] {
        guard !topic.isEmpty else { throw .invalid("an event needs a topic") }
        if let context = EventContext.current, let transaction = context.storage.transaction,
            context.bus === self
        {
            return try keep(events, to: topic, due, in: transaction)
        }
        return try await sendNow(events, to: topic, due)
    }

    /// For the transaction in which the current event is handled.
    private func keep(
        _ events: [CloudEvent], to topic: String, _ due: PublishOptions.Due?, in transaction: EventTransaction
    ) throws(BusError) -> [Receipt] {
        guard due == nil else {
            throw .invalid("in a transaction events are published with it and not at another time")
        }
        guard transaction.add(events, to: topic) else {
            throw .invalid(
                "the transaction of this event is over: what belongs to it is published before its handler returns"
            )
        }
        return events.map { _ in Receipt(topic: topic, durability: .memory) }
    }

    /// Publishes at once, whatever is being handled.
    func sendNow(
        _ events: [CloudEvent], to topic: String, _ due: PublishOptions.Due?
    ) async throws(BusError) -> [Receipt] {
        if due != nil { try require(.delay) }
        let metrics = publishing.handles(for: topic)
        let began = clock.uptime
        do {
            let receipts = try await telemetry.publishing(events.count, to: topic) {
                () async throws(BusError) -> [Receipt] in
                switch due {
                case nil: try await transport.publish(events, to: topic)
                case .at(let time): try await transport.publish(events, to: topic, at: time)
                case .after(let delay):
                    try await transport.publish(events, to: topic, at: clock.wallTime.advanced(by: delay))
                }
            }
            metrics.published.increment(by: events.count)
            metrics.duration.recordNanoseconds((clock.uptime - began).nanosecondsClamped)
            return receipts
        } catch {
            if case .partial(let outcomes) = error {
                let failed = outcomes.count { if case .failure = $0 { true } else { false } }
                metrics.published.increment(by: outcomes.count - failed)
                metrics.failed.increment(by: failed)
            } else {
                metrics.failed.increment(by: events.count)
            }
            throw error
        }
    }
}
