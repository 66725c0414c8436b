// SPDX-License-Identifier: Apache-2.0

// One connection to a target, and the one exchange on it: a request out, an answer in, both whole before the next. Lives on its event loop.

internal import ApusTransport
internal import NIOCore
internal import NIOHTTP1

/// How an exchange ended.
enum WebhookAnswer: Sendable {
    /// The target answered; `excerpt` is the beginning of the body.
    case answered(status: Int, headers: HTTPHeaders, excerpt: [UInt8])
    /// It did not. `isUntouched`: the connection was one that had been used before, and ended before the first byte of an answer,
    /// as it does when the target closed it while it lay idle.
    case failed(reason: String, isUntouched: Bool)
}

/// The end of a connection that makes requests.
final class WebhookConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    /// An exchange under way.
    private struct Exchange {
        var end: @Sendable (WebhookAnswer) -> Void
        var deadline: NIODeadline
        var head: HTTPResponseHead?
        var excerpt: [UInt8] = []
        var bodyBytes = 0
    }

    private let bodyBytesMax: Int
    private let guardian: AnswerGuardian
    private let writer: RequestWriter
    /// Called when the connection can make another request; otherwise it closes.
    private let free: (WebhookConnection, any Channel) -> Void
    private var context: ChannelHandlerContext?
    private var exchange: Exchange?
    /// Goes off at the deadline of this exchange or of one before it: most end long before, and need no timer of their own.
    private var timer: (deadline: NIODeadline, task: Scheduled<Void>)?
    private var isFirst = true

    static let excerptBytesMax = ApusTransport.Exchange.bodyBytesMax

    init(
        bodyBytesMax: Int, guardian: AnswerGuardian, writer: RequestWriter,
        free: @escaping (WebhookConnection, any Channel) -> Void
    ) {
        self.bodyBytesMax = bodyBytesMax
        self.guardian = guardian
        self.writer = writer
        self.free = free
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        timer?.task.cancel()
        timer = nil
        finish(.failed(reason: "the connection was closed", isUntouched: false))
    }

    /// Sends a request; `end` is called once.
    func send(
        _ request: WebhookRequest, until deadline: NIODeadline,
        _ end: @escaping @Sendable (WebhookAnswer) -> Void
    ) {
        guard let context, exchange == nil, context.channel.isActive else {
            return end(.failed(reason: "the connection was closed", isUntouched: !isFirst))
        }
        guardian.expectAnswer()
        exchange = Exchange(end: end, deadline: deadline)
        arm(deadline, context)
        writer.send(request, from: context)
    }

    private func arm(_ deadline: NIODeadline, _ context: ChannelHandlerContext) {
        if let timer {
            if timer.deadline <= deadline { return }
            timer.task.cancel()
        }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        timer = (deadline, context.eventLoop.scheduleTask(deadline: deadline) { bound.value.timeIsUp() })
    }

    private func timeIsUp() {
        timer = nil
        guard let exchange, let context else { return }
        if exchange.deadline <= .now() { giveUp(exchange) } else { arm(exchange.deadline, context) }
    }

    private func giveUp(_ exchange: Exchange) {
        let reason = exchange.head == nil ? "no answer in time" : "the answer did not end in time"
        finish(.failed(reason: reason, isUntouched: false))
        context?.close(promise: nil)
    }

    // MARK: Answers

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard exchange != nil else {
            // Nobody asked.
            return context.close(promise: nil)
        }
        switch unwrapInboundIn(data) {
        case .head(let head): exchange?.head = head
        case .body(let bytes): take(bytes, context)
        case .end: complete(context)
        }
    }

    private func take(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
        guard var exchange else { return }
        let room = Self.excerptBytesMax - exchange.excerpt.count
        if room > 0 { exchange.excerpt += bytes.readableBytesView.prefix(room) }
        exchange.bodyBytes += bytes.readableBytes
        self.exchange = exchange
        guard exchange.bodyBytes > bodyBytesMax else { return }
        // The status has been told; what else there is to read is not wanted.
        answer()
        context.close(promise: nil)
    }

    private func complete(_ context: ChannelHandlerContext) {
        let isReusable = exchange?.head?.isKeepAlive == true && context.channel.isActive
        isFirst = false
        // Free first: whoever is told the answer may want to send the next request.
        let ended = exchange
        exchange = nil
        if isReusable { free(self, context.channel) } else { context.close(promise: nil) }
        if let ended { Self.answer(ended) }
    }

    private func answer() {
        let ended = exchange
        exchange = nil
        if let ended { Self.answer(ended) }
    }

    private static func answer(_ exchange: Exchange) {
        guard let head = exchange.head else {
            return exchange.end(.failed(reason: "the answer had no head", isUntouched: false))
        }
        exchange.end(
            .answered(status: Int(head.status.code), headers: head.headers, excerpt: exchange.excerpt))
    }

    private func finish(_ answer: WebhookAnswer) {
        guard let ended = exchange else { return }
        exchange = nil
        ended.end(answer)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if exchange?.head != nil {
            // How the body ends does not change what the status means.
            answer()
        } else {
            finish(
                .failed(
                    reason: "the connection ended without an answer",
                    isUntouched: !isFirst && guardian.isUntouched))
        }
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if exchange?.head != nil {
            answer()
        } else {
            finish(
                .failed(reason: "no answer: \(error)", isUntouched: !isFirst && guardian.isUntouched))
        }
        context.close(promise: nil)
    }
}

/// Stands between the socket and the parser of answers: counts what comes, so that a head without end ends the connection.
final class AnswerGuardian: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let bytesMax: Int
    private var bytes = 0

    struct TooLong: Error, CustomStringConvertible {
        var description: String { "the answer is too long" }
    }

    init(bytesMax: Int) { self.bytesMax = bytesMax }

    /// Another answer begins.
    func expectAnswer() { bytes = 0 }

    /// Whether nothing came of the present answer.
    var isUntouched: Bool { bytes == 0 }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        bytes += unwrapInboundIn(data).readableBytes
        guard bytes <= bytesMax else {
            context.fireErrorCaught(TooLong())
            return
        }
        context.fireChannelRead(data)
    }
}
