// SPDX-License-Identifier: Apache-2.0

// Starting and stopping: listeners, event loops and what each loop shares.

public import ApusNetwork
public import NIOCore
internal import NIOPosix
internal import Synchronization

/// Why a server cannot start.
public enum HTTPServerError: Error, Sendable, CustomStringConvertible {
    /// The configuration lists no address.
    case noAddress
    /// An address cannot be listened at; the text is the system's reason.
    case cannotListen(ListenAddress, reason: String)

    /// What happened and what to do.
    public var description: String {
        switch self {
        case .noAddress: "no address to listen at: configure at least one"
        case .cannotListen(let address, let reason):
            "cannot listen at \(address): \(reason); choose another address, or stop what uses it"
        }
    }
}

/// An HTTP/1.1 server that is listening.
public final class HTTPServer: Sendable {
    /// Where the server listens, ports filled in, in the order of the configuration.
    public let addresses: [SocketAddress]

    private let group: MultiThreadedEventLoopGroup
    private let listeners: [any Channel]
    private let loops: [Share]
    private let isShutDown = Mutex(false)

    /// One loop's part, as seen from other threads.
    private struct Share: Sendable {
        let loop: NIOLoopBound<HTTPServerLoop>
        let counters: HTTPLoopCounters
    }

    private init(group: MultiThreadedEventLoopGroup, listeners: [any Channel], loops: [Share]) {
        self.group = group
        self.listeners = listeners
        self.loops = loops
        addresses = listeners.compactMap(\.localAddress)
    }

    /// Starts listening; returns once connections are accepted at every address.
    ///
    /// - Throws: `HTTPServerError` if an address cannot be listened at; nothing is left running then.
    public static func start(
        _ configuration: HTTPServerConfiguration, handler: any HTTPRequestHandler
    ) async throws(HTTPServerError) -> HTTPServer {
        guard !configuration.addresses.isEmpty else { throw .noAddress }
        let count = max(configuration.eventLoopCount ?? System.coreCount, 1)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: count)
        let loops = await makeLoops(group, configuration, handler)
        let gate = AcceptGate(
            connectionsMax: configuration.connectionsMax, reserved: configuration.connectionsReserved)
        var listeners: [any Channel] = []
        do throws(HTTPServerError) {
            for address in configuration.addresses {
                listeners.append(try await listen(at: address, group, loops, gate, configuration))
            }
        } catch {
            for listener in listeners { try? await listener.close() }
            await stop(group, loops)
            throw error
        }
        return HTTPServer(group: group, listeners: listeners, loops: loops)
    }

    /// What the server has done so far.
    public func statistics() -> HTTPServerStatistics {
        var statistics = HTTPServerStatistics()
        for share in loops { share.counters.report(into: &statistics) }
        return statistics
    }

    var loopCount: Int { loops.count }

    /// Some connections of a loop, and where to go on; nil when there is no such loop (any more).
    func connections(
        ofLoop number: Int, from place: Int
    ) async -> ([HTTPConnectionFigures], next: Int?)? {
        guard number < loops.count else { return nil }
        let loop = loops[number].loop
        return try? await loop.eventLoop.submit { loop.value.figures(ofLoop: number, from: place) }.get()
    }

    /// Closes a connection, whatever is unanswered on it; false when it is not there (any more).
    public func disconnect(loop number: Int, place: Int, generation: UInt32) async -> Bool {
        guard number >= 0, number < loops.count, let index = UInt32(exactly: place) else { return false }
        let (loop, id) = (loops[number].loop, HTTPConnectionID(index: index, generation: generation))
        return (try? await loop.eventLoop.submit { loop.value.disconnect(id) }.get()) ?? false
    }

    /// Stops accepting, answers what was asked, ends streams, and closes what is left after `gracePeriod`.
    ///
    /// Returns when everything is closed and the event loops are gone. A second call returns at once.
    public func shutdown(gracePeriod: Duration) async {
        let isFirst = isShutDown.withLock { isShutDown in
            defer { isShutDown = true }
            return !isShutDown
        }
        guard isFirst else { return }
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

    // MARK: Parts

    private static func makeLoops(
        _ group: MultiThreadedEventLoopGroup, _ configuration: HTTPServerConfiguration,
        _ handler: any HTTPRequestHandler
    ) async -> [Share] {
        var shares: [Share] = []
        let bodies = HTTPBodyBudget(bytesMax: configuration.bodiesBytesMax)
        for eventLoop in group.makeIterator() {
            let counters = HTTPLoopCounters()
            let made = eventLoop.submit {
                let mailbox = HTTPMailbox(
                    eventLoop: eventLoop, streamBufferBytesMax: configuration.streamBufferBytesMax)
                let loop = HTTPServerLoop(
                    mailbox: mailbox, configuration: configuration, handler: handler, counters: counters,
                    bodies: bodies)
                mailbox.open(loop)
                return NIOLoopBound(loop, eventLoop: eventLoop)
            }
            // Nothing in the closure can fail, and the loop has just been started.
            if let loop = try? await made.get() { shares.append(Share(loop: loop, counters: counters)) }
        }
        return shares
    }

    private static func listen(
        at address: ListenAddress, _ group: MultiThreadedEventLoopGroup, _ loops: [Share],
        _ gate: AcceptGate, _ configuration: HTTPServerConfiguration
    ) async throws(HTTPServerError) -> any Channel {
        let high = max(configuration.outputBytesMax, 2)
        do throws(ListenError) {
            return try await TCPListener.bind(
                to: address, group: group, gate: gate, backlog: configuration.backlog,
                readBytes: 1024...65_536, writeBufferWaterMark: .init(low: high / 2, high: high)
            ) { channel in initialize(channel, loops) }
        } catch {
            throw .cannotListen(address, reason: error.reason)
        }
    }

    private static func initialize(_ channel: any Channel, _ loops: [Share]) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            guard let share = loops.first(where: { $0.loop.eventLoop === channel.eventLoop }) else { return }
            let connection = HTTPConnection(server: share.loop.value)
            try channel.pipeline.syncOperations.addHandler(connection)
        }
    }

    private static func stop(_ group: MultiThreadedEventLoopGroup, _ loops: [Share]) async {
        for share in loops {
            try? await share.loop.eventLoop.submit { share.loop.value.mailbox.shut() }.get()
        }
        try? await group.shutdownGracefully()
    }
}
