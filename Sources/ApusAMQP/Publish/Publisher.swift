// SPDX-License-Identifier: Apache-2.0

// Publishing: one connection for it, since a broker that is short of memory or disk stops reading from those that publish, and one channel with
// confirms. Events are encoded by the task that publishes them, in slices, and written while the next slice is encoded.

internal import ApusAMQPCodec
internal import ApusBus
internal import CloudEvents
internal import NIOCore
internal import Synchronization

/// A message that is to be published, other than an event of an application.
struct Outgoing: Sendable {
    var exchange: String
    var routingKey: String
    var properties: BasicProperties
    var body: ByteBuffer
}

/// What became of one publish.
enum PublishOutcome: Sendable, Hashable {
    case confirmed
    /// The broker said no; it may say yes later.
    case refused(String)
    /// Nothing is known.
    case unknown(String)
    /// It never left.
    case notSent(AMQPFailure)
}

/// A channel for publishing, and what is known to be there on its connection.
final class PublishChannel: Sendable {
    let channel: AMQPChannel
    let gate: PublishGate
    /// What was declared since the connection was made.
    let declared = Mutex<Set<String>>([])
    /// Copies that went nowhere.
    let returned = Mutex<Set<Int64>>([])
    /// Whether nothing more is to be published here.
    let hasEnded = Mutex(false)

    init(_ channel: AMQPChannel, _ gate: PublishGate) {
        self.channel = channel
        self.gate = gate
    }
}

/// Publishes, on whatever connection there is.
actor Publisher {
    private let keeper: ConnectionKeeper
    nonisolated let configuration: AMQPConfiguration
    private var current: PublishChannel?
    private var opening: Task<Result<PublishChannel, BusError>, Never>?

    init(_ keeper: ConnectionKeeper, _ configuration: AMQPConfiguration) {
        self.keeper = keeper
        self.configuration = configuration
    }

    /// The channel to publish on.
    func ready(until deadline: ContinuousClock.Instant) async throws(BusError) -> PublishChannel {
        if let current, current.hasEnded.withLock({ !$0 }) { return current }
        if let opening { return try await opening.value.get() }
        let started = Task { () -> Result<PublishChannel, BusError> in
            do throws(BusError) {
                return .success(try await open(until: deadline))
            } catch {
                return .failure(error)
            }
        }
        opening = started
        let result = await started.value
        opening = nil
        if case .success(let channel) = result { current = channel }
        return try result.get()
    }

    private func open(until deadline: ContinuousClock.Instant) async throws(BusError) -> PublishChannel {
        while true {
            let connection = try await keeper.connection(until: deadline)
            do throws(AMQPFailure) {
                return try await Self.open(on: connection)
            } catch {
                guard error.isPassing, .now < deadline else { throw error.busError }
            }
        }
    }

    private static func open(on connection: AMQPConnection) async throws(AMQPFailure) -> PublishChannel {
        let gate = PublishGate(connection.eventLoop)
        let box = Mutex<PublishChannel?>(nil)
        let channel = try await connection.openChannel { event in
            switch event {
            case .ended(let failure):
                gate.end(failure)
                box.withLock { $0 }?.hasEnded.withLock { $0 = true }
            case .returned(let message):
                guard let copy = message.properties.headers?[ApusHeader.copy.description]?.integer else {
                    return
                }
                _ = box.withLock { $0 }?.returned.withLock { $0.insert(copy) }
            case .deliveries, .cancelled: break
            }
        }
        let made = PublishChannel(channel, gate)
        box.withLock { $0 = made }
        try await channel.call(.confirmSelect(Confirm.Select()))
        connection.whenBlocked { gate.block($0) }
        return made
    }

    /// Declares what has to be there, once per connection and `name`.
    nonisolated func ensure(
        _ name: String, on channel: PublishChannel, _ methods: () throws(AMQPCodecError) -> [AMQPMethod]
    ) async throws(BusError) {
        try await once(name, on: channel) { (connection) async throws(AMQPFailure) in
            try await Topology.declare(try Topology.known(methods), on: connection)
        }
    }

    /// Sees to it that there is an exchange to publish to, once per connection.
    nonisolated func ensureTopic(_ name: String, on channel: PublishChannel) async throws(BusError) {
        try await once(name, on: channel) { (connection) async throws(AMQPFailure) in
            try await Topology.declareTopic(name, on: connection)
        }
    }

    private nonisolated func once(
        _ name: String, on channel: PublishChannel,
        _ body: (AMQPConnection) async throws(AMQPFailure) -> Void
    ) async throws(BusError) {
        guard channel.declared.withLock({ !$0.contains(name) }) else { return }
        do throws(AMQPFailure) { try await body(channel.channel.connection) } catch { throw error.busError }
        _ = channel.declared.withLock { $0.insert(name) }
    }

    // MARK: Publish

    /// Publishes `count` messages, which `encode` writes one by one; one outcome for each, in order.
    ///
    /// - Throws: ``BusError/invalid(_:)`` when one of them cannot be written; those before it may have been published.
    nonisolated func publish(
        _ count: Int, on channel: PublishChannel, until deadline: NIODeadline,
        _ encode: (_ index: Int, _ encoder: inout AMQPEncoder) throws(AMQPCodecError) -> Void
    ) async throws(BusError) -> [PublishOutcome] {
        let batch = PublishBatch(count)
        var index = 0
        while index < count {
            let first = index
            var encoder = AMQPEncoder(capacity: 4096)
            do throws(AMQPCodecError) {
                while index < count, index - first < AMQPLimits.sliceEvents,
                    encoder.count < AMQPLimits.sliceBytes
                {
                    try encode(index, &encoder)
                    index += 1
                }
            } catch {
                batch.fail(first..<count, .notSent(.ended))
                _ = await batch.outcomes()
                throw .invalid("event \(index) cannot be expressed in AMQP: \(error)")
            }
            let (slice, bytes) = (first..<index, encoder.buffer)
            do throws(AMQPFailure) {
                try await channel.gate.enter(slice.count, bytes.readableBytes, until: deadline)
            } catch {
                batch.fail(first..<count, .notSent(error))
                break
            }
            let (gate, size) = (channel.gate, bytes.readableBytes)
            channel.channel.publish(bytes, count: slice.count, deadline: deadline) { result in
                gate.leave(slice.count, size)
                batch.take(slice, result)
            }
        }
        let outcomes = await batch.outcomes()
        let isDoubtful = outcomes.contains {
            switch $0 {
            case .refused: true
            // A broker that takes no publishes confirms none: its channel is as good as another, which it would not open now.
            case .unknown: !channel.gate.isBlocked
            case .confirmed, .notSent: false
            }
        }
        if isDoubtful {
            // How to write to a quorum queue is remembered by the broker's channel, and one that was opened while the queue had no leader
            // may refuse, or not confirm, for ever (seen with 3.10): the next publish gets another.
            channel.hasEnded.withLock { $0 = true }
        }
        if channel.hasEnded.withLock({ $0 }), channel.gate.isIdle { await channel.channel.close() }
        return outcomes
    }

    /// Publishes copies, which have to arrive somewhere; one outcome for each, in order.
    nonisolated func publish(
        copies: [Outgoing], on channel: PublishChannel, until deadline: NIODeadline
    ) async throws(BusError) -> [PublishOutcome] {
        let first = Int64.random(in: 0...Int64.max / 2)
        let frameMax = channel.channel.connection.limits.frameMax
        let number = channel.channel.number
        var outcomes = try await publish(copies.count, on: channel, until: deadline) {
            (index, encoder) throws(AMQPCodecError) in
            let copy = copies[index]
            var properties = copy.properties
            var headers = properties.headers ?? FieldTable()
            try headers.append(ApusHeader.copy.description, .int64(first + Int64(index)))
            properties.headers = headers
            try encoder.method(
                .basicPublish(
                    Basic.Publish(exchange: copy.exchange, routingKey: copy.routingKey, mandatory: true)),
                channel: number)
            try encoder.content(properties, body: copy.body, channel: number, frameMax: frameMax)
        }
        // What comes back comes before its confirm.
        for index in copies.indices {
            let isReturned = channel.returned.withLock { $0.remove(first + Int64(index)) != nil }
            if isReturned {
                outcomes[index] = .refused("there is no queue for '\(copies[index].routingKey)'")
            }
        }
        return outcomes
    }
}

/// Publishes of one call that are under way.
private final class PublishBatch: Sendable {
    private struct State {
        var outcomes: [PublishOutcome]
        var left: Int
        var told: CheckedContinuation<Void, Never>?
    }

    private let state: Mutex<State>

    init(_ count: Int) {
        state = Mutex(
            State(outcomes: Array(repeating: .confirmed, count: count), left: count, told: nil))
    }

    func fail(_ slice: Range<Int>, _ outcome: PublishOutcome) {
        finish(slice) { outcomes in for index in slice { outcomes[index] = outcome } }
    }

    func take(_ slice: Range<Int>, _ result: PublishResult) {
        switch result {
        case .notSent(let failure): fail(slice, .notSent(failure))
        case .outcomes(let results, let end):
            let why = end.map { "; the channel ended: \($0)" } ?? ""
            finish(slice) { outcomes in
                for (index, result) in zip(slice, results) where result != .confirmed {
                    outcomes[index] =
                        result == .refused
                        ? .refused("the broker did not take the event")
                        : .unknown(
                            "the broker did not confirm the event: it may have been published or not\(why)")
                }
            }
        }
    }

    private func finish(_ slice: Range<Int>, _ change: (inout [PublishOutcome]) -> Void) {
        let told = state.withLock { state -> CheckedContinuation<Void, Never>? in
            change(&state.outcomes)
            state.left -= slice.count
            guard state.left == 0 else { return nil }
            defer { state.told = nil }
            return state.told
        }
        told?.resume()
    }

    /// All outcomes, when there are all.
    func outcomes() async -> [PublishOutcome] {
        await withCheckedContinuation { continuation in
            let isComplete = state.withLock { state in
                if state.left > 0 { state.told = continuation }
                return state.left == 0
            }
            if isComplete { continuation.resume() }
        }
        return state.withLock { $0.outcomes }
    }
}
