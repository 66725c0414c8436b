// SPDX-License-Identifier: Apache-2.0

// Starting and stopping: listeners, event loops and what each loop shares.

internal import ApusNetwork
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// What one connection may do.
struct KafkaConnectionLimits: Sendable {
    /// One request, in bytes.
    var requestBytesMax: Int
    /// Answers that wait in a connection before its requests are taken no further, in bytes.
    var outputBytesMax: Int
    /// Requests of one connection that are handled at the same time, where their kind allows more than one.
    var pipelinedRequestsMax: Int
    /// Nanoseconds within which a request that has begun must make progress.
    var requestTimeout: UInt64
    /// How many bytes are progress.
    var requestBytesMin: Int
    /// Nanoseconds that a connection may stay open without a request.
    var idleTimeout: UInt64
    /// Nanoseconds within which a client must take some of what it is sent.
    var writeTimeout: UInt64
}

/// A server that is listening.
final class KafkaServer: Sendable {
    /// Where it listens, ports filled in, in the order of the configuration.
    let addresses: [ListenAddress]
    private let group: MultiThreadedEventLoopGroup
    private let listeners: [any Channel]
    private let loops: [Share]
    private let isShutDown = Atomic(false)

    private struct Share: Sendable {
        let loop: NIOLoopBound<KafkaLoop>
        let counters: KafkaLoopCounters
    }

    private init(group: MultiThreadedEventLoopGroup, listeners: [any Channel], loops: [Share]) {
        self.group = group
        self.listeners = listeners
        self.loops = loops
        addresses = listeners.compactMap(\.localAddress).map(ListenAddress.init(bound:))
    }

    /// Starts listening; returns once connections are accepted at every address.
    static func start(
        _ configuration: KafkaGatewayConfiguration, handler: any KafkaRequestHandler
    ) async throws(KafkaGatewayError) -> KafkaServer {
        let group = MultiThreadedEventLoopGroup(
            numberOfThreads: max(configuration.eventLoopCount ?? System.coreCount, 1))
        let loops = await makeLoops(group, configuration, handler)
        let gate = AcceptGate(
            connectionsMax: configuration.connectionsMax, reserved: configuration.connectionsReserved)
        var listeners: [any Channel] = []
        for address in configuration.addresses {
            do throws(ListenError) {
                let listener = try await TCPListener.bind(
                    to: address, group: group, gate: gate, backlog: 1024, readBytes: 1024...262_144,
                    writeBufferWaterMark: .init(low: 256 << 10, high: 1 << 20)
                ) { channel in initialize(channel, loops) }
                listeners.append(listener)
            } catch {
                for listener in listeners { try? await listener.close() }
                await stop(group, loops)
                throw .cannotListen(address, reason: error.reason)
            }
        }
        return KafkaServer(group: group, listeners: listeners, loops: loops)
    }

    private static func makeLoops(
        _ group: MultiThreadedEventLoopGroup, _ configuration: KafkaGatewayConfiguration,
        _ handler: any KafkaRequestHandler
    ) async -> [Share] {
        let budget = RequestBudget(
            bytesMax: max(configuration.requestsBytesMax, configuration.requestBytesMax))
        let limits = configuration.connectionLimits
        var shares: [Share] = []
        for eventLoop in group.makeIterator() {
            let counters = KafkaLoopCounters()
            let made = eventLoop.submit {
                NIOLoopBound(
                    KafkaLoop(
                        eventLoop: eventLoop, limits: limits, handler: handler, counters: counters,
                        budget: budget), eventLoop: eventLoop)
            }
            // Nothing in the closure can fail, and the loop has just been started.
            if let loop = try? await made.get() { shares.append(Share(loop: loop, counters: counters)) }
        }
        return shares
    }

    private static func initialize(_ channel: any Channel, _ loops: [Share]) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            guard let share = loops.first(where: { $0.loop.eventLoop === channel.eventLoop }) else { return }
            try channel.pipeline.syncOperations.addHandler(KafkaConnection(loop: share.loop.value))
        }
    }

    /// Stops accepting, answers what was produced, and closes what is left after `gracePeriod`.
    func shutdown(gracePeriod: Duration) async {
        guard !isShutDown.exchange(true, ordering: .acquiringAndReleasing) else { return }
        for listener in listeners { try? await listener.close() }
        let emptied = loops.map { share in
            share.loop.eventLoop.flatSubmit { share.loop.value.drain() }
        }
        let deadlines = loops.map { share in
            share.loop.eventLoop.scheduleTask(in: TimeAmount(gracePeriod)) { share.loop.value.closeAll() }
        }
        for future in emptied { try? await future.get() }
        for deadline in deadlines { deadline.cancel() }
        await Self.stop(group, loops)
    }

    private static func stop(_ group: MultiThreadedEventLoopGroup, _ loops: [Share]) async {
        for share in loops {
            try? await share.loop.eventLoop.submit { share.loop.value.mailbox.shut() }.get()
        }
        try? await group.shutdownGracefully()
    }

    var loopCount: Int { loops.count }

    /// Some connections of a loop, and where to go on; nil when there is no such loop (any more).
    func connections(
        ofLoop number: Int, from place: Int
    ) async -> ([KafkaConnectionFigures], next: Int?)? {
        guard number < loops.count else { return nil }
        let loop = loops[number].loop
        return try? await loop.eventLoop.submit { loop.value.figures(from: place) }.get()
    }

    /// Closes a connection, whatever is unanswered on it; false when it is not there (any more).
    func disconnect(loop number: Int, _ id: KafkaConnectionID) async -> Bool {
        guard number >= 0, number < loops.count else { return false }
        let loop = loops[number].loop
        return (try? await loop.eventLoop.submit { loop.value.disconnect(id) }.get()) ?? false
    }

    /// What the server has done so far.
    func statistics() -> KafkaGatewayStatistics {
        var statistics = KafkaGatewayStatistics()
        for counters in loops.map(\.counters) {
            let accepted = counters.accepted.current
            statistics.connectionsAccepted += accepted
            statistics.connectionsOpen += max(0, accepted - counters.closed.current)
            statistics.requests += counters.requests.current
            statistics.requestsRefused += counters.refused.current
            statistics.bytesReceived += counters.received.current
            statistics.bytesSent += counters.sent.current
        }
        return statistics
    }
}
