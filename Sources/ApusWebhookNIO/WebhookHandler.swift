// SPDX-License-Identifier: Apache-2.0

// Webhooks in a channel of SwiftNIO that speaks HTTP: requests are put together within bounds of size and time, and answered when they were handled.

public import ApusWebhook
public import NIOCore
public import NIOHTTP1

/// Answers requests to webhooks, by their path; put it behind NIO's HTTP handlers (`configureHTTPServerPipeline(withPipeliningAssistance: true)`).
///
/// A body that is larger than its endpoint takes is answered with 413 as soon as that is known, one that does not come within `bodyTime` with 408; both
/// end the connection. A path that is none of `endpoints` is answered with 404.
public final class WebhookHandler: ChannelInboundHandler {
    public typealias InboundIn = HTTPServerRequestPart
    public typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        case idle
        /// A request is coming in.
        case reading(WebhookReceiver, HTTPRequestHead, ByteBuffer)
        /// It is being answered.
        case answering(isKeptAlive: Bool)
        /// The rest of the request, and of the connection, is of no interest.
        case done
    }

    private let endpoints: [String: WebhookReceiver]
    private let bodyTime: TimeAmount
    private let idleTime: TimeAmount
    private var state = State.idle
    private var timer: Scheduled<Void>?

    /// Answers requests to webhooks.
    ///
    /// - Parameters:
    ///   - endpoints: by path, such as `/hooks/orders`.
    ///   - bodyTime: how long a request may take to come in, from its head on. 10 s.
    ///   - idleTime: how long a connection may have no request under way, or half a head. 60 s.
    public init(
        _ endpoints: [String: WebhookReceiver], bodyTime: Duration = .seconds(10),
        idleTime: Duration = .seconds(60)
    ) {
        self.idleTime = .nanoseconds(Int64(idleTime / .nanoseconds(1)))
        self.endpoints = endpoints
        self.bodyTime = .nanoseconds(Int64(bodyTime / .nanoseconds(1)))
    }

    public func handlerAdded(context: ChannelHandlerContext) { awaitRequest(context) }

    /// Ends the connection if no request comes.
    private func awaitRequest(_ context: ChannelHandlerContext) {
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        timer?.cancel()
        timer = context.eventLoop.scheduleTask(in: idleTime) { bound.value.close(promise: nil) }
    }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (unwrapInboundIn(data), state) {
        case (.head(let head), .idle): begin(head, context)
        case (.body(var part), .reading(let receiver, let head, var body)):
            guard body.readableBytes + part.readableBytes <= receiver.endpoint.bodyBytesMax else {
                return refuse(
                    413, "the body is larger than \(receiver.endpoint.bodyBytesMax) bytes", context)
            }
            // Not shared while it grows.
            state = .idle
            body.writeBuffer(&part)
            state = .reading(receiver, head, body)
        case (.end, .reading(let receiver, let head, let body)): answer(receiver, head, body, context)
        case (.head, .answering):
            // Pipelined, and nobody keeps requests apart: two answers at a time would be mixed up.
            state = .done
            context.close(promise: nil)
        default: break
        }
    }

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let path = head.uri.prefix { $0 != "?" }
        guard let receiver = endpoints[String(path)] else {
            return refuse(404, "there is no webhook at this path", context)
        }
        let limit = receiver.endpoint.bodyBytesMax
        if let length = head.headers.first(name: "content-length").flatMap({ Int($0) }), length > limit {
            return refuse(413, "the body is larger than \(limit) bytes", context)
        }
        state = .reading(receiver, head, context.channel.allocator.buffer(capacity: 0))
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        timer?.cancel()
        timer = context.eventLoop.scheduleTask(in: bodyTime) {
            let (handler, context) = bound.value
            if case .reading = handler.state { handler.refuse(408, "the body did not come in time", context) }
        }
    }

    private func answer(
        _ receiver: WebhookReceiver, _ head: HTTPRequestHead, _ body: ByteBuffer,
        _ context: ChannelHandlerContext
    ) {
        timer?.cancel()
        state = .answering(isKeptAlive: head.isKeepAlive)
        let request = WebhookRequest(
            method: head.method.rawValue, target: head.uri,
            headers: head.headers.map { (name: $0.name, value: $0.value) },
            body: Array(body.readableBytesView))
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let loop = context.eventLoop
        Task {
            let response = await receiver.respond(to: request)
            loop.execute {
                let (handler, context) = bound.value
                guard case .answering(let isKeptAlive) = handler.state else { return }
                handler.state = isKeptAlive ? .idle : .done
                handler.write(response, isKeptAlive: isKeptAlive, context)
                if isKeptAlive { handler.awaitRequest(context) }
            }
        }
    }

    /// Answers without having read all: what follows in this connection cannot be told from the rest of it.
    private func refuse(_ status: Int, _ reason: String, _ context: ChannelHandlerContext) {
        timer?.cancel()
        state = .done
        write(
            WebhookResponse(
                status: status, headers: [("content-type", "text/plain; charset=utf-8")],
                body: Array("\(reason)\n".utf8)), isKeptAlive: false, context)
    }

    private func write(
        _ response: WebhookResponse, isKeptAlive: Bool, _ context: ChannelHandlerContext
    ) {
        var headers = HTTPHeaders(response.headers.map { ($0.name, $0.value) })
        if response.status != 204 {
            headers.replaceOrAdd(name: "content-length", value: "\(response.body.count)")
        }
        if !isKeptAlive { headers.replaceOrAdd(name: "connection", value: "close") }
        let status = HTTPResponseStatus(statusCode: response.status)
        context.write(
            wrapOutboundOut(.head(.init(version: .http1_1, status: status, headers: headers))), promise: nil)
        if !response.body.isEmpty {
            context.write(
                wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: response.body)))), promise: nil)
        }
        let written = context.writeAndFlush(wrapOutboundOut(.end(nil)))
        guard !isKeptAlive else { return }
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        written.whenComplete { _ in bound.value.close(promise: nil) }
    }

    public func channelInactive(context: ChannelHandlerContext) {
        // What is being handled goes on; its answer has nowhere to go.
        timer?.cancel()
        state = .done
        context.fireChannelInactive()
    }

    public func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
