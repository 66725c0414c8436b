// SPDX-License-Identifier: Apache-2.0

// The bound on open connections. A listener asks the gate before each accept; when it says no, the listener
// stops reading, clients wait in the backlog, and the next connection that closes lets one of them in. Running
// out of descriptors is handled the same way by NIO, which then waits a second before it accepts again.

internal import NIOCore
internal import Synchronization

/// Counts open connections and holds listeners back at the bound.
final class HTTPAcceptGate: Sendable {
    private struct State {
        var openCount = 0
        var held: [@Sendable () -> Void] = []
    }

    private let connectionsMax: Int
    private let state = Mutex(State())

    init(connectionsMax: Int) {
        self.connectionsMax = max(connectionsMax, 1)
    }

    /// Notes a connection that was accepted.
    func connectionOpened() {
        state.withLock { $0.openCount += 1 }
    }

    /// Notes a connection that closed, and lets held listeners try again.
    func connectionClosed() {
        let held = state.withLock { state in
            state.openCount -= 1
            guard state.openCount < connectionsMax else { return [@Sendable () -> Void]() }
            defer { state.held = [] }
            return state.held
        }
        held.forEach { $0() }
    }

    /// Whether another connection may be accepted; if not, `retry` is called once when it might be.
    func admits(orHold retry: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            if state.openCount < connectionsMax { return true }
            state.held.append(retry)
            return false
        }
    }
}

/// Stands in a listener's pipeline and passes reads, that is accepts, on only while the gate admits them.
final class HTTPListenerHandler: ChannelDuplexHandler {
    typealias InboundIn = any Channel
    typealias InboundOut = any Channel
    typealias OutboundIn = Never

    private let gate: HTTPAcceptGate

    init(gate: HTTPAcceptGate) {
        self.gate = gate
    }

    func read(context: ChannelHandlerContext) {
        let channel = context.channel
        if gate.admits(orHold: { channel.read() }) { context.read() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        gate.connectionOpened()
        let connection = unwrapInboundIn(data)
        connection.closeFuture.whenComplete { [gate] _ in gate.connectionClosed() }
        context.fireChannelRead(data)
    }
}
