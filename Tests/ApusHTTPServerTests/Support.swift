// SPDX-License-Identifier: Apache-2.0

// A server and raw clients on loopback sockets. Clients write and read bytes, so that the tests see exactly
// what goes over the wire; waiting is always for a condition, with the suite's time limit behind it.

import ApusHTTPCodec
import ApusHTTPServer
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// Answers with a closure.
struct ClosureHandler: HTTPRequestHandler {
    let action: @Sendable (HTTPRequest, HTTPResponder) -> Void

    func handle(_ request: consuming HTTPRequest, _ responder: HTTPResponder) {
        action(request, responder)
    }
}

func text(_ body: String, _ status: HTTPStatus = .ok) -> HTTPResponse {
    HTTPResponse(status: status, body: ByteBuffer(string: body))
}

/// Answers every request with its path and the length of its body.
let echo: @Sendable (HTTPRequest, HTTPResponder) -> Void = { request, responder in
    responder.respond(text("\(request.head.path) \(request.body.readableBytes)"))
}

/// Runs `body` with a server on a free port of 127.0.0.1, and shuts it down after.
func withServer(
    _ change: (inout HTTPServerConfiguration) -> Void = { _ in },
    handler: @escaping @Sendable (HTTPRequest, HTTPResponder) -> Void = echo,
    _ body: (HTTPServer) async throws -> Void
) async throws {
    var configuration = HTTPServerConfiguration()
    configuration.eventLoopCount = 2
    change(&configuration)
    let server = try await HTTPServer.start(configuration, handler: ClosureHandler(action: handler))
    do {
        try await body(server)
    } catch {
        await server.shutdown(gracePeriod: .zero)
        throw error
    }
    await server.shutdown(gracePeriod: .zero)
}

/// A connection to a server, as bytes.
struct Client {
    let channel: any Channel
    private var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    /// What was received and not yet asked for.
    private(set) var received = ""

    init(
        _ channel: any Channel, _ inbound: NIOAsyncChannelInboundStream<ByteBuffer>,
        _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    ) {
        self.channel = channel
        self.inbound = inbound.makeAsyncIterator()
        self.outbound = outbound
    }

    func send(_ text: String) async throws {
        try await outbound.write(ByteBuffer(string: text))
    }

    /// Closes this side for writing.
    func finish() {
        outbound.finish()
    }

    /// Reads up to and with the first `end`; or all there is, if the connection closes before.
    mutating func receive(upTo end: String) async throws -> String {
        while true {
            if let range = received.firstRange(of: end) {
                let text = String(received[..<range.upperBound])
                received.removeSubrange(..<range.upperBound)
                return text
            }
            guard let buffer = try await inbound.next() else { break }
            received += String(buffer: buffer)
        }
        defer { received = "" }
        return received
    }

    /// Reads until the server closes.
    mutating func receiveAll() async -> String {
        var text = received
        while let buffer = try? await inbound.next() { text += String(buffer: buffer) }
        received = ""
        return text
    }

    /// Sends a request without a body and reads the response with its body.
    mutating func get(_ path: String) async throws -> String {
        try await send("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
        return try await receive(upTo: "\(path) 0")
    }
}

/// Runs `body` with a client connected to the server's first address.
func withClient(
    _ server: HTTPServer, receiveBufferBytes: Int? = nil, _ body: (inout Client) async throws -> Void
) async throws {
    let address = try #require(server.addresses.first)
    var bootstrap = ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .channelOption(.allowRemoteHalfClosure, value: true)
    if let receiveBufferBytes {
        bootstrap = bootstrap.channelOption(.socketOption(.so_rcvbuf), value: receiveBufferBytes)
    }
    let connection = try await bootstrap.connect(to: address) { channel in
        channel.eventLoop.makeCompletedFuture {
            try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                wrappingChannelSynchronously: channel,
                configuration: .init(
                    backPressureStrategy: .init(lowWatermark: 1, highWatermark: 2),
                    isOutboundHalfClosureEnabled: true))
        }
    }
    try await connection.executeThenClose { inbound, outbound in
        var client = Client(connection.channel, inbound, outbound)
        try await body(&client)
    }
}

/// A value that one thread sets and a test waits for.
final class Promised<Value: Sendable>: Sendable {
    private let promise: EventLoopPromise<Value>
    private let isSet = Mutex(false)

    init(of: Value.Type = Value.self) {
        promise = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Value.self)
    }

    func set(_ value: Value) {
        let isFirst = isSet.withLock { isSet in
            defer { isSet = true }
            return !isSet
        }
        if isFirst { promise.succeed(value) }
    }

    var value: Value {
        get async throws { try await promise.futureResult.get() }
    }
}

/// Counts what goes on at once.
final class Gauge: Sendable {
    private let state = Mutex((now: 0, most: 0))

    var most: Int { state.withLock { $0.most } }

    func begin() {
        state.withLock {
            $0.now += 1
            $0.most = max($0.most, $0.now)
        }
    }

    func end() {
        state.withLock { $0.now -= 1 }
    }
}

/// Waits until `condition` holds; the suite's time limit bounds it.
func eventually(_ condition: () -> Bool) async throws {
    while !condition() { try await Task.sleep(for: .milliseconds(2)) }
}
