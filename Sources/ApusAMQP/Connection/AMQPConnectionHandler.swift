// SPDX-License-Identifier: Apache-2.0

// One connection on its event loop: bytes to frames, frames to the connection's machine and to channels, a tick for heartbeats and deadlines.

internal import ApusAMQPCodec
internal import NIOCore

/// The end of a connection that is on the event loop.
final class AMQPConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let configuration: AMQPConfiguration
    private var machine: ConnectionMachine
    private var decoder = AMQPFrameDecoder()
    private var context: ChannelHandlerContext?
    private var channels: [UInt16: AMQPChannelState] = [:]
    private var nextChannel: UInt16 = 1
    private var failure: AMQPFailure?
    private(set) var limits: ConnectionLimits?
    private var whenOpened: ((Result<ConnectionLimits, AMQPFailure>) -> Void)?
    private var whenEnded: [(AMQPFailure) -> Void] = []
    /// Called when the server stops taking publishes (with its reason) and when it takes them again.
    var whenBlocked: ((String?) -> Void)?
    private(set) var blocked: String?

    private var tick: RepeatedTask?
    private var lastRead = NIODeadline.now()
    private var lastWrite = NIODeadline.now()

    init(_ configuration: AMQPConfiguration) {
        self.configuration = configuration
        machine = ConnectionMachine(configuration)
    }

    // MARK: Life

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { begin(context) }
    }

    func channelActive(context: ChannelHandlerContext) { begin(context) }

    private func begin(_ context: ChannelHandlerContext) {
        guard tick == nil else { return }
        write(ByteBuffer(bytes: AMQPProtocolHeader.bytes))
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        tick = context.eventLoop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in
            bound.value.second()
        }
    }

    /// Tells when the connection can be used, or that it cannot.
    func opened(_ told: @escaping (Result<ConnectionLimits, AMQPFailure>) -> Void) {
        if let failure { return told(.failure(failure)) }
        if let limits { return told(.success(limits)) }
        whenOpened = told
    }

    /// Tells when the connection is gone.
    func ended(_ told: @escaping (AMQPFailure) -> Void) {
        if let failure { told(failure) } else { whenEnded.append(told) }
    }

    func channelInactive(context: ChannelHandlerContext) { end(.lost("the broker closed the connection")) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { end(.lost("\(error)")) }

    /// Ends the connection in an orderly way.
    func close() {
        guard failure == nil else { return }
        guard let method = machine.close() else { return end(.ended) }
        send([method], channel: 0)
        let bound = context.map { NIOLoopBound(self, eventLoop: $0.eventLoop) }
        // A broker that does not answer is not waited for.
        context?.eventLoop.scheduleTask(in: .seconds(2)) { bound?.value.end(.ended) }
    }

    /// The end, once.
    func end(_ reason: AMQPFailure) {
        guard failure == nil else { return }
        var reason = reason
        if case .lost = reason, let known = machine.ended() { reason = known }
        failure = reason
        tick?.cancel()
        tick = nil
        let ended = channels.values.sorted { $0.number < $1.number }
        channels = [:]
        for channel in ended { channel.end(reason) }
        whenOpened?(.failure(reason))
        whenOpened = nil
        for told in whenEnded { told(reason) }
        whenEnded = []
        whenBlocked = nil
        context?.close(promise: nil)
        context = nil
    }

    // MARK: In

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        lastRead = .now()
        decoder.append(unwrapInboundIn(data))
        do throws(AMQPCodecError) {
            while failure == nil, let frame = try decoder.next() { take(frame) }
        } catch {
            let reason = String(error.description.prefix(80))
            send(
                [.connectionClose(Connection.Close(replyCode: error.replyCode.rawValue, replyText: reason))],
                channel: 0)
            end(.protocolError(error.description))
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        for channel in channels.values { channel.handOver() }
    }

    private func take(_ frame: AMQPFrame) {
        switch machine.received(frame) {
        case .nothing: break
        case .send(let methods): send(methods, channel: 0)
        case .opened(let limits):
            self.limits = limits
            decoder.frameMax = limits.frameMax
            whenOpened?(.success(limits))
            whenOpened = nil
        case .forChannel(let number, let frame): forward(frame, to: number)
        case .blocked(let reason):
            blocked = reason
            whenBlocked?(reason)
        case .end(let failure, let last):
            if let last { send([last], channel: 0) }
            end(failure)
        }
    }

    private func forward(_ frame: AMQPFrame, to number: UInt16) {
        guard let channel = channels[number] else {
            // What was on its way when a channel ended; that it has ended is the only answer that matters.
            return
        }
        do throws(AMQPCodecError) {
            for method in try channel.take(frame) { _ = emit([method], channel: number) }
        } catch {
            let reason = String(error.description.prefix(80))
            send(
                [.connectionClose(Connection.Close(replyCode: error.replyCode.rawValue, replyText: reason))],
                channel: 0)
            return end(.protocolError(error.description))
        }
        if channel.hasEnded { channels[number] = nil }
    }

    // MARK: Out

    /// Makes a channel, not yet opened.
    func makeChannel(_ events: @escaping @Sendable (ChannelEvent) -> Void) -> Result<UInt16, AMQPFailure> {
        if let failure { return .failure(failure) }
        guard let limits else { return .failure(.lost("the connection is not open yet")) }
        guard channels.count < Int(limits.channelMax) else {
            return .failure(
                .closed(.notAllowed, "all \(limits.channelMax) channels of the connection are in use"))
        }
        // Numbers go round, so that what is late for a channel does not reach its successor.
        while channels[nextChannel] != nil || nextChannel == 0 || nextChannel > limits.channelMax {
            nextChannel = nextChannel >= limits.channelMax ? 1 : nextChannel + 1
        }
        let number = nextChannel
        nextChannel = number >= limits.channelMax ? 1 : number + 1
        channels[number] = AMQPChannelState(
            number: number, messageMax: max(configuration.eventBytesMax, AMQPLimits.eventBytesMax) + 65536,
            events)
        return .success(number)
    }

    /// Sends a request and tells its answer.
    func call(
        _ method: AMQPMethod, channel number: UInt16,
        _ told: @escaping (Result<AMQPMessage, AMQPFailure>) -> Void
    ) {
        guard let channel = channels[number], !channel.isClosing else {
            return told(.failure(failure ?? .ended))
        }
        let bound = context.map { NIOLoopBound(self, eventLoop: $0.eventLoop) }
        let late = context?.eventLoop.scheduleTask(in: AMQPLimits.answerTimeout) {
            bound?.value.abandon(number, method.id)
        }
        channel.expect { result in
            late?.cancel()
            told(result)
        }
        send([method], channel: number)
        if case .channelClose = method { channel.isClosing = true }
    }

    /// Gives a channel up on which an answer does not come: a broker's channel that asked a queue without a leader may wait for ever (seen with 3.10
    /// right after its start), where another one gets an answer.
    private func abandon(_ number: UInt16, _ method: AMQPMethodID) {
        guard let channel = channels.removeValue(forKey: number) else { return }
        _ = emit([.channelClose(Channel.Close(replyCode: 200, replyText: "no answer"))], channel: number)
        channel.end(.timeout("the broker did not answer method \(method.classID).\(method.methodID) in time"))
    }

    /// Sends methods that nothing answers; false when the channel has ended.
    @discardableResult
    func send(_ methods: [AMQPMethod], channel number: UInt16) -> Bool {
        guard number == 0 || channels[number]?.isClosing == false else { return false }
        return emit(methods, channel: number)
    }

    /// Sends methods, whatever the channel is doing: answers to the server are due even when both end it.
    private func emit(_ methods: [AMQPMethod], channel number: UInt16) -> Bool {
        var encoder = AMQPEncoder()
        for method in methods {
            do throws(AMQPCodecError) {
                try encoder.method(method, channel: number)
            } catch {
                // Names and texts were checked for their length before they came here.
                end(.protocolError("a method cannot be written: \(error)"))
                return false
            }
        }
        write(encoder.buffer)
        return true
    }

    /// Writes `count` publishes that are encoded for this channel; what becomes of them is told once.
    func publish(
        _ bytes: ByteBuffer, count: Int, channel number: UInt16, deadline: NIODeadline,
        _ told: @escaping @Sendable (PublishResult) -> Void
    ) {
        guard let channel = channels[number], !channel.isClosing else {
            return told(.notSent(failure ?? .ended))
        }
        channel.published(count, deadline: deadline, told)
        write(bytes)
    }

    private func write(_ bytes: ByteBuffer) {
        lastWrite = .now()
        context?.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
    }

    // MARK: Time

    private func second() {
        let now = NIODeadline.now()
        for channel in channels.values { channel.expire(now) }
        guard let limits, limits.heartbeatSeconds > 0 else { return }
        let interval = TimeAmount.seconds(Int64(limits.heartbeatSeconds))
        if now - lastRead > interval + interval {
            return end(.lost("the broker was silent for \(2 * Int(limits.heartbeatSeconds)) s"))
        }
        guard now - lastWrite >= .nanoseconds(interval.nanoseconds / 2) else { return }
        var encoder = AMQPEncoder(capacity: 8)
        encoder.heartbeat()
        write(encoder.buffer)
    }
}
