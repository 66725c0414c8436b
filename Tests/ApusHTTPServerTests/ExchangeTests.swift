// SPDX-License-Identifier: Apache-2.0

// Requests and responses over real sockets: order, bodies, framing, what the handler is told.

import ApusHTTPCodec
import ApusHTTPServer
import NIOCore
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct ExchangeTests {
    @Test func `requests on one connection are answered one after another`() async throws {
        try await withServer { server in
            try await withClient(server) { client in
                for path in ["/a", "/b", "/c"] {
                    let response = try await client.get(path)
                    #expect(response.hasPrefix("HTTP/1.1 200 OK\r\nDate: "))
                    #expect(response.hasSuffix("Content-Length: 4\r\n\r\n\(path) 0"))
                }
            }
            #expect(server.statistics().responses == [0, 3, 0, 0, 0])
        }
    }

    @Test func `pipelined requests answered out of order by other threads leave in order`() async throws {
        let waiting = Mutex<[(String, HTTPResponder)]>([])
        let paths = (0..<8).map { "/\($0)" }
        try await withServer(handler: { request, responder in
            let all = waiting.withLock { waiting in
                waiting.append((request.head.path, responder))
                return waiting.count == paths.count ? waiting : []
            }
            Task.detached {
                for (path, responder) in all.reversed() { responder.respond(text("[\(path)]")) }
            }
        }) { server in
            try await withClient(server) { client in
                try await client.send(paths.map { "GET \($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined())
                let response = try await client.receive(upTo: "[/7]")
                let bodies = response.split(separator: "[").dropFirst().map { $0.prefix { $0 != "]" } }
                #expect(bodies.map(String.init) == paths)
            }
        }
    }

    @Test func `no more requests are handled at once than allowed`() async throws {
        let gauge = Gauge()
        let handler: @Sendable (HTTPRequest, HTTPResponder) -> Void = { request, responder in
            gauge.begin()
            let path = request.head.path
            Task.detached {
                gauge.end()
                responder.respond(text("[\(path)]"))
            }
        }
        try await withServer({ $0.pipelinedRequestsMax = 2 }, handler: handler) { server in
            try await withClient(server) { client in
                let requests = (0..<200).map { "GET /\($0) HTTP/1.1\r\nHost: a\r\n\r\n" }
                try await client.send(requests.joined())
                let response = try await client.receive(upTo: "[/199]")
                #expect(response.split(separator: "[/").count == 201)
            }
        }
        #expect(gauge.most <= 2)
    }

    @Test func `a body in many reads arrives whole, and a large response too`() async throws {
        let size = 300_000
        try await withServer(handler: { request, responder in
            responder.respond(HTTPResponse(status: .ok, body: request.body))
        }) { server in
            try await withClient(server) { client in
                let body = String(repeating: "0123456789", count: size / 10)
                try await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(size)\r\n\r\n\(body)")
                _ = try await client.receive(upTo: "Content-Length: \(size)\r\n\r\n")
                try await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n#")
                let echoed = try await client.receive(upTo: "HTTP/1.1 200 OK")
                #expect(echoed == body + "HTTP/1.1 200 OK")
            }
        }
    }

    @Test func `a chunked body arrives joined`() async throws {
        try await withServer { server in
            try await withClient(server) { client in
                try await client.send(
                    "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc")
                try await client.send("\r\n2\r\nde\r\n0\r\n\r\n")
                #expect(try await client.receive(upTo: "/x 5").hasSuffix("/x 5"))
            }
        }
    }

    @Test func `HEAD is answered with the length alone`() async throws {
        try await withServer { server in
            try await withClient(server) { client in
                try await client.send("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n")
                let response = try await client.receive(upTo: "/b 0")
                #expect(response.contains("Content-Length: 4\r\n\r\nHTTP/1.1 200 OK"))
            }
        }
    }

    @Test func `a connection closes when the client asks or is of HTTP 1 0`() async throws {
        try await withServer { server in
            for request in [
                "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "GET / HTTP/1.0\r\n\r\n",
            ] {
                try await withClient(server) { client in
                    try await client.send(request)
                    let response = await client.receiveAll()
                    #expect(response.contains("Connection: close\r\n"))
                    #expect(response.hasSuffix("/ 0"))
                }
            }
        }
    }

    @Test func `a client that closes its side still gets its answers`() async throws {
        let release = Promised<Void>()
        try await withServer(handler: { request, responder in
            let path = request.head.path
            Task.detached {
                try await release.value
                responder.respond(text("[\(path)]"))
            }
        }) { server in
            try await withClient(server) { client in
                try await client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
                client.finish()
                release.set(())
                let response = await client.receiveAll()
                #expect(response.contains("[/1]") && response.hasSuffix("[/2]"))
            }
        }
    }

    @Test func `Expect is met before the body is sent`() async throws {
        try await withServer { server in
            try await withClient(server) { client in
                try await client.send(
                    "POST /e HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
                #expect(try await client.receive(upTo: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
                try await client.send("abc")
                #expect(try await client.receive(upTo: "/e 3").hasPrefix("HTTP/1.1 200 OK"))
            }
        }
    }

    @Test func `only the first answer counts`() async throws {
        try await withServer(handler: { request, responder in
            responder.respond(text("[1]"))
            responder.respond(text("[2]"))
            _ = responder.startStream(HTTPResponseHead(status: .ok))
        }) { server in
            try await withClient(server) { client in
                try await client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                #expect(await client.receiveAll().hasSuffix("\r\n\r\n[1]"))
            }
        }
    }

    @Test func `the peer is known to be local`() async throws {
        try await withServer(handler: { request, responder in
            responder.respond(text("\(request.peer.isLoopback) \(request.peer.address?.ipAddress ?? "")!"))
        }) { server in
            try await withClient(server) { client in
                try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try await client.receive(upTo: "!").hasSuffix("true 127.0.0.1!"))
            }
        }
    }

    @Test func `a handler learns that its client went away`() async throws {
        let asked = Promised<Void>()
        let abandoned = Promised<Void>()
        try await withServer(handler: { request, responder in
            responder.whenAbandoned { abandoned.set(()) }
            asked.set(())
        }) { server in
            try await withClient(server) { client in
                try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                try await asked.value
            }
            try await abandoned.value
        }
    }
}
