// SPDX-License-Identifier: Apache-2.0

// A connection and its channels as tasks use them. What they ask is done on the connection's event loop.

internal import ApusAMQPCodec
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import Synchronization

/// An open connection.
final class AMQPConnection: Sendable {
    let limits: ConnectionLimits
    let eventLoop: any EventLoop
    private let handler: NIOLoopBound<AMQPConnectionHandler>
    private let isGone = Mutex(false)

    init(
        _ handler: NIOLoopBound<AMQPConnectionHandler>, _ eventLoop: any EventLoop, _ limits: ConnectionLimits
    ) {
        self.handler = handler
        self.eventLoop = eventLoop
        self.limits = limits
    }

    /// Whether the connection can be used, as far as is known.
    var isOpen: Bool { isGone.withLock { !$0 } }

    /// Reaches one host.
    static func open(
        _ name: String, port: Int, _ configuration: AMQPConfiguration, _ group: any EventLoopGroup
    ) async throws(AMQPFailure) -> AMQPConnection {
        let tls: NIOSSLContext?
        do {
            tls = try configuration.tls.map { try NIOSSLContext(configuration: $0.settings()) }
        } catch {
            throw .protocolError("TLS cannot be set up: \(error)")
        }
        let serverName = configuration.tls?.name(for: name)
        let timeout = TimeAmount(configuration.connectTimeout)
        let (loop, handler): (any EventLoop, NIOLoopBound<AMQPConnectionHandler>)
        do {
            (loop, handler) = try await ClientBootstrap(group: group)
                .connectTimeout(timeout)
                .channelOption(.socketOption(.tcp_nodelay), value: 1)
                .connect(host: name, port: port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let pipeline = channel.pipeline.syncOperations
                        if let tls {
                            try pipeline.addHandler(
                                NIOSSLClientHandler(context: tls, serverHostname: serverName))
                        }
                        let handler = AMQPConnectionHandler(configuration)
                        try pipeline.addHandler(handler)
                        return (channel.eventLoop, NIOLoopBound(handler, eventLoop: channel.eventLoop))
                    }
                }
        } catch {
            throw .unreachable("\(name):\(port): \(error)")
        }
        let result = await withCheckedContinuation { continuation in
            loop.execute {
                let late = loop.scheduleTask(in: timeout) {
                    handler.value.end(.timeout("\(name):\(port) did not answer in time"))
                }
                handler.value.opened { result in
                    late.cancel()
                    continuation.resume(returning: result)
                }
            }
        }
        let connection = AMQPConnection(handler, loop, try result.get())
        loop.execute { handler.value.ended { _ in connection.isGone.withLock { $0 = true } } }
        return connection
    }

    /// Tells once when the connection is gone.
    func whenEnded(_ told: @escaping @Sendable (AMQPFailure) -> Void) {
        eventLoop.execute { [handler] in handler.value.ended(told) }
    }

    /// Tells whenever the broker stops taking publishes, with its reason, and when it takes them again.
    func whenBlocked(_ told: @escaping @Sendable (String?) -> Void) {
        eventLoop.execute { [handler] in
            handler.value.whenBlocked = told
            if let reason = handler.value.blocked { told(reason) }
        }
    }

    /// Opens a channel.
    func openChannel(
        _ events: @escaping @Sendable (ChannelEvent) -> Void = { _ in }
    ) async throws(AMQPFailure) -> AMQPChannel {
        let made = await withCheckedContinuation { continuation in
            eventLoop.execute { [handler] in continuation.resume(returning: handler.value.makeChannel(events))
            }
        }
        let channel = AMQPChannel(connection: self, handler: handler, number: try made.get())
        _ = try await channel.call(.channelOpen(Channel.Open()))
        return channel
    }

    /// Ends the connection, with all channels.
    func close() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            eventLoop.execute { [handler] in
                handler.value.ended { _ in continuation.resume() }
                handler.value.close()
            }
        }
    }
}

/// An open channel.
final class AMQPChannel: Sendable {
    let connection: AMQPConnection
    let number: UInt16
    private let handler: NIOLoopBound<AMQPConnectionHandler>

    init(connection: AMQPConnection, handler: NIOLoopBound<AMQPConnectionHandler>, number: UInt16) {
        self.connection = connection
        self.handler = handler
        self.number = number
    }

    /// Sends a request and returns its answer.
    @discardableResult
    func call(_ method: AMQPMethod) async throws(AMQPFailure) -> AMQPMessage {
        let result = await withCheckedContinuation { continuation in
            connection.eventLoop.execute { [handler, number] in
                handler.value.call(method, channel: number) { continuation.resume(returning: $0) }
            }
        }
        return try result.get()
    }

    /// Sends methods that nothing answers. False when the channel has ended.
    func send(_ methods: [AMQPMethod]) async -> Bool {
        await withCheckedContinuation { continuation in
            send(methods) { continuation.resume(returning: $0) }
        }
    }

    /// Sends methods that nothing answers, in the order of calls: whoever calls under a lock decides what comes first on the wire. `told` false when the
    /// channel has ended.
    func send(_ methods: [AMQPMethod], _ told: @escaping @Sendable (Bool) -> Void) {
        guard !methods.isEmpty else { return told(true) }
        connection.eventLoop.execute { [handler, number] in
            told(handler.value.send(methods, channel: number))
        }
    }

    /// Writes publishes that are encoded for this channel.
    func publish(
        _ bytes: ByteBuffer, count: Int, deadline: NIODeadline,
        _ told: @escaping @Sendable (PublishResult) -> Void
    ) {
        connection.eventLoop.execute { [handler, number] in
            handler.value.publish(bytes, count: count, channel: number, deadline: deadline, told)
        }
    }

    /// Ends the channel; what it was handed and has not settled goes back.
    func close() async {
        _ = try? await call(.channelClose(Channel.Close(replyCode: 200, replyText: "done")))
    }
}

extension AMQPConfiguration.TLS {
    /// - Throws: when a file cannot be read.
    func settings() throws -> TLSConfiguration {
        var settings = TLSConfiguration.makeClientConfiguration()
        if let authorities { settings.trustRoots = .file(authorities) }
        if let certificate, let key {
            settings.certificateChain = try NIOSSLCertificate.fromPEMFile(certificate).map {
                .certificate($0)
            }
            settings.privateKey = .privateKey(try NIOSSLPrivateKey(file: key, format: .pem))
        }
        if !verifies { settings.certificateVerification = .none }
        return settings
    }

    /// What the server's certificate has to name; addresses are not sent as names.
    func name(for host: String) -> String? {
        if let serverName { return serverName }
        return (try? SocketAddress(ipAddress: host, port: 0)) == nil ? host : nil
    }
}
