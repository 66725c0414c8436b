// SPDX-License-Identifier: Apache-2.0

// A connection as a client sees it, as a value: frames in, what to do out. It knows the handshake, what was negotiated, and which frames are the
// channels'. Bytes, time and channels are others' business.

internal import ApusAMQPCodec
internal import NIOCore

/// What was agreed on for a connection.
struct ConnectionLimits: Sendable, Hashable {
    var frameMax: Int
    var channelMax: UInt16
    var heartbeatSeconds: UInt16
    /// What the server calls itself, and its version.
    var product: String
    var version: String
}

/// The client's side of a connection.
struct ConnectionMachine: Sendable {
    private enum State {
        case awaitingStart
        case awaitingTune
        case awaitingOpenOk
        case open
        case closing
        case closed
    }

    /// What to do.
    enum Action: Sendable, Hashable {
        case nothing
        /// Send methods on channel 0.
        case send([AMQPMethod])
        /// The connection can be used.
        case opened(ConnectionLimits)
        /// A frame is a channel's.
        case forChannel(UInt16, AMQPFrame)
        /// The server takes no publishes for now; nil: it does again.
        case blocked(String?)
        /// The end: what to send before closing, if anything.
        case end(AMQPFailure, AMQPMethod?)
    }

    private let configuration: AMQPConfiguration
    private var state = State.awaitingStart
    private var limits = ConnectionLimits(
        frameMax: Int(AMQPLimits.frameMax), channelMax: AMQPLimits.channelMax, heartbeatSeconds: 0,
        product: "",
        version: "")

    init(_ configuration: AMQPConfiguration) { self.configuration = configuration }

    /// Takes a frame.
    mutating func received(_ frame: AMQPFrame) -> Action {
        switch frame {
        case .heartbeat: return .nothing
        case .method(let method, channel: 0): return received(method)
        case .method(_, let channel), .header(_, let channel), .body(_, let channel):
            switch state {
            case .open: return .forChannel(channel, frame)
            case .closing, .closed: return .nothing
            default:
                return fail("a frame on channel \(channel) before the connection was open", .channelError)
            }
        }
    }

    /// Asks to end the connection.
    mutating func close() -> AMQPMethod? {
        guard case .open = state else { return nil }
        state = .closing
        return .connectionClose(Connection.Close(replyCode: 200, replyText: "goodbye"))
    }

    /// The connection is gone; says why as far as the machine knows more than who tells it.
    mutating func ended() -> AMQPFailure? {
        defer { state = .closed }
        switch state {
        case .awaitingTune:
            // Servers of old close without a word when credentials are wrong.
            return .authentication("the broker closed the connection when it had seen the credentials")
        case .awaitingOpenOk:
            return .closed(
                .notAllowed, "the broker closed the connection to virtual host '\(configuration.virtualHost)'"
            )
        default: return nil
        }
    }

    private mutating func received(_ method: AMQPMethod) -> Action {
        switch (state, method) {
        case (.awaitingStart, .connectionStart(let start)): return started(start)
        case (.awaitingTune, .connectionSecure):
            return fail(
                "the broker asks more than \(configuration.mechanism?.rawValue ?? "PLAIN") has",
                .notImplemented)
        case (.awaitingTune, .connectionTune(let tune)): return tuned(tune)
        case (.awaitingOpenOk, .connectionOpenOk):
            state = .open
            return .opened(limits)
        case (.open, .connectionBlocked(let blocked)): return .blocked(blocked.reason)
        case (.open, .connectionUnblocked): return .blocked(nil)
        case (.closing, .connectionCloseOk):
            state = .closed
            return .end(.ended, nil)
        case (_, .connectionClose(let close)):
            let failure: AMQPFailure
            let code = AMQPReplyCode(rawValue: close.replyCode)
            if case .closing = state {
                failure = .ended
            } else if case .awaitingTune = state, code == .accessRefused {
                failure = .authentication(close.replyText)
            } else {
                failure = .closed(code, close.replyText)
            }
            state = .closed
            return .end(failure, .connectionCloseOk(Connection.CloseOk()))
        case (.closing, _), (.closed, _): return .nothing
        default: return fail("method \(method.id) came where it cannot", .commandInvalid)
        }
    }

    private mutating func fail(_ reason: String, _ code: AMQPReplyCode) -> Action {
        state = .closed
        return .end(
            .protocolError(reason),
            .connectionClose(Connection.Close(replyCode: code.rawValue, replyText: String(reason.prefix(80))))
        )
    }

    // MARK: Handshake

    private mutating func started(_ start: Connection.Start) -> Action {
        guard start.versionMajor == 0, start.versionMinor == 9 else {
            return fail("the broker speaks AMQP \(start.versionMajor).\(start.versionMinor)", .notImplemented)
        }
        limits.product = start.serverProperties["product"]?.text ?? ""
        limits.version = start.serverProperties["version"]?.text ?? ""
        let offered = String(buffer: start.mechanisms).split(separator: " ").map(String.init)
        let wanted: [AMQPConfiguration.Mechanism] =
            configuration.mechanism.map { [$0] } ?? [.plain, .amqPlain]
        guard let mechanism = wanted.first(where: { offered.contains($0.rawValue) }) else {
            state = .closed
            return .end(
                .authentication(
                    "the broker takes \(offered.joined(separator: ", ")), not \(wanted.map(\.rawValue).joined(separator: ", "))"
                ),
                nil)
        }
        state = .awaitingTune
        var answer = Connection.StartOk()
        answer.mechanism = mechanism.rawValue
        answer.response = response(mechanism)
        answer.clientProperties = clientProperties
        return .send([.connectionStartOk(answer)])
    }

    private func response(_ mechanism: AMQPConfiguration.Mechanism) -> ByteBuffer {
        switch mechanism {
        case .plain: return ByteBuffer(string: "\0\(configuration.user)\0\(configuration.password)")
        case .external: return ByteBuffer()
        case .amqPlain:
            // A table, without its length: the response has one already.
            var table = FieldTable()
            table.append("LOGIN", text: configuration.user)
            table.append("PASSWORD", text: configuration.password)
            return table.bytes
        }
    }

    private var clientProperties: FieldTable {
        var capabilities = FieldTable()
        for name in [
            "publisher_confirms", "exchange_exchange_bindings", "basic.nack", "consumer_cancel_notify",
            "connection.blocked", "authentication_failure_close", "consumer_priorities",
        ] { try? capabilities.append(name, .boolean(true)) }
        var properties = FieldTable()
        properties.append("product", text: "Apus")
        properties.append("platform", text: "Swift")
        properties.append("connection_name", text: configuration.clientName)
        try? properties.append("capabilities", .table(capabilities))
        return properties
    }

    private mutating func tuned(_ tune: Connection.Tune) -> Action {
        state = .awaitingOpenOk
        // Zero is no limit. What both can do is the lesser of two limits.
        let frameMax = tune.frameMax == 0 ? AMQPLimits.frameMax : min(tune.frameMax, AMQPLimits.frameMax)
        limits.frameMax = max(Int(frameMax), AMQPFrameType.frameMin)
        limits.channelMax =
            tune.channelMax == 0 ? AMQPLimits.channelMax : min(tune.channelMax, AMQPLimits.channelMax)
        limits.heartbeatSeconds =
            tune.heartbeat == 0 || configuration.heartbeatSeconds == 0
            ? configuration.heartbeatSeconds : min(tune.heartbeat, configuration.heartbeatSeconds)
        return .send([
            .connectionTuneOk(
                Connection.TuneOk(
                    channelMax: limits.channelMax, frameMax: UInt32(limits.frameMax),
                    heartbeat: limits.heartbeatSeconds)),
            .connectionOpen(Connection.Open(virtualHost: configuration.virtualHost)),
        ])
    }
}
