// SPDX-License-Identifier: Apache-2.0

// One channel on its event loop: who waits for which answer, messages on their way in, publishes that wait for their confirm.

internal import ApusAMQPCodec
internal import DequeModule
internal import NIOCore

/// What happens on a channel without being asked for.
enum ChannelEvent: Sendable {
    /// Messages of consumers, all that came at once.
    case deliveries([AMQPMessage])
    /// The server ended a consumer.
    case cancelled
    /// A mandatory message went nowhere.
    case returned(AMQPMessage)
    /// The channel is gone.
    case ended(AMQPFailure)
}

/// What became of publishes.
enum PublishResult: Sendable {
    /// One outcome for each; `end` says why the channel ended before all were known, if it did.
    case outcomes([ConfirmOutcome], end: AMQPFailure?)
    /// They never left this program.
    case notSent(AMQPFailure)
}

/// The end of a channel that is on the event loop.
final class AMQPChannelState {
    let number: UInt16
    private let events: @Sendable (ChannelEvent) -> Void
    private var assembler: ContentAssembler
    private var calls: Deque<(Result<AMQPMessage, AMQPFailure>) -> Void> = []
    private var confirms = ConfirmTracker<@Sendable (PublishResult) -> Void>()
    private var deliveries: [AMQPMessage] = []
    private(set) var hasEnded = false
    /// Set when its end was asked for: whatever is sent behind that is, for the broker, on a channel that is not open, and ends the connection.
    var isClosing = false

    init(number: UInt16, messageMax: Int, _ events: @escaping @Sendable (ChannelEvent) -> Void) {
        self.number = number
        self.events = events
        assembler = ContentAssembler(messageMax: messageMax)
    }

    /// The next answer is for `told`.
    func expect(_ told: @escaping (Result<AMQPMessage, AMQPFailure>) -> Void) { calls.append(told) }

    /// Notes publishes that are being written.
    func published(_ count: Int, deadline: NIODeadline, _ told: @escaping @Sendable (PublishResult) -> Void) {
        confirms.add(count, told, deadline: deadline.uptimeNanoseconds)
    }

    /// Takes a frame, and says what to send for it.
    func take(_ frame: AMQPFrame) throws(AMQPCodecError) -> [AMQPMethod] {
        switch try assembler.take(frame) {
        case .waiting: return []
        case .method(let method): return take(method)
        case .message(let message):
            switch message.method {
            case .basicDeliver: deliveries.append(message)
            case .basicReturn: events(.returned(message))
            default: answer(.success(message))
            }
            return []
        }
    }

    private func take(_ method: AMQPMethod) -> [AMQPMethod] {
        switch method {
        case .basicAck(let ack):
            tell(confirms.take(ack.deliveryTag, multiple: ack.multiple, .confirmed))
        case .basicNack(let nack):
            tell(confirms.take(nack.deliveryTag, multiple: nack.multiple, .refused))
        case .basicCancel(let cancel):
            handOver()
            events(.cancelled)
            if !cancel.noWait { return [.basicCancelOk(Basic.CancelOk(consumerTag: cancel.consumerTag))] }
        case .channelFlow(let flow): return [.channelFlowOk(Channel.FlowOk(active: flow.active))]
        case .channelClose(let close):
            end(.closed(AMQPReplyCode(rawValue: close.replyCode), close.replyText))
            return [.channelCloseOk(Channel.CloseOk())]
        case .channelCloseOk:
            answer(.success(AMQPMessage(method: method, properties: BasicProperties(), body: ByteBuffer())))
            end(.ended)
        default:
            answer(.success(AMQPMessage(method: method, properties: BasicProperties(), body: ByteBuffer())))
        }
        return []
    }

    private func answer(_ answer: Result<AMQPMessage, AMQPFailure>) {
        // A server that answers what nobody asked is ignored.
        calls.popFirst()?(answer)
    }

    private func tell(
        _ finished: [ConfirmTracker<@Sendable (PublishResult) -> Void>.Finished], end: AMQPFailure? = nil
    ) {
        for batch in finished { batch.token(.outcomes(batch.outcomes, end: end)) }
    }

    /// Publishes that have waited too long are not waited for any more.
    func expire(_ now: NIODeadline) { tell(confirms.expire(now.uptimeNanoseconds)) }

    /// Hands over what was delivered since.
    func handOver() {
        guard !deliveries.isEmpty else { return }
        let handed = deliveries
        deliveries = []
        events(.deliveries(handed))
    }

    /// The end, once.
    func end(_ reason: AMQPFailure) {
        guard !hasEnded else { return }
        hasEnded = true
        deliveries = []
        tell(confirms.end(), end: reason)
        let waiting = calls
        calls = []
        for told in waiting { told(.failure(reason)) }
        events(.ended(reason))
    }
}
