// SPDX-License-Identifier: Apache-2.0

// RabbitMQ as applications use it. Two connections: one that publishes, one that consumes and declares, so that a broker which holds publishers up does
// not hold up what is acknowledged.

internal import ApusAMQPCodec
public import ApusBus
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// A bus on RabbitMQ, or another broker that speaks AMQP 0-9-1 with its extensions.
public final class AMQPTransport: BusTransport {
    public let capabilities: Capabilities
    let configuration: AMQPConfiguration
    let publisher: Publisher
    private let publishing: ConnectionKeeper
    let consuming: ConnectionKeeper
    /// For timers.
    let eventLoop: any EventLoop

    private struct State {
        var isClosed = false
        var receivers: [ObjectIdentifier: AMQPReceiver] = [:]
        /// Types that subscriptions were bound to by this program, by the name of their queue.
        var boundTypes: [String: Set<String>] = [:]
    }

    private let state = Mutex(State())

    init(_ configuration: AMQPConfiguration, _ group: any EventLoopGroup) {
        self.configuration = configuration
        eventLoop = group.next()
        capabilities = Self.capabilities(configuration.eventBytesMax)
        publishing = ConnectionKeeper(configuration, group)
        consuming = ConnectionKeeper(configuration, group)
        publisher = Publisher(publishing, configuration)
    }

    /// Reaches a broker.
    ///
    /// - Throws: ``BusError/invalid(_:)`` for a URL that says what there is not, ``BusError/unauthorized(_:)`` when the broker does not believe who this
    ///   is, ``BusError/unavailable(_:)`` when none of the hosts is reached in time.
    public static func connect(
        _ url: BusURL, _ options: ConnectionOptions
    ) async throws(BusError) -> AMQPTransport {
        let transport = AMQPTransport(
            try AMQPConfiguration(url, options), MultiThreadedEventLoopGroup.singleton)
        do throws(BusError) {
            let connection = try await transport.publishing.connection(until: .now + options.connectTimeout)
            try checkVersion(connection.limits)
        } catch {
            await transport.close()
            throw error
        }
        return transport
    }

    /// Delayed retries need what quorum queues have from 3.10 on; other brokers are taken at their word.
    private static func checkVersion(_ limits: ConnectionLimits) throws(BusError) {
        let numbers = limits.version.split(separator: ".").prefix(2).compactMap { Int($0) }
        guard limits.product == "RabbitMQ", numbers.count == 2, (numbers[0], numbers[1]) < (3, 10) else {
            return
        }
        throw .invalid("RabbitMQ \(limits.version) is too old: Apus needs 3.10 or later")
    }

    static func capabilities(_ eventBytesMax: Int) -> Capabilities {
        Capabilities(
            transport: "amqp",
            features: [
                .delay, .delayedRetry, .countsCrashes, .filterByType, .temporarySubscriptions,
                .managedSubscriptions, .deadLetters,
            ],
            eventBytesMax: eventBytesMax, delayMax: DelayLadder.delayMax, durability: .flushed)
    }

    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Until when something that begins now may wait.
    var patience: ContinuousClock.Instant { .now + configuration.publishTimeout }

    // MARK: Consume

    public func subscribe(_ subscription: Subscription) async throws(BusError) -> any Receiver {
        try check(subscription)
        guard !isClosed else { throw .closed }
        let receiver = AMQPReceiver(subscription, self)
        try await receiver.start()
        let isClosed = state.withLock { state in
            if !state.isClosed { state.receivers[ObjectIdentifier(receiver)] = receiver }
            return state.isClosed
        }
        if isClosed {
            await receiver.close()
            throw .closed
        }
        return receiver
    }

    private func check(_ subscription: Subscription) throws(BusError) {
        if subscription.ordering == .byKey { try capabilities.require(.orderByKey) }
        if subscription.start == .earliest { try capabilities.require(.replay) }
        if subscription.pattern != nil { try capabilities.require(.filterByContent) }
        guard !subscription.group.isEmpty else { throw .invalid("a subscription needs a group") }
        try AMQPName.check(subscription.topic, "topic")
        try AMQPName.check(subscription.name, "subscription")
        try AMQPName.check(subscription.deadLetterTopic, "topic of dead letters")
        if let queue = subscription.queue {
            try AMQPName.check(queue, "queue")
            guard !subscription.isTemporary, subscription.types == nil else {
                throw .invalid("a queue that somebody else made is neither temporary nor bound by types")
            }
        }
        guard subscription.prefetch >= 1 else {
            throw .invalid("prefetch is 1 at least, not \(subscription.prefetch)")
        }
        guard subscription.attemptsMax >= 1 else {
            throw .invalid("attemptsMax is 1 at least, not \(subscription.attemptsMax)")
        }
    }

    public func unsubscribe(_ subscription: Subscription) async throws(BusError) {
        try check(subscription)
        guard subscription.queue == nil else {
            throw .invalid("queue '\(subscription.topic)' is somebody else's, and theirs to delete")
        }
        let mine = state.withLock { state in
            state.boundTypes[subscription.name] = nil
            return state.receivers.values.filter { $0.subscription.name == subscription.name }
        }
        for receiver in mine { receiver.fail(.unknown("subscription '\(subscription.name)'")) }
        try await administer { (connection) throws(AMQPFailure) in
            try await Topology.declare([.queueDelete(Queue.Delete(queue: subscription.name))], on: connection)
        }
    }

    public func deadLetters(
        of subscription: Subscription, limit: Int
    ) async throws(BusError) -> [DeadLetter] {
        try check(subscription)
        var letters: [DeadLetter] = []
        try await administer { (connection) throws(AMQPFailure) in
            letters = try await DeadLetterReader.read(subscription, limit: limit, on: connection)
        }
        return letters
    }

    /// Does something that can be repeated, on the connection for it, until it is done or it takes too long.
    func administer(
        _ body: (AMQPConnection) async throws(AMQPFailure) -> Void
    ) async throws(BusError) {
        let deadline = patience
        while true {
            guard !isClosed else { throw .closed }
            let connection = try await consuming.connection(until: deadline)
            do throws(AMQPFailure) {
                return try await body(connection)
            } catch {
                guard error.isPassing, .now < deadline else { throw error.busError }
                try? await Task.sleep(for: AMQPLimits.backoffFirst)
            }
        }
    }

    /// Types that a queue was bound to before and is not to be any more, which are forgotten by this.
    func formerTypes(_ subscription: Subscription) -> Set<String> {
        state.withLock { state in
            let former = state.boundTypes[subscription.name] ?? []
            state.boundTypes[subscription.name] = subscription.types ?? former
            return former
        }
    }

    func forget(_ receiver: AMQPReceiver) {
        _ = state.withLock { $0.receivers.removeValue(forKey: ObjectIdentifier(receiver)) }
    }

    // MARK: End

    public func close() async {
        let receivers = state.withLock { state in
            state.isClosed = true
            defer { state.receivers = [:] }
            return Array(state.receivers.values)
        }
        for receiver in receivers { await receiver.close() }
        await publishing.close()
        await consuming.close()
    }
}
