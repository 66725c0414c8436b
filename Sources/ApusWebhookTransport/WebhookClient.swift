// SPDX-License-Identifier: Apache-2.0

// Requests over HTTP/1.1, encrypted or not, to addresses that the caller has checked. Connections are kept and used again, the one that was
// used last first. Lean on purpose: a delivery is one request and one answer, without redirects, cookies, decompression or retries.

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
        var usedLast = NIODeadline.now()
    }

    private struct State {
        var idle: [Key: [Line]] = [:]
        /// Every open connection, to close them at the end.
        var channels: [ObjectIdentifier: any Channel] = [:]
        var isClosed = false
        var sweep: RepeatedTask?
    }

    private let group: any EventLoopGroup
    private let configuration: WebhookConfiguration
    private let state = Mutex(State())
    /// Made when it is first needed; nil when the system's certificates cannot be read.
    private let tls: NIOLockedValueBox<Result<NIOSSLContext, any Error>?> = NIOLockedValueBox(nil)

    private static let idleLifetime = TimeAmount.seconds(30)
    private static let connectTimeoutMax = TimeAmount.seconds(10)
    private static let headBytesMax = 64 << 10

    init(_ configuration: WebhookConfiguration, _ group: any EventLoopGroup) {
        self.configuration = configuration
        self.group = group
        let sweep = group.next().scheduleRepeatedTask(initialDelay: .seconds(10), delay: .seconds(10)) {
            [weak self] task in
            guard let self else { return task.cancel() }
            self.closeIdle()
        }
        state.withLock { $0.sweep = sweep }
    }

    /// Sends a request and waits for its answer, at most until `deadline`.
    func exchange(
        _ request: WebhookRequest, with url: WebhookURL, at address: SocketAddress,
        until deadline: NIODeadline
    ) async -> WebhookAnswer {
        let key = Key(origin: url.origin, address: address)
        if let line = takeIdle(key) {
            let answer = await send(request, on: line, until: deadline)
            // The target closed the connection while it lay idle; that is no failure of this attempt.
            guard case .failed(_, isUntouched: true) = answer else { return answer }
        }
        do {
            let line = try await connect(key, url, until: deadline)
            return await send(request, on: line, until: deadline)
        } catch {
            return .failed(reason: "no connection: \(error)", isUntouched: false)
        }
    }

    private func send(
        _ request: WebhookRequest, on line: Line, until deadline: NIODeadline
    ) async -> WebhookAnswer {
        await withUnsafeContinuation { continuation in
            line.channel.eventLoop.execute {
                line.handler.value.send(request, until: deadline) { continuation.resume(returning: $0) }
            }
        }
    }

    /// Closes all connections, and makes no new ones.
    func close() async {
        let channels = state.withLock { state in
            state.isClosed = true
            state.sweep?.cancel()
            state.idle = [:]
            return Array(state.channels.values)
        }
        for channel in channels { try? await channel.close() }
    }

    /// How many connections are open.
    var connectionsOpen: Int { state.withLock(\.channels.count) }

    // MARK: Connections

    private func connect(
        _ key: Key, _ url: WebhookURL, until deadline: NIODeadline
    ) async throws -> Line {
        guard !state.withLock(\.isClosed) else { throw ChannelError.ioOnClosedChannel }
        let context = url.isSecure ? try tlsContext() : nil
        let left = deadline - .now()
        guard left > .zero else { throw ChannelError.connectTimeout(.zero) }
        makeRoom()
        let (bodyBytesMax, headBytesMax) = (configuration.responseBytesMax, Self.headBytesMax)
        let channel = try await ClientBootstrap(group: group)
            .connectTimeout(min(left, Self.connectTimeoutMax))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { [weak self] channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let context {
                        try pipeline.addHandler(
                            NIOSSLClientHandler(context: context, serverHostname: url.nameForTLS))
                    }
                    let guardian = AnswerGuardian(bytesMax: bodyBytesMax + headBytesMax)
                    try pipeline.addHandler(guardian)
                    try pipeline.addHTTPClientHandlers(
                        leftOverBytesStrategy: .dropBytes, enableOutboundHeaderValidation: false)
                    try pipeline.addHandler(
                        WebhookConnection(bodyBytesMax: bodyBytesMax, guardian: guardian) {
                            [weak self, weak channel] in
                            guard let self, let channel else { return }
                            self.putBack(channel, key)
                        })
                }
            }
            .connect(to: key.address).get()
        return try await register(channel)
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

    private func register(_ channel: any Channel) async throws -> Line {
        let isClosed = state.withLock { state in
            if !state.isClosed { state.channels[ObjectIdentifier(channel)] = channel }
            return state.isClosed
        }
        guard !isClosed else {
            try? await channel.close()
            throw ChannelError.ioOnClosedChannel
        }
        channel.closeFuture.whenComplete { [weak self] _ in self?.forget(channel) }
        return try await channel.eventLoop.submit { try Self.line(channel) }.get()
    }

    /// On the channel's event loop.
    private static func line(_ channel: any Channel) throws -> Line {
        let handler = try channel.pipeline.syncOperations.handler(type: WebhookConnection.self)
        return Line(channel: channel, handler: NIOLoopBound(handler, eventLoop: channel.eventLoop))
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
    private func putBack(_ channel: any Channel, _ key: Key) {
        guard let line = try? Self.line(channel) else { return channel.close(promise: nil) }
        let limit = configuration.connectionsMax()
        let isKept = state.withLock { state in
            guard !state.isClosed, state.channels.count <= limit else { return false }
            state.idle[key, default: []].append(line)
            return true
        }
        if !isKept { channel.close(promise: nil) }
    }

    private func forget(_ channel: any Channel) {
        state.withLock { $0.channels[ObjectIdentifier(channel)] = nil }
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
