// SPDX-License-Identifier: Apache-2.0

// A server that answers as it is told and remembers what it was asked.

import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

final class WebhookServer: Sendable {
    struct Request: Sendable {
        var head: HTTPRequestHead
        var body: String
    }

    enum Behaviour: Sendable {
        case answer(status: Int, headers: [(String, String)] = [], body: String = "")
        /// Takes the request and says nothing.
        case silence
        /// Begins an answer whose body never ends.
        case endless
        case hangUp
        /// Answers the first request of a connection, and ends the connection when the second comes.
        case answerOnce
        /// Begins a head that never ends.
        case endlessHead
        /// Sends half an answer's head, and nothing more.
        case half
    }

    private let received = Mutex<[Request]>([])
    private let channel: any Channel
    let port: Int

    var requests: [Request] { received.withLock { $0 } }

    private init(_ channel: any Channel) {
        self.channel = channel
        port = channel.localAddress?.port ?? 0
    }

    /// Runs `test` with a server that behaves so.
    static func with(
        _ behaviour: Behaviour, host: String = "127.0.0.1", _ test: (WebhookServer) async throws -> Void
    ) async throws {
        let box = Mutex<WebhookServer?>(nil)
        let note: @Sendable (Request) -> Void = { request in
            box.withLock { $0 }?.received.withLock { $0.append(request) }
        }
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Handler(behaviour, note))
                }
            }
            .bind(host: host, port: 0).get()
        let server = WebhookServer(channel)
        box.withLock { $0 = server }
        do {
            try await test(server)
        } catch {
            try await channel.close()
            throw error
        }
        try await channel.close()
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let behaviour: Behaviour
        private let note: @Sendable (Request) -> Void
        private var request: Request?
        private var answers = 0

        init(_ behaviour: Behaviour, _ note: @escaping @Sendable (Request) -> Void) {
            self.behaviour = behaviour
            self.note = note
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head): request = Request(head: head, body: "")
            case .body(let bytes): request?.body += String(buffer: bytes)
            case .end:
                if let request { note(request) }
                answer(context)
            }
        }

        private func answer(_ context: ChannelHandlerContext) {
            switch behaviour {
            case .silence: break
            case .hangUp: context.close(promise: nil)
            case .answerOnce:
                answers += 1
                guard answers == 1 else { return context.close(promise: nil) }
                var head = HTTPResponseHead(version: .http1_1, status: .noContent)
                head.headers.add(name: "connection", value: "keep-alive")
                context.write(wrapOutboundOut(.head(head)), promise: nil)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            case .endlessHead:
                raw(
                    context,
                    "HTTP/1.1 200 OK\r\n"
                        + String(repeating: "x-more: \(String(repeating: "y", count: 1000))\r\n", count: 500))
            case .half: raw(context, "HTTP/1.1 200 OK\r\ncontent-le")
            case .answer(let status, let headers, let body):
                var head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: status))
                for (name, value) in headers { head.headers.add(name: name, value: value) }
                head.headers.add(name: "content-length", value: String(body.utf8.count))
                context.write(wrapOutboundOut(.head(head)), promise: nil)
                context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: body)))), promise: nil)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            case .endless:
                context.write(
                    wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .ok))), promise: nil)
                writeOn(context)
            }
        }

        /// Bytes past the encoder.
        private func raw(_ context: ChannelHandlerContext, _ text: String) {
            guard
                let first = try? context.pipeline.syncOperations.context(
                    handlerType: HTTPResponseEncoder.self)
            else { return context.close(promise: nil) }
            first.writeAndFlush(NIOAny(ByteBuffer(string: text)), promise: nil)
        }

        private func writeOn(_ context: ChannelHandlerContext) {
            let bytes = ByteBuffer(repeating: 0x78, count: 32 << 10)
            let loop = NIOLoopBound(context, eventLoop: context.eventLoop)
            let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
            context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(bytes)))).whenSuccess {
                bound.value.writeOn(loop.value)
            }
        }
    }
}
