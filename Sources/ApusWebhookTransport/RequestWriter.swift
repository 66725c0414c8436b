// SPDX-License-Identifier: Apache-2.0

// A request as bytes, head and body in one buffer: what a delivery sends is small and whole before it is sent, so it takes one pass through the
// connection's handlers and one write.

internal import NIOCore
internal import NIOHTTP1

/// Stands between the parser of answers, which has to see what was asked, and the socket.
final class RequestWriter: ChannelOutboundHandler {
    typealias OutboundIn = HTTPClientRequestPart
    typealias OutboundOut = ByteBuffer

    /// What follows the head that is written next.
    private var body: [UInt8] = []

    /// Sends a request through the handlers from `context` on.
    func send(_ request: WebhookRequest, from context: ChannelHandlerContext) {
        body = request.body
        context.writeAndFlush(NIOAny(HTTPClientRequestPart.head(request.head)), promise: nil)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .head(let head) = unwrapOutboundIn(data) else {
            promise?.succeed()
            return
        }
        var buffer = context.channel.allocator.buffer(capacity: 768 + body.count)
        buffer.writeString(head.method.rawValue)
        buffer.writeInteger(UInt8(ascii: " "))
        buffer.writeString(head.uri)
        buffer.writeStaticString(" HTTP/1.1\r\n")
        for (name, value) in head.headers {
            buffer.writeString(name)
            buffer.writeStaticString(": ")
            buffer.writeString(value)
            buffer.writeStaticString("\r\n")
        }
        buffer.writeStaticString("\r\n")
        buffer.writeBytes(body)
        body = []
        context.write(wrapOutboundOut(buffer), promise: promise)
    }
}
