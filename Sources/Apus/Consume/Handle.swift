// SPDX-License-Identifier: Apache-2.0

// One handler as part of a consumer: what it takes, what it does, and how it differs from the consumer's own ways. The type of the event is known here
// and nowhere further down: what goes on from here are closures that decode and call.

import ApusBus

/// Handles one kind of event; a part of a consumer.
///
/// ```swift
/// Handle(OrderPlaced.self) { order, context in
///     try await charge(order)
/// }
/// .retry(.immediate(3))
/// .timeout(.seconds(10))
/// ```
public struct Handle: Sendable {
    /// What is done with one event.
    struct Single: Sendable {
        /// Reads the data and handles it.
        var decodeAndRun: Middleware.Next
        /// Handles a value that upcasters have made.
        var run: @Sendable (any Sendable, EventContext) async throws -> Void
        /// Whether somebody waits for what it returns.
        var replies = false
    }

    enum Body: Sendable {
        case single(Single)
        case batch(Batch)
    }

    enum Timeout: Sendable {
        case inherited
        case own(Duration?)
    }

    let type: String
    let version: Int
    let topic: String
    let body: Body
    var retry: RetryPolicy?
    var timeout = Timeout.inherited
    var filter: EventFilter?
    var layers: [any Middleware] = []

    init<E: Event>(_ type: E.Type, _ body: Body) {
        self.init(type: E.type, version: E.version, topic: E.topic, body)
    }

    private init(type: String, version: Int, topic: String, _ body: Body) {
        self.type = type
        self.version = version
        self.topic = topic
        self.body = body
    }

    /// Handles events by a closure. Returning acknowledges; throwing has the event retried by the policy, or given up when it throws ``Reject``.
    public init<E: Event>(
        _ type: E.Type, _ handler: @escaping @Sendable (E, EventContext) async throws -> Void
    ) {
        self.init(
            type,
            .single(
                Single(
                    decodeAndRun: { context in
                        // In its place: the property would copy the event.
                        let value = try context.storage.received.event.decoded(as: E.self)
                        try await handler(value, context)
                    },
                    run: { value, context in try await handler(try Self.typed(value), context) })))
    }

    /// Handles events of one type as they travelled, without reading their data: the counterpart of ``RawEvent``. Only those of version 1, which are all that say
    /// nothing of it; upcasters do not lead here.
    ///
    /// - Parameters:
    ///   - type: the kind of the events.
    ///   - topic: where they come from.
    ///   - handler: handles one, whose data is ``EventContext/data``.
    public init(
        type: String, topic: String, _ handler: @escaping @Sendable (EventContext) async throws -> Void
    ) {
        self.init(
            type: type, version: 1, topic: topic,
            .single(Single(decodeAndRun: handler, run: { _, context in try await handler(context) })))
    }

    /// Handles events by a value that has what it needs.
    public init<Handler: EventHandler>(_ handler: Handler) {
        self.init(Handler.Handled.self) { event, context in try await handler.handle(event, context) }
    }

    /// Answers requests: what the closure returns is published to whoever asked, see ``Bus/request(_:as:timeout:options:)``. Of an event that was
    /// given up, the asker is told the reason. Events that nobody waits for an answer to are handled all the same.
    public init<E: Event, Reply: Event>(
        _ type: E.Type, replying reply: Reply.Type,
        _ handler: @escaping @Sendable (E, EventContext) async throws -> Reply
    ) {
        self.init(
            type,
            .single(
                Single(
                    decodeAndRun: { context in
                        try await context.reply(
                            try await handler(try context.event.decoded(as: E.self), context))
                    },
                    run: { value, context in
                        try await context.reply(try await handler(try Self.typed(value), context))
                    }, replies: true)))
    }

    /// Upcasters are put together by type, so this cannot fail unless they were put together wrongly.
    static func typed<E: Event>(_ value: any Sendable) throws -> E {
        guard let event = value as? E else {
            throw UnreadableEvent.undecodable(type: E.type, reason: "upcasters made another type of it")
        }
        return event
    }

    // MARK: What is different about it

    /// With a retry policy of its own.
    public func retry(_ policy: RetryPolicy) -> Handle { with { $0.retry = policy } }

    /// With a limit of its own to how long it may take; nil for none.
    public func timeout(_ limit: Duration?) -> Handle { with { $0.timeout = .own(limit) } }

    /// With further layers around it, inside those of the consumer; the first is outermost.
    public func use(_ layers: any Middleware...) -> Handle { with { $0.layers += layers } }

    /// Only for events that match a pattern.
    ///
    /// - Parameters:
    ///   - pattern: an event pattern, as JSON text.
    ///   - place: where it is evaluated.
    public func matching(_ pattern: String, evaluated place: EventFilter.Place = .broker) -> Handle {
        with { $0.filter = EventFilter(pattern: { pattern }, place: place) }
    }

    func with(_ change: (inout Handle) -> Void) -> Handle {
        var copy = self
        change(&copy)
        return copy
    }
}
