// SPDX-License-Identifier: Apache-2.0

// The handler in a channel: requests put together, answered, refused; time is moved by hand.

import ApusWebhookNIO
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import ApusWebhook

struct HandlerTests {
    private func channel(_ bodyBytesMax: Int = 1_000) async throws -> NIOAsyncTestingChannel {
        let endpoint = WebhookEndpoint(
            from: try .standardWebhooks(secrets: [Requests.secret]), bodyBytesMax: bodyBytesMax)
        let receiver = try WebhookReceiver(
            endpoint, options: .init(), publishingTo: nil, fetch: nil, rejected: nil, now: { Requests.now })
        let channel = NIOAsyncTestingChannel()
        try await channel.testingEventLoop.executeInContext {
            try channel.pipeline.syncOperations.addHandler(
                WebhookHandler(["/hook": receiver], bodyTime: .seconds(5), idleTime: .seconds(50)))
        }
        try await channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 80))
        return channel
    }

    private func head(_ uri: String = "/hook", _ headers: HTTPHeaders = [:]) -> HTTPServerRequestPart {
        .head(HTTPRequestHead(version: .http1_1, method: .POST, uri: uri, headers: headers))
    }

    private func body(_ count: Int) -> HTTPServerRequestPart {
        .body(ByteBuffer(repeating: 0x20, count: count))
    }

    /// The status of the next answer, once all of it is there.
    private func answer(_ channel: NIOAsyncTestingChannel) async throws -> UInt? {
        var status: UInt?
        while true {
            switch try await channel.waitForOutboundWrite(as: HTTPServerResponsePart.self) {
            case .head(let head): status = head.status.code
            case .body: continue
            case .end: return status
            }
        }
    }

    @Test func `requests of a connection are answered one after the other`() async throws {
        let channel = try await channel()
        for _ in 0..<2 {
            try await channel.writeInbound(head())
            try await channel.writeInbound(body(10))
            try await channel.writeInbound(HTTPServerRequestPart.end(nil))
            #expect(try await answer(channel) == 401)
        }
        #expect(channel.isActive)
        _ = try await channel.finish(acceptAlreadyClosed: true)
    }

    @Test func `a path that is none is not found`() async throws {
        let channel = try await channel()
        try await channel.writeInbound(head("/hooks?x=/hook"))
        #expect(try await answer(channel) == 404)
        _ = try await channel.finish(acceptAlreadyClosed: true)
    }

    @Test func `a body that says that it is too large is not waited for`() async throws {
        let channel = try await channel()
        try await channel.writeInbound(head("/hook", ["content-length": "1001"]))
        #expect(try await answer(channel) == 413)
        try await channel.closeFuture.get()
    }

    @Test func `a body that turns out too large ends the connection`() async throws {
        let channel = try await channel()
        try await channel.writeInbound(head())
        try await channel.writeInbound(body(1_000))
        try await channel.writeInbound(body(1))
        #expect(try await answer(channel) == 413)
        try await channel.closeFuture.get()
    }

    @Test func `a body that does not come ends the connection`() async throws {
        let channel = try await channel()
        try await channel.writeInbound(head())
        await channel.testingEventLoop.advanceTime(by: .seconds(3))
        try await channel.writeInbound(body(1))
        #expect(channel.isActive)
        await channel.testingEventLoop.advanceTime(by: .seconds(2))
        #expect(try await answer(channel) == 408)
        try await channel.closeFuture.get()
    }

    @Test func `a connection without a request ends`() async throws {
        let channel = try await channel()
        await channel.testingEventLoop.advanceTime(by: .seconds(50))
        try await channel.closeFuture.get()
    }
}
