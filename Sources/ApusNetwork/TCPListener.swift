// SPDX-License-Identifier: Apache-2.0

// Listening at an address, the same way for every protocol: one accept at a time through a gate, no delay of small writes, clients may
// close their side and still read.

public import NIOCore
internal import NIOPosix

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Why an address cannot be listened at.
public struct ListenError: Error, Sendable {
    /// The system's own words.
    public var reason: String
}

/// Sockets that accept connections.
public enum TCPListener {
    /// Listens at `address`; returns once connections are accepted.
    ///
    /// - Parameters:
    ///   - group: the loops that connections are spread over.
    ///   - gate: asked before each accept; several listeners may share one.
    ///   - backlog: how many connections the system holds that are not accepted yet.
    ///   - readBytes: the buffer of one read, from its least, which idle connections hold, to its most.
    ///   - writeBufferWaterMark: from how many unsent bytes on a connection is not writable, and below how many it is again.
    ///   - initialize: adds handlers to a new connection, on its loop.
    /// - Throws: ``ListenError`` with the system's reason.
    public static func bind(
        to address: ListenAddress, group: any EventLoopGroup, gate: AcceptGate, backlog: Int,
        readBytes: ClosedRange<Int>, writeBufferWaterMark: ChannelOptions.Types.WriteBufferWaterMark,
        initialize: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
    ) async throws(ListenError) -> any Channel {
        do {
            let resolved = try SocketAddress.makeAddressResolvingHost(address.host, port: address.port)
            var bootstrap = ServerBootstrap(group: group)
                .serverChannelOption(.backlog, value: Int32(clamping: backlog))
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                // One accept at a time, so that the bound on connections is exact.
                .serverChannelOption(.maxMessagesPerRead, value: 1)
                .serverChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(ListenerHandler(gate: gate))
                    }
                }
            if resolved.protocol == .inet6 {
                let onlyIPv6 = ChannelOptions.Types.SocketOption(level: .ipv6, name: .ipv6_v6only)
                bootstrap = bootstrap.serverChannelOption(onlyIPv6, value: 1)
            }
            let initial = min(readBytes.upperBound, 2 * readBytes.lowerBound)
            return
                try await bootstrap
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                // The client may close its side and still want its answer.
                .childChannelOption(.allowRemoteHalfClosure, value: true)
                // Small while idle, growing with what is read at once.
                .childChannelOption(
                    .recvAllocator,
                    value: AdaptiveRecvByteBufferAllocator(
                        minimum: readBytes.lowerBound, initial: initial, maximum: readBytes.upperBound)
                )
                .childChannelOption(.writeBufferWaterMark, value: writeBufferWaterMark)
                .childChannelInitializer(initialize)
                .bind(to: resolved).get()
        } catch {
            let reason =
                (error as? IOError).map { String(cString: strerror($0.errnoCode)) }
                ?? String(describing: error)
            throw ListenError(reason: reason)
        }
    }
}
