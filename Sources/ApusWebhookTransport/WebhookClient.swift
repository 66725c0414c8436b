// SPDX-License-Identifier: Apache-2.0

// Requests over HTTP/1.1, encrypted or not, to addresses that the caller has checked. Connections are kept and used again, the one that was
// used last first; new ones are begun at a pace. Lean on purpose: a delivery is one request and one answer, without redirects, cookies, decompression
// or retries.

internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import Synchronization

/// Makes requests.
final class WebhookClient: Sendable {
    /// What connections may stand in for each other: same origin, same checked address.
    private struct Key: Hashable {
        var origin: String
        var address: SocketAddress
    }

    private struct Line: Sendable {
        var channel: any Channel
        var handler: NIOLoopBound<WebhookConnection>
        var sends: SendQueue
        var usedLast = NIODeadline.now()
    }

    private struct Exchange: Sendable {
        var key: Key
        var url: WebhookURL
        /// Whose requests take turns with each other's.
        var topic: String
        var deadline: NIODeadline
        var make: @Sendable () -> WebhookRequest
        var end: @Sendable (WebhookAnswer) -> Void
    }

    private struct State {
        var idle: [Key: [Line]] = [:]
        /// Every open connection, to close them at the end.
        var channels: [ObjectIdentifier: any Channel] = [:]
        /// How many connections there are that stand in for each other.
        var counts: [Key: Int] = [:]
        /// Requests that wait for a connection of their own.
        var connects: ConnectQueue<Key, Exchange>
        /// Whether somebody looks after them.
        var isPacing = false
        var isClosed = false
        var sweep: RepeatedTask?
    }

    private let group: any EventLoopGroup
    private let configuration: WebhookConfiguration
    private let state: Mutex<State>
    /// One for each event loop.
    private let sends: [SendQueue]
    private let lastLoop = Atomic<Int>(0)
    /// Made when it is first needed; nil when the system's certificates cannot be read.
    private let tls: NIOLockedValueBox<Result<NIOSSLContext, any Error>?> = NIOLockedValueBox(nil)

    private static let idleLifetime = TimeAmount.seconds(30)
    private static let connectTimeoutMax = TimeAmount.seconds(10)
    private static let headBytesMax = 64 << 10
    /// How long a request may wait for a connection to be begun, beside its own time.
    private static let waitMax = TimeAmount.seconds(30)
    private static let paceInterval = TimeAmount.milliseconds(1)

    init(_ configuration: WebhookConfiguration, _ group: any EventLoopGroup) {
        self.configuration = configuration
        self.group = group
        sends = group.makeIterator().map { SendQueue($0) }
        state = Mutex(State(connects: ConnectQueue(perSecond: configuration.connectsPerSecondMax)))
        let sweep = group.next().scheduleRepeatedTask(initialDelay: .seconds(10), delay: .seconds(10)) {
            [weak self] task in
            guard let self else { return task.cancel() }
            self.closeIdle()
        }
        state.withLock { $0.sweep = sweep }
    }

    /// Sends the request that `make` makes, on an event loop, and calls `end` once with its answer, at `deadline` at the latest. When it has to wait
    /// for a connection to be begun, its time begins then. Requests of one `topic` take turns with each other's.
    func exchange(
        with url: WebhookURL, at address: SocketAddress, topic: String, until deadline: NIODeadline,
        _ make: @escaping @Sendable () -> WebhookRequest, end: @escaping @Sendable (WebhookAnswer) -> Void
    ) {
        let exchange = Exchange(
            key: Key(origin: url.origin, address: address), url: url, topic: topic, deadline: deadline,
            make: make, end: end)
        guard let line = takeIdle(exchange.key) else { return sendAnew(exchange) }
        send(exchange, on: line)
    }

    private func send(_ exchange: Exchange, on line: Line) {
        line.sends.append(topic: exchange.topic) { [self] in sendNow(exchange, on: line) }
    }

    /// On the line's event loop.
    private func sendNow(_ exchange: Exchange, on line: Line) {
        line.handler.value.send(exchange.make(), until: exchange.deadline) { [self] answer in
            // The target closed the connection while it lay idle; that is no failure of this attempt.
            guard case .failed(_, isUntouched: true) = answer else { return exchange.end(answer) }
            sendAnew(exchange)
        }
    }

    // MARK: Pace

    /// Begins a connection for the request, as soon as it may be.
    private func sendAnew(_ exchange: Exchange) {
        enum Step { case connect, wait, pace }
        let step = state.withLock { state -> Step in
            let now = NIODeadline.now()
            if state.isClosed || state.connects.admit(now: now) { return .connect }
            state.connects.append(
                exchange, key: exchange.key, topic: exchange.topic,
                isKnown: state.counts[exchange.key] != nil,
                now: now)
            defer { state.isPacing = true }
            return state.isPacing ? .wait : .pace
        }
        switch step {
        case .connect: connect(exchange)
        case .wait: break
        case .pace: paceSoon()
        }
    }

    private func paceSoon() { sends[0].loop.scheduleTask(in: Self.paceInterval) { [self] in pace() } }

    /// Begins connections for those who have waited long enough.
    private func pace() {
        while let found = state.withLock({ $0.connects.next(now: .now()) }) {
            connect(Self.late(found.request, by: found.waited))
        }
        let isOver = state.withLock { state in
            state.isPacing = !state.connects.isEmpty
            return !state.isPacing
        }
        if !isOver { paceSoon() }
    }

    /// The time of a request does not run while it waits here.
    private static func late(_ exchange: Exchange, by waited: TimeAmount) -> Exchange {
        var exchange = exchange
        exchange.deadline = exchange.deadline + min(waited, waitMax)
        return exchange
    }

    private func connect(_ exchange: Exchange) {
        let number = lastLoop.wrappingAdd(1, ordering: .relaxed).oldValue
        let sends = sends[Int(UInt(bitPattern: number) % UInt(self.sends.count))]
        sends.append(topic: exchange.topic) { [self] in
            connect(exchange, on: sends).whenComplete { [self] in
                switch $0 {
                case .success(let line): sendNow(exchange, on: line)
                case .failure(let error):
                    exchange.end(.failed(reason: "no connection: \(error)", isUntouched: false))
                }
            }
        }
    }

    /// Closes all connections, and makes no new ones.
    func close() async {
        let (channels, waiting) = state.withLock { state in
            state.isClosed = true
            state.sweep?.cancel()
            state.idle = [:]
            return (Array(state.channels.values), state.connects.removeAll())
        }
        for exchange in waiting {
            exchange.end(.failed(reason: "no connection: the server stops", isUntouched: false))
        }
        for channel in channels { try? await channel.close() }
    }

    /// How many connections are open.
    var connectionsOpen: Int { state.withLock(\.channels.count) }

    // MARK: Connections

    private func connect(_ exchange: Exchange, on sends: SendQueue) -> EventLoopFuture<Line> {
        let loop = sends.loop
        do {
            guard !state.withLock(\.isClosed) else { throw ChannelError.ioOnClosedChannel }
            let left = exchange.deadline - .now()
            guard left > .zero else { throw ChannelError.connectTimeout(.zero) }
            let context = exchange.url.isSecure ? try tlsContext() : nil
            makeRoom()
            return ClientBootstrap(group: loop)
                .connectTimeout(min(left, Self.connectTimeoutMax))
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .channelInitializer { [self] channel in
                    channel.eventLoop.makeCompletedFuture {
                        try setUp(channel, for: exchange.key, exchange.url, context, sends)
                    }
                }
                .connect(to: exchange.key.address)
                .flatMapThrowing { [self] channel in try register(channel, exchange.key, sends) }
        } catch {
            return loop.makeFailedFuture(error)
        }
    }

    /// On the channel's event loop.
    private func setUp(
        _ channel: any Channel, for key: Key, _ url: WebhookURL, _ context: NIOSSLContext?, _ sends: SendQueue
    ) throws {
        let pipeline = channel.pipeline.syncOperations
        if let context {
            try pipeline.addHandler(NIOSSLClientHandler(context: context, serverHostname: url.nameForTLS))
        }
        let bodyBytesMax = configuration.responseBytesMax
        let guardian = AnswerGuardian(bytesMax: bodyBytesMax + Self.headBytesMax)
        try pipeline.addHandler(guardian)
        let writer = RequestWriter()
        try pipeline.addHandler(writer)
        try pipeline.addHandler(ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .dropBytes)))
        try pipeline.addHandler(
            WebhookConnection(bodyBytesMax: bodyBytesMax, guardian: guardian, writer: writer) {
                [weak self] connection, channel in
                self?.putBack(Self.line(channel, connection, sends), key)
            })
    }

    /// Closes an idle connection, of whatever target, if there are as many connections as there may be.
    private func makeRoom() {
        let limit = configuration.connectionsMax()
        let line = state.withLock { state -> Line? in
            guard state.channels.count >= limit, let key = state.idle.keys.first else {
                return nil
            }
            defer { if state.idle[key]?.isEmpty ?? true { state.idle[key] = nil } }
            guard let line = state.idle[key]?.popLast() else { return nil }
            return line
        }
        line?.channel.close(promise: nil)
    }

    /// On the channel's event loop.
    private func register(_ channel: any Channel, _ key: Key, _ sends: SendQueue) throws -> Line {
        let connection = try channel.pipeline.syncOperations.handler(type: WebhookConnection.self)
        let isClosed = state.withLock { state in
            if !state.isClosed {
                state.channels[ObjectIdentifier(channel)] = channel
                state.counts[key, default: 0] += 1
            }
            return state.isClosed
        }
        guard !isClosed else {
            channel.close(promise: nil)
            throw ChannelError.ioOnClosedChannel
        }
        channel.closeFuture.whenComplete { [weak self] _ in self?.forget(channel, key) }
        return Self.line(channel, connection, sends)
    }

    /// On the channel's event loop.
    private static func line(
        _ channel: any Channel, _ connection: WebhookConnection, _ sends: SendQueue
    ) -> Line {
        Line(
            channel: channel, handler: NIOLoopBound(connection, eventLoop: channel.eventLoop), sends: sends)
    }

    private func takeIdle(_ key: Key) -> Line? {
        state.withLock { state in
            while let line = state.idle[key]?.popLast() {
                if line.channel.isActive { return line }
            }
            state.idle[key] = nil
            return nil
        }
    }

    /// A connection is free again; on its event loop.
    private func putBack(_ line: Line, _ key: Key) {
        let limit = configuration.connectionsMax()
        enum Use { case next(Exchange, waited: TimeAmount), kept, none }
        let use = state.withLock { state -> Use in
            guard !state.isClosed, state.channels.count <= limit else { return .none }
            // Somebody may wait for a connection to be begun who can have this one.
            if let found = state.connects.take(for: key, now: .now()) {
                return .next(found.request, waited: found.waited)
            }
            state.idle[key, default: []].append(line)
            return .kept
        }
        switch use {
        case .next(let exchange, let waited): send(Self.late(exchange, by: waited), on: line)
        case .kept: break
        case .none: line.channel.close(promise: nil)
        }
    }

    private func forget(_ channel: any Channel, _ key: Key) {
        state.withLock { state in
            state.channels[ObjectIdentifier(channel)] = nil
            let left = (state.counts[key] ?? 1) - 1
            state.counts[key] = left > 0 ? left : nil
        }
    }

    /// Closes what nobody has used for a while.
    private func closeIdle() {
        let limit = NIODeadline.now() - Self.idleLifetime
        let old = state.withLock { state in
            var old: [Line] = []
            for (key, lines) in state.idle {
                let kept = lines.filter { $0.channel.isActive && $0.usedLast > limit }
                old += lines.filter { !($0.channel.isActive && $0.usedLast > limit) }
                state.idle[key] = kept.isEmpty ? nil : kept
            }
            return old
        }
        for line in old { line.channel.close(promise: nil) }
    }

    // MARK: Encryption

    private func tlsContext() throws -> NIOSSLContext {
        try tls.withLockedValue { made in
            if let made { return try made.get() }
            let result = Result { try makeTLSContext() }
            made = result
            return try result.get()
        }
    }

    /// Certificates are verified against the system's authorities and the URL's host, never against what the address says.
    private func makeTLSContext() throws -> NIOSSLContext {
        var settings = TLSConfiguration.makeClientConfiguration()
        settings.minimumTLSVersion = .tlsv12
        settings.applicationProtocols = ["http/1.1"]
        if let file = configuration.trustFile {
            settings.additionalTrustRoots = [.file(file)]
        }
        return try NIOSSLContext(configuration: settings)
    }
}
