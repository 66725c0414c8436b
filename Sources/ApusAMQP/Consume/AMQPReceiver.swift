// SPDX-License-Identifier: Apache-2.0

// One open subscription. Its events come over a channel of its own, which is opened again, with everything that it needs, when it or its connection is
// gone. What was handed out over a former channel cannot be settled any more: the broker has given it to somebody else, or will.

internal import ApusAMQPCodec
internal import ApusBus
internal import CloudEvents
internal import DequeModule
internal import Logging
internal import NIOCore
internal import Synchronization

/// One open subscription.
final class AMQPReceiver: Receiver {
    /// A channel that delivers, and everything that is about it alone.
    struct Session {
        /// Tokens carry it: those of another session have expired.
        var number: UInt64
        var channel: AMQPChannel
        /// What came and was not handed out.
        var waiting: Deque<UInt64> = []
        /// What came and was not settled, waiting or handed out.
        var unsettled = UnsettledDeliveries<AMQPMessage>()
    }

    struct State {
        var session: Session?
        var nextSession: UInt64
        /// Why there will be no session any more.
        var ended: BusError?
        var waiters: Deque<(id: UInt64, told: CheckedContinuation<Void, Never>)> = []
        var nextWaiter: UInt64 = 0
        var task: Task<Void, Never>?
        /// Of those who wait for the end of a session.
        var sessionEnd: CheckedContinuation<SessionEnd, Never>?
        var lastEnd: SessionEnd?
        /// Why there is no session, since the last one ended.
        var outage: Outage?
    }

    /// Why a session is over.
    enum SessionEnd: Sendable {
        case channel(AMQPFailure)
        /// The server ended the consumer: the queue is gone, or moves.
        case cancelled
    }

    let subscription: Subscription
    /// The queue: that of the group, one of this receiver's own if it is temporary, or one that somebody else made.
    let queue: String
    let transport: AMQPTransport
    /// Sessions have numbers that no other receiver's sessions have, so that tokens cannot be mistaken.
    let state: Mutex<State>

    init(_ subscription: Subscription, _ transport: AMQPTransport) {
        self.subscription = subscription
        self.transport = transport
        let own = UInt64.random(in: 0..<1 << 48)
        queue =
            subscription.queue
            ?? (subscription.isTemporary
                ? "\(subscription.name).\(String(own, radix: 36))" : subscription.name)
        state = Mutex(State(nextSession: own << 16))
    }

    // MARK: Sessions

    /// Opens the first session, and sees to it that there is always one.
    func start() async throws(BusError) {
        let former = transport.formerTypes(subscription)
        try await transport.administer { (connection) throws(AMQPFailure) in
            try await open(on: connection, former: former)
        }
        let task = Task { await keepOpen() }
        state.withLock { $0.task = task }
    }

    private func keepOpen() async {
        var failures = 0
        while state.withLock({ $0.ended == nil }) {
            if case .cancelled = await sessionEnd(), await isDeleted() {
                return fail(.unknown("subscription '\(subscription.name)'"))
            }
            while state.withLock({ $0.ended == nil && $0.session == nil }) {
                do throws(BusError) {
                    let connection = try await transport.consuming.connection(until: transport.patience)
                    do throws(AMQPFailure) {
                        try await open(on: connection, former: [])
                        failures = 0
                    } catch {
                        throw error.busError
                    }
                } catch {
                    guard error.isRetryable else { return fail(error) }
                    failures += 1
                    state.withLock { state in
                        state.outage = Outage(reason: "\(error)", since: state.outage?.since ?? .now)
                    }
                    try? await Task.sleep(for: ConnectionKeeper.backoff(failures))
                }
            }
        }
    }

    /// Waits for the end of the session that there is.
    private func sessionEnd() async -> SessionEnd {
        await withCheckedContinuation { continuation in
            let known = state.withLock { state -> SessionEnd? in
                if let last = state.lastEnd {
                    state.lastEnd = nil
                    return last
                }
                if state.ended != nil { return .channel(.ended) }
                state.sessionEnd = continuation
                return nil
            }
            if let known { continuation.resume(returning: known) }
        }
    }

    /// Declares everything, opens a channel and consumes. `former`: types that the queue was bound to before.
    private func open(on connection: AMQPConnection, former: Set<String>) async throws(AMQPFailure) {
        let (subscription, queue) = (subscription, queue)
        if subscription.queue == nil {
            try await Topology.declare([Topology.topic(subscription.topic)], on: connection)
        }
        if !subscription.isTemporary {
            try await Topology.declare(
                try Topology.known { () throws(AMQPCodecError) in
                    try Topology.deadLetters(subscription.deadLetterTopic)
                }, on: connection)
        }
        if subscription.queue != nil {
            // Somebody else's: it is there or it is not.
            try await Topology.declare(
                [.queueDeclare(Queue.Declare(queue: queue, passive: true))], on: connection)
        } else {
            try await Topology.declareQueue(
                subscription, named: queue, on: connection, transport.configuration.logger)
            try await Topology.declare(
                Topology.bindings(subscription, named: queue, former: former), on: connection)
        }
        let number = state.withLock { state in
            state.nextSession += 1
            return state.nextSession
        }
        let channel = try await connection.openChannel { [weak self] event in self?.take(event, number) }
        try await channel.call(
            .basicQos(Basic.Qos(prefetchCount: UInt16(clamping: subscription.prefetch))))
        let isWanted = state.withLock { state in
            guard state.ended == nil else { return false }
            state.session = Session(number: number, channel: channel)
            state.lastEnd = nil
            return true
        }
        guard isWanted else {
            await channel.close()
            throw .ended
        }
        do throws(AMQPFailure) {
            try await channel.call(.basicConsume(Basic.Consume(queue: queue, consumerTag: "apus-\(number)")))
        } catch {
            over(number, nil)
            throw error
        }
        state.withLock { if $0.session?.number == number { $0.outage = nil } }
    }

    var outage: Outage? { state.withLock(\.outage) }

    /// Whether the queue is not there any more, so that to make it again would be against somebody's will.
    private func isDeleted() async -> Bool {
        guard let connection = try? await transport.consuming.connection(until: transport.patience) else {
            return false
        }
        do throws(AMQPFailure) {
            try await Topology.declare(
                [.queueDeclare(Queue.Declare(queue: queue, passive: true))], on: connection)
        } catch {
            if case .closed(.notFound, _) = error { return true }
        }
        return false
    }

    /// What happens on a channel, told on its event loop.
    private func take(_ event: ChannelEvent, _ number: UInt64) {
        switch event {
        case .returned: break
        case .cancelled: over(number, .cancelled)
        case .ended(let failure): over(number, .channel(failure))
        case .deliveries(let messages):
            let woken = state.withLock { state -> CheckedContinuation<Void, Never>? in
                guard state.session?.number == number else { return nil }
                for message in messages {
                    guard case .basicDeliver(let deliver) = message.method else { continue }
                    state.session?.unsettled.append(deliver.deliveryTag, message)
                    state.session?.waiting.append(deliver.deliveryTag)
                }
                return state.waiters.popFirst()?.told
            }
            woken?.resume()
        }
    }

    /// A session is over; `end` is told to who keeps sessions open.
    private func over(_ number: UInt64, _ end: SessionEnd?) {
        let (told, channel) = state.withLock {
            state -> (CheckedContinuation<SessionEnd, Never>?, AMQPChannel?) in
            guard let session = state.session, session.number == number else { return (nil, nil) }
            state.session = nil
            guard let end else { return (nil, nil) }
            let isCancelled = if case .cancelled = end { true } else { false }
            let reason =
                if case .channel(let failure) = end { "\(failure)" } else { "the broker ended the consumer" }
            state.outage = Outage(reason: reason)
            defer { state.sessionEnd = nil }
            if state.sessionEnd == nil { state.lastEnd = end }
            return (state.sessionEnd, isCancelled ? session.channel : nil)
        }
        if let end { told?.resume(returning: end) }
        // The channel of a cancelled consumer still holds what it was handed.
        if let channel { Task { await channel.close() } }
    }

    // MARK: Receive

    func receive(limit: Int, wait: Duration) async throws(BusError) -> [ReceivedEvent] {
        guard limit > 0 else { return [] }
        let deadline = NIODeadline.now() + TimeAmount(min(wait, .seconds(1 << 30)))
        while true {
            let (taken, number, ended) = state.withLock {
                state -> ([(UInt64, AMQPMessage)], UInt64, BusError?) in
                guard let session = state.session else { return ([], 0, state.ended) }
                var taken: [(UInt64, AMQPMessage)] = []
                taken.reserveCapacity(min(limit, session.waiting.count))
                while taken.count < limit, let tag = state.session?.waiting.popFirst() {
                    if let message = session.unsettled[tag] { taken.append((tag, message)) }
                }
                return (taken, session.number, state.ended)
            }
            if let ended { throw ended }
            let events = try await handOut(taken, number)
            if !events.isEmpty { return events }
            guard taken.isEmpty else { continue }
            guard wait > .zero, .now() < deadline, !Task.isCancelled else { return [] }
            await nextDelivery(until: deadline)
        }
    }

    /// Messages as events; those that nobody is to get any more are given up instead.
    private func handOut(
        _ taken: [(tag: UInt64, message: AMQPMessage)], _ number: UInt64
    ) async throws(BusError) -> [ReceivedEvent] {
        var events: [ReceivedEvent] = []
        events.reserveCapacity(taken.count)
        var refused: [Settlement] = []
        for (tag, message) in taken {
            let decoded = AMQPEventBinding.decode(message, topic: subscription.topic)
            let token = DeliveryToken.number(tag, session: number)
            let attempt = Attempts.before(message) + 1
            if attempt > subscription.attemptsMax {
                let reason = "all \(subscription.attemptsMax) attempts are used up; the last ones did not end"
                refused.append(Settlement(token, .deadLetter(reason: reason)))
            } else if let types = subscription.types, decoded.problem == nil,
                !types.contains(decoded.event.type)
            {
                // It came by a binding of another time or another member, to which it may have mattered.
                let reason = "the subscription does not ask for events of type '\(decoded.event.type)'"
                refused.append(Settlement(token, .deadLetter(reason: reason)))
            } else {
                events.append(
                    ReceivedEvent(
                        event: decoded.event, problem: decoded.problem, topic: subscription.topic,
                        publishedAt: decoded.publishedAt, attempt: attempt, token: token))
            }
        }
        if !refused.isEmpty { _ = try await settle(refused) }
        return events
    }

    /// Waits until something was delivered, the receiver ends, the task is cancelled, or `deadline`.
    private func nextDelivery(until deadline: NIODeadline) async {
        let loop = transport.eventLoop
        let id = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        let timer = loop.scheduleTask(deadline: deadline) { [weak self] in self?.wake(id) }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    guard state.ended == nil, state.session?.waiting.isEmpty ?? true, !Task.isCancelled,
                        .now() < deadline
                    else { return true }
                    state.waiters.append((id, continuation))
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            wake(id)
        }
        timer.cancel()
        // Who was woken may leave something for the next one.
        let next = state.withLock { state in
            state.session?.waiting.isEmpty ?? true ? nil : state.waiters.popFirst()?.told
        }
        next?.resume()
    }

    private func wake(_ id: UInt64) {
        let told = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard let index = state.waiters.firstIndex(where: { $0.id == id }) else { return nil }
            return state.waiters.remove(at: index).told
        }
        told?.resume()
    }

    // MARK: End

    func extend(_ tokens: [DeliveryToken], by duration: Duration) async throws(BusError) {
        // The connection holds events, for as long as it lasts.
        if let ended = state.withLock({ $0.ended }) { throw ended }
    }

    func close() async {
        let channel = end(.closed)
        if subscription.isTemporary, let channel {
            _ = try? await channel.call(.queueDelete(Queue.Delete(queue: queue)))
        }
        await channel?.close()
        transport.forget(self)
    }

    /// The subscription cannot be received from any more.
    func fail(_ error: BusError) {
        guard let channel = end(error) else { return }
        Task { await channel.close() }
    }

    private func end(_ error: BusError) -> AMQPChannel? {
        let (channel, waiters, task, told) = state.withLock { state in
            let was = (state.session?.channel, state.waiters, state.task, state.sessionEnd)
            if state.ended == nil { state.ended = error }
            state.session = nil
            state.waiters = []
            state.task = nil
            state.sessionEnd = nil
            return was
        }
        told?.resume(returning: .channel(.ended))
        task?.cancel()
        for waiter in waiters { waiter.told.resume() }
        return channel
    }
}
