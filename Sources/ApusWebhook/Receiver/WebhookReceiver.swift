// SPDX-License-Identifier: Apache-2.0

// The receiving side of webhooks as a broker of the library: what is posted to an endpoint is handed to the same consumers, with the same handlers, retries,
// inbox and middleware, as what a broker hands out; what becomes of it is the answer, which the sender understands as its own broker would.

public import ApusBus
public import CloudEvents
public import Logging

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Fetches what is at an address, for Amazon SNS: certificates and confirmations. By https, without following redirects, with bounds on time and size.
///
/// It is asked for nothing but addresses of Amazon SNS itself.
public typealias WebhookFetch = @Sendable (_ url: String) async throws -> [UInt8]

/// What is posted to a webhook, as a bus.
///
/// ```swift
/// let hook = try WebhookReceiver(.init(from: try .standardWebhooks(secrets: [secret])))
/// let billing = try Bus(transport: hook).consumer(
///     group: "billing", options: .init(inbox: MemoryInbox())
/// ) {
///     Handle(OrderPlaced.self) { order, _ in try await charge(order) }
/// }
/// ```
///
/// Whatever server there is calls ``respond(to:)``; `ApusWebhookNIO` has one for SwiftNIO.
///
/// | what became of the events of a request | answer |
/// |---|---|
/// | all handled, or not wanted by anybody | 204 |
/// | one is to be retried | 503 with `Retry-After` |
/// | one was given up | 400, which ends the sender's retries; 204 where a closure takes what is given up |
/// | not all handled in time, nobody consumes, too many wait | 503 |
/// | not from whom it should be | 401, 403 |
/// | not an event, too large | 400, 413 |
public final class WebhookReceiver: BusTransport {
    /// Gets what handlers give up: an event, and why.
    public typealias Rejected = @Sendable (_ event: CloudEvent, _ reason: String) async throws -> Void

    /// How an endpoint answers.
    public struct Options: Sendable {
        /// How long handlers may take before the sender is told to send again. It should be less than what the sender waits for. 10 s.
        public var patience: Duration
        /// How many events may wait or be handled. 10,000.
        public var eventsMax: Int
        /// Whether events that no consumer asks for are given up. False: they are answered as if they had been handled.
        public var rejectsUnwanted: Bool
        /// Where it logs.
        public var logger: Logger

        /// How an endpoint answers.
        public init(
            patience: Duration = .seconds(10), eventsMax: Int = 10_000, rejectsUnwanted: Bool = false,
            logger: Logger = Logger(label: "apus.webhook")
        ) {
            self.patience = patience
            self.eventsMax = eventsMax
            self.rejectsUnwanted = rejectsUnwanted
            self.logger = logger
        }
    }

    public let capabilities: Capabilities
    /// What is taken, and from whom.
    public let endpoint: WebhookEndpoint
    private let options: Options
    private let upstream: (any BusTransport)?
    private let fetch: WebhookFetch?
    private let rejected: Rejected?
    private let now: @Sendable () -> Int64
    let desk: WebhookDesk

    /// What is posted to a webhook, as a bus.
    ///
    /// - Parameters:
    ///   - endpoint: who sends, and how it is known.
    ///   - options: how it answers.
    ///   - upstream: where handlers publish by their context; nil where they do not.
    ///   - fetch: needed for Amazon SNS.
    ///   - rejected: gets what handlers give up, which is then answered as handled; nil has the sender keep it, as it keeps what it cannot deliver.
    /// - Throws: ``WebhookConfigurationError`` when SNS is the sender and there is no `fetch`.
    public convenience init(
        _ endpoint: WebhookEndpoint, options: Options = Options(),
        publishingTo upstream: (any BusTransport)? = nil, fetch: WebhookFetch? = nil,
        rejected: Rejected? = nil
    ) throws(WebhookConfigurationError) {
        try self.init(
            endpoint, options: options, publishingTo: upstream, fetch: fetch, rejected: rejected,
            now: { Int64(time(nil)) })
    }

    init(
        _ endpoint: WebhookEndpoint, options: Options, publishingTo upstream: (any BusTransport)?,
        fetch: WebhookFetch?, rejected: Rejected?, now: @escaping @Sendable () -> Int64
    ) throws(WebhookConfigurationError) {
        if case .sns = endpoint.sender.kind, fetch == nil {
            throw WebhookConfigurationError(
                description:
                    "Amazon SNS signs with certificates, which have to be fetched: 'fetch' is missing")
        }
        self.endpoint = endpoint
        self.options = options
        self.upstream = upstream
        self.fetch = fetch
        self.rejected = rejected
        self.now = now
        desk = WebhookDesk(eventsMax: options.eventsMax)
        capabilities = Capabilities(
            transport: "webhook",
            features: Set([.delayedRetry, .filterByType]).union(
                upstream?.capabilities.features.intersection([.delay, .cancelDelayed]) ?? []),
            eventBytesMax: upstream?.capabilities.eventBytesMax, delayMax: upstream?.capabilities.delayMax,
            durability: upstream?.capabilities.durability ?? .memory)
    }

    // MARK: Requests

    /// The answer to a request, once its events were handled.
    public func respond(to request: WebhookRequest) async -> WebhookResponse {
        // A certificate that was fetched is there the second time.
        for _ in 0..<2 {
            switch endpoint.judge(request, now: now(), certificates: await desk.knownCertificates) {
            case .answer(let response):
                if response.status >= 400 {
                    options.logger.debug(
                        "a request was refused",
                        metadata: [
                            "status": "\(response.status)",
                            "reason": "\(String(decoding: response.body, as: UTF8.self))",
                        ])
                }
                return response
            case .confirm(let url):
                guard await fetched(url) != nil else { return .later("the confirmation did not go through") }
                options.logger.info("a subscription was confirmed")
                return WebhookResponse(status: 200)
            case .needsCertificate(let url):
                guard await desk.mayFetch(at: now()), let pem = await fetched(url) else {
                    return .later("the certificate cannot be had")
                }
                await desk.keep(SNSCertificate(pem: pem), from: url)
            case .deliver(let events): return await deliver(events)
            }
        }
        return .later("the certificate cannot be had")
    }

    private func fetched(_ url: String) async -> [UInt8]? {
        guard let fetch else { return nil }
        do { return try await fetch(url) } catch {
            options.logger.warning("an address could not be fetched", metadata: ["error": "\(error)"])
            return nil
        }
    }

    private func deliver(_ events: [WebhookEvent]) async -> WebhookResponse {
        switch await desk.ask(events, patience: options.patience) {
        case .failure(let refusal):
            switch refusal.offer {
            case .unwanted where options.rejectsUnwanted:
                return .text(400, "nobody here handles events of that type")
            case .unwanted, .waits: return .handled
            case .nobody: return .later("nobody is handling events now", after: .seconds(1))
            case .full: return .later("too many events wait already", after: .seconds(1))
            }
        case .success(nil): return .later("it was not handled in time")
        case .success(let outcome?): return await answer(outcome)
        }
    }

    private func answer(_ outcome: CallOutcome) async -> WebhookResponse {
        if let after = outcome.retryAfter {
            return .later(Self.line(outcome.reason ?? "it was not handled"), after: after)
        }
        guard let first = outcome.rejections.first else { return .handled }
        guard let rejected else { return .text(400, Self.line(first.reason)) }
        for rejection in outcome.rejections {
            do { try await rejected(rejection.event, rejection.reason) } catch {
                return .later(Self.line("what was given up could not be kept"))
            }
        }
        return .handled
    }

    /// A reason as one line, and not a long one: some senders keep it.
    private static func line(_ reason: String) -> String {
        String(reason.prefix(500).map { $0.isNewline ? " " : $0 })
    }

    // MARK: The bus

    public func subscribe(_ subscription: Subscription) async throws(BusError) -> any Receiver {
        try capabilities.requireTopic(subscription)
        if subscription.ordering == .byKey { try capabilities.require(.orderByKey) }
        if subscription.start == .earliest { try capabilities.require(.replay) }
        if subscription.pattern != nil { try capabilities.require(.filterByContent) }
        if subscription.isTemporary { try capabilities.require(.temporarySubscriptions) }
        if subscription.deadLetter != nil { try capabilities.require(.deadLetters) }
        let member = try await desk.join(subscription)
        return WebhookMember(subscription: subscription, member: member, desk: desk)
    }

    public func publish(_ events: [CloudEvent], to topic: String) async throws(BusError) -> [Receipt] {
        guard let upstream else { throw Self.receivesOnly }
        return try await upstream.publish(events, to: topic)
    }

    public func publish(
        _ events: [CloudEvent], to topic: String, at time: CloudEventTimestamp
    ) async throws(BusError) -> [Receipt] {
        guard let upstream else { throw .unsupported(.delay, transport: "webhook") }
        return try await upstream.publish(events, to: topic, at: time)
    }

    public func cancel(_ scheduleID: String) async throws(BusError) -> Bool {
        guard let upstream else { throw .unsupported(.cancelDelayed, transport: "webhook") }
        return try await upstream.cancel(scheduleID)
    }

    private static let receivesOnly = BusError.invalid(
        "a webhook receives and has nowhere to publish: make it with 'publishingTo', or publish on another bus"
    )

    public func unsubscribe(_ subscription: Subscription) async throws(BusError) {
        throw .unsupported(.managedSubscriptions, transport: capabilities.transport)
    }

    public func deadLetters(of subscription: Subscription, limit: Int) async throws(BusError) -> [DeadLetter]
    {
        throw .unsupported(.deadLetters, transport: capabilities.transport)
    }

    /// Answers what waits with a request to send it again. The bus that handlers publish on stays open.
    public func close() async { await desk.close() }
}

/// One consumer of a webhook.
struct WebhookMember: Receiver {
    let subscription: Subscription
    let member: UInt64
    let desk: WebhookDesk

    func receive(limit: Int, wait: Duration) async throws(BusError) -> [ReceivedEvent] {
        if await desk.isClosed { throw .closed }
        let events = await desk.handOut(subscription, member, limit: limit, until: .now + wait)
        if events.isEmpty, await desk.isClosed { throw .closed }
        return events
    }

    func settle(_ settlements: [Settlement]) async throws(BusError) -> [SettleResult] {
        await desk.settle(settlements)
    }

    func extend(_ tokens: [DeliveryToken], by duration: Duration) async throws(BusError) {}

    func close() async { await desk.leave(subscription.name, member) }
}
