// SPDX-License-Identifier: Apache-2.0

// Streamed responses and their producers, and shutting down.

import ApusHTTPCodec
import ApusHTTPServer
import NIOCore
import Testing

@Suite(.timeLimit(.minutes(1))) struct StreamAndShutdownTests {
    private let events = HTTPResponseHead(
        status: .ok, headers: HTTPHeaderBlock(contentType: "text/event-stream"))

    /// A server whose requests become streams, handed to the test.
    private func withStream(
        _ change: (inout HTTPServerConfiguration) -> Void = { _ in },
        _ body: (HTTPServer, Promised<HTTPStreamWriter>) async throws -> Void
    ) async throws {
        let writer = Promised<HTTPStreamWriter>()
        let events = events
        try await withServer(
            change,
            handler: { request, responder in
                writer.set(responder.startStream(events))
            }
        ) { server in
            try await body(server, writer)
        }
    }

    @Test func `a stream is sent in chunks and the connection goes on`() async throws {
        try await withStream { server, writer in
            try await withClient(server) { client in
                try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                let head = try await client.receive(upTo: "\r\n\r\n")
                #expect(head.contains("Transfer-Encoding: chunked\r\n"))
                let stream = try await writer.value
                #expect(stream.write(ByteBuffer(string: "data: 1\n\n")) == .written)
                #expect(try await client.receive(upTo: "\n\n\r\n") == "9\r\ndata: 1\n\n\r\n")
                stream.write(ByteBuffer(string: "x"))
                stream.finish()
                #expect(try await client.receive(upTo: "0\r\n\r\n") == "1\r\nx\r\n0\r\n\r\n")
                #expect(stream.isClosed)
                #expect(stream.write(ByteBuffer(string: "y")) == .closed)
                try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try await client.receive(upTo: "\r\n\r\n").hasPrefix("HTTP/1.1 200 OK"))
            }
        }
    }

    @Test func `a stream to an HTTP 1 0 client ends with the connection`() async throws {
        try await withStream { server, writer in
            try await withClient(server) { client in
                try await client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                let stream = try await writer.value
                stream.write(ByteBuffer(string: "abc"))
                stream.finish()
                let response = await client.receiveAll()
                #expect(response.contains("Connection: close\r\n") && response.hasSuffix("\r\n\r\nabc"))
            }
        }
    }

    @Test func `HEAD of a stream has no body`() async throws {
        try await withStream { server, writer in
            try await withClient(server) { client in
                try await client.send("HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                #expect(await client.receiveAll().hasSuffix("\r\n\r\n"))
                let stream = try await writer.value
                #expect(stream.isClosed)
            }
        }
    }

    @Test func `a reader that stalls fills the bound, and the producer waits for it`() async throws {
        let bound = 100_000
        try await withStream({ $0.streamBufferBytesMax = bound }) { server, writer in
            try await withClient(server, receiveBufferBytes: 4096) { client in
                try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                let stream = try await writer.value
                let piece = ByteBuffer(repeating: 0x78, count: 10_000)
                // The kernel's own buffers take some too; what matters is that it ends.
                var count = 0
                while await settles({ stream.write(piece) == .full }) == false { count += 1 }
                #expect(!stream.isWritable)
                let writable = Task { await stream.waitUntilWritable() }
                _ = try await client.receive(upTo: "\r\n\r\n")
                let reading = Task { await stream.waitUntilWritable() }
                for _ in 0..<count { _ = try await client.receive(upTo: "x\r\n") }
                #expect(await writable.value)
                #expect(await reading.value)
                stream.finish()
                #expect(try await client.receive(upTo: "0\r\n\r\n").hasSuffix("0\r\n\r\n"))
            }
        }
    }

    /// Whether a write is refused for good: refused, and again after the loop had time to pass bytes on.
    private func settles(_ isFull: () -> Bool) async -> Bool {
        for _ in 0..<20 {
            guard isFull() else { return false }
            try? await Task.sleep(for: .milliseconds(1))
        }
        return true
    }

    @Test func `a reader that stalls for too long is cut off and the producer told`() async throws {
        let change: (inout HTTPServerConfiguration) -> Void = {
            $0.writeTimeout = .milliseconds(100)
            $0.streamBufferBytesMax = 32 * 1024 * 1024
        }
        try await withStream(change) { server, writer in
            try await withClient(server, receiveBufferBytes: 4096) { client in
                try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                let stream = try await writer.value
                let closed = Promised<Void>()
                stream.whenClosed { closed.set(()) }
                stream.write(ByteBuffer(repeating: 0x78, count: 32 * 1024 * 1024))
                try await closed.value
                #expect(await stream.waitUntilWritable() == false)
            }
        }
    }

    @Test func `a producer learns that its reader went away`() async throws {
        try await withStream { server, writer in
            let closed = Promised<Void>()
            try await withClient(server) { client in
                try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                try await writer.value.whenClosed { closed.set(()) }
            }
            try await closed.value
        }
    }

    @Test func `shutting down answers what was asked and closes the rest`() async throws {
        let asked = Promised<HTTPResponder>()
        try await withServer(handler: { request, responder in
            if request.head.path == "/slow" { asked.set(responder) } else { echo(request, responder) }
        }) { server in
            try await withClient(server) { idle in
                _ = try await idle.get("/idle")
                try await withClient(server) { busy in
                    try await busy.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
                    let responder = try await asked.value
                    async let shutdown: Void = server.shutdown(gracePeriod: .seconds(30))
                    #expect(await idle.receiveAll() == "")
                    await #expect(throws: (any Error).self) { try await withClient(server) { _ in } }
                    responder.respond(text("done"))
                    let response = await busy.receiveAll()
                    #expect(response.contains("Connection: close\r\n") && response.hasSuffix("done"))
                    busy.finish()
                    await shutdown
                }
            }
        }
    }

    @Test func `shutting down ends streams`() async throws {
        try await withStream { server, writer in
            try await withClient(server) { client in
                try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                let stream = try await writer.value
                stream.write(ByteBuffer(string: "abc"))
                _ = try await client.receive(upTo: "abc\r\n")
                async let shutdown: Void = server.shutdown(gracePeriod: .seconds(30))
                #expect(await client.receiveAll() == "0\r\n\r\n")
                client.finish()
                await shutdown
                #expect(stream.isClosed)
            }
        }
    }

    @Test func `shutting down does not wait longer than the grace period`() async throws {
        let asked = Promised<HTTPResponder>()
        try await withServer(handler: { request, responder in asked.set(responder) }) { server in
            try await withClient(server) { client in
                try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                let responder = try await asked.value
                await server.shutdown(gracePeriod: .milliseconds(20))
                #expect(await client.receiveAll() == "")
                responder.respond(text("too late"))
            }
        }
    }
}
