// SPDX-License-Identifier: Apache-2.0

// The bound on open connections. A listener asks the gate before each accept; when it says no, the listener
// stops reading, clients wait in the backlog, and the next connection that closes lets one of them in. When
// the system runs out of descriptors or memory for sockets, or others have use for them, the listener pauses for a while.

internal import NIOCore
internal import Synchronization

/// Counts open connections and holds listeners back at the bound.
public final class AcceptGate: Sendable {
    private struct State {
        var openCount = 0
        var held: [@Sendable () -> Void] = []
    }

    private let connectionsMax: Int
    /// How many of them others have use for.
    private let reserved: @Sendable () -> Int
    private let state = Mutex(State())

    /// However many others want.
    private static let connectionsMin = 64

    /// A gate that is open.
    ///
    /// - Parameters:
    ///   - connectionsMax: the most connections of all listeners that share the gate.
    ///   - reserved: how many of them others have use for at the moment; asked before each accept.
    public init(connectionsMax: Int, reserved: @escaping @Sendable () -> Int) {
        self.connectionsMax = max(connectionsMax, 1)
        self.reserved = reserved
    }

    /// Whether others have use for what is left; nobody tells when that changes.
    var isShort: Bool {
        let open = state.withLock(\.openCount)
        return open >= Self.connectionsMin && open + reserved() >= connectionsMax
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
final class ListenerHandler: ChannelDuplexHandler {
    typealias InboundIn = any Channel
    typealias InboundOut = any Channel
    typealias OutboundIn = Never

    /// How long to wait after an accept failed; short, as a connection may close at any time.
    private static let pause = TimeAmount.milliseconds(200)

    private let gate: AcceptGate
    private var isPaused = false
    private var isWaiting = false

    init(gate: AcceptGate) {
        self.gate = gate
    }

    /// Pauses accepting. The failed accept leaves the socket readable and the channel interested in it, which
    /// would have the loop try again without end; only turning automatic reading off ends that interest.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !isPaused, error is IOError else { return }
        isPaused = true
        let channel = context.channel
        try? channel.syncOptions?.setOption(.autoRead, value: false)
        context.eventLoop.assumeIsolated().scheduleTask(in: Self.pause) {
            self.isPaused = false
            try? channel.syncOptions?.setOption(.autoRead, value: true)
        }
    }

    func read(context: ChannelHandlerContext) {
        let channel = context.channel
        guard !gate.isShort else { return tryLater(context) }
        if gate.admits(orHold: { channel.read() }) { context.read() }
    }

    private func tryLater(_ context: ChannelHandlerContext) {
        guard !isWaiting else { return }
        isWaiting = true
        let channel = context.channel
        context.eventLoop.assumeIsolated().scheduleTask(in: Self.pause) {
            self.isWaiting = false
            channel.read()
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        gate.connectionOpened()
        let connection = unwrapInboundIn(data)
        connection.closeFuture.whenComplete { [gate] _ in gate.connectionClosed() }
        context.fireChannelRead(data)
    }
}
