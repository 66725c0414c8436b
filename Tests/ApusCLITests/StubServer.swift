// SPDX-License-Identifier: Apache-2.0

// A server that answers what a test tells it to, on a real socket, so that client and commands are tested with everything below
// them.

import ApusCLI
import ApusClient
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A request as the stub received it.
struct StubRequest: Sendable {
    var method: String
    var path: String
    var headers: HTTPHeaders
    var body: String
}

/// What the stub answers.
struct StubAnswer: Sendable {
    var status = 200
    var headers: [(String, String)] = [("content-type", "application/json")]
    var body: String

    static func json(_ body: String, status: Int = 200) -> StubAnswer {
        StubAnswer(status: status, body: body)
    }
}

/// The stub, for the time of a test.
final class StubServer: Sendable {
    typealias Handler = @Sendable (StubRequest) -> StubAnswer

    private let log = Mutex<[StubRequest]>([])
    private let handler: Handler

    private init(handler: @escaping Handler) { self.handler = handler }

    /// What it was asked so far.
    var requests: [StubRequest] { log.withLock { $0 } }

    /// Runs `body` while a stub answers at the address that it is given.
    static func run<Result: Sendable>(
        _ handler: @escaping Handler, _ body: (_ url: String, _ stub: StubServer) async throws -> Result
    ) async throws -> Result {
        let stub = StubServer(handler: handler)
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                channel.pipeline.configureHTTPServerPipeline().flatMapThrowing {
                    try channel.pipeline.syncOperations.addHandler(StubHandler(stub))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = channel.localAddress?.port ?? 0
        do {
            let result = try await body("http://127.0.0.1:\(port)", stub)
            try await channel.close()
            return result
        } catch {
            try await channel.close()
            throw error
        }
    }

    fileprivate func answer(_ request: StubRequest) -> StubAnswer {
        log.withLock { $0.append(request) }
        return handler(request)
    }
}

private final class StubHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let stub: StubServer
    private var head: HTTPRequestHead?
    private var body = ""

    init(_ stub: StubServer) { self.stub = stub }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body = ""
        case .body(let bytes): body += String(buffer: bytes)
        case .end:
            guard let head else { return }
            let request = StubRequest(
                method: head.method.rawValue, path: head.uri, headers: head.headers, body: body)
            write(stub.answer(request), context)
        }
    }

    private func write(_ answer: StubAnswer, _ context: ChannelHandlerContext) {
        var headers = HTTPHeaders(answer.headers)
        headers.replaceOrAdd(name: "content-length", value: String(answer.body.utf8.count))
        let head = HTTPResponseHead(
            version: .http1_1, status: HTTPResponseStatus(statusCode: answer.status), headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: answer.body)))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
}
