// SPDX-License-Identifier: Apache-2.0

// What a server does to clients that are malformed, slow, silent or too many.

import ApusHTTPCodec
import ApusHTTPServer
import ApusNetwork
import NIOCore
import Testing

@Suite(.timeLimit(.minutes(1))) struct LimitTests {
    @Test(arguments: [
        ("GET /\n", 400), ("GET / HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/3.0\r\n", 505),
        ("GET /\(String(repeating: "x", count: 9000))", 414),
        ("GET / HTTP/1.1\r\nA: \(String(repeating: "x", count: 40_000))", 431),
        ("GET / HTTP/1.1\r\n\(String(repeating: "A: b\r\n", count: 101))", 431),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n", 413),
        ("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 99999999999\r\n\r\n", 413),
        ("GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", 417),
    ])
    func `an unacceptable request is answered and the connection closed`(
        request: String, status: Int
    ) async throws {
        try await withServer { server in
            try await withClient(server) { client in
                try await client.send(request)
                let response = await client.receiveAll()
                #expect(response.hasPrefix("HTTP/1.1 \(status) "))
                #expect(response.contains("Connection: close\r\n"))
                #expect(response.contains("Content-Type: application/problem+json\r\n"))
                #expect(response.hasSuffix("}"))
            }
            #expect(server.statistics().requestsMalformed == 1)
        }
    }

    @Test func `a refusal waits for the answers before it`() async throws {
        let release = Promised<Void>()
        try await withServer(handler: { request, responder in
            Task.detached {
                try await release.value
                responder.respond(text("[first]"))
            }
        }) { server in
            try await withClient(server) { client in
                try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\nnonsense\r\n")
                try await eventually { server.statistics().requestsMalformed == 1 }
                release.set(())
                let response = await client.receiveAll()
                #expect(response.contains("[first]HTTP/1.1 400 Bad Request\r\n"))
            }
        }
    }

    @Test func `bodies of all connections together take no more memory than allowed`() async throws {
        let body = String(repeating: "x", count: 40_000)
        let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 40000\r\n\r\n"
        let release = Promised<Void>()
        try await withServer(
            { $0.bodiesBytesMax = 100_000 },
            handler: { request, responder in
                let (path, count) = (request.head.path, request.body.readableBytes)
                Task.detached {
                    if count > 0 { try await release.value }
                    responder.respond(text("\(path) \(count)"))
                }
            }
        ) { server in
            try await withClient(server) { first in
                try await withClient(server) { second in
                    for client in [first, second] { try await client.send(head + body) }
                    try await eventually { server.statistics().bytesReceived > 80_000 }
                    // Two are at work; a third finds no room, one without much of a body does.
                    try await withClient(server) { third in
                        try await third.send(head + body)
                        #expect(await third.receiveAll().hasPrefix("HTTP/1.1 503 "))
                    }
                    try await withClient(server) { small in
                        let answer = try await small.get("/")
                        #expect(answer.hasPrefix("HTTP/1.1 200 "))
                    }
                    release.set(())
                    #expect(try await first.receive(upTo: "/ 40000").hasPrefix("HTTP/1.1 200 "))
                    #expect(try await second.receive(upTo: "/ 40000").hasPrefix("HTTP/1.1 200 "))
                    // What was answered makes room.
                    try await first.send(head + body)
                    #expect(try await first.receive(upTo: "/ 40000").contains("HTTP/1.1 200 "))
                }
            }
        }
    }

    @Test func `a refusal reaches a client that is still sending`() async throws {
        try await withServer({ $0.limits.bodyBytesMax = 10 }) { server in
            try await withClient(server) { client in
                try await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")
                for _ in 0..<20 { try? await client.send(String(repeating: "x", count: 10_000)) }
                #expect(await client.receiveAll().hasPrefix("HTTP/1.1 413 "))
            }
        }
    }

    @Test func `a head that trickles in is cut off`() async throws {
        // The answer has to reach a client that goes on writing, however late it looks.
        try await withServer({
            $0.headTimeout = .milliseconds(500)
            $0.lingerTimeout = .seconds(30)
        }) { server in
            var answer = ""
            // A connection on which nothing has come in time is closed without a word, which on a busy machine may happen before the client has written.
            for _ in 0..<50 where answer.isEmpty {
                try await withClient(server) { client in
                    try? await client.send("GET / HTTP/1.1\r\nA: ")
                    let outbound = client.outbound
                    // One field for ever: many would end at their own limit where a busy machine lets them pile up.
                    let trickle = Task {
                        while !Task.isCancelled {
                            try await outbound.write(ByteBuffer(string: "b"))
                            try await Task.sleep(for: .milliseconds(10))
                        }
                    }
                    answer = await client.receiveAll()
                    trickle.cancel()
                }
            }
            #expect(answer.hasPrefix("HTTP/1.1 408 "))
        }
    }

    @Test func `a connection that says nothing is closed without a word`() async throws {
        try await withServer({ $0.headTimeout = .milliseconds(50) }) { server in
            try await withClient(server) { client in
                #expect(await client.receiveAll() == "")
            }
        }
    }

    @Test func `a connection idle after a request is closed`() async throws {
        try await withServer({ $0.idleTimeout = .milliseconds(50) }) { server in
            try await withClient(server) { client in
                _ = try await client.get("/a")
                #expect(await client.receiveAll() == "")
            }
        }
    }

    @Test func `a body that stops coming is cut off`() async throws {
        try await withServer({ $0.bodyTimeout = .milliseconds(50) }) { server in
            try await withClient(server) { client in
                try await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
                #expect(await client.receiveAll().hasPrefix("HTTP/1.1 408 "))
            }
        }
    }

    @Test func `deadlines spare a client whose answer takes long`() async throws {
        let idle = Duration.seconds(2)
        try await withServer(
            { $0.idleTimeout = idle },
            handler: { request, responder in
                Task.detached {
                    // Longer than the deadline that must not apply; however slow the machine is, it is never shorter.
                    try await Task.sleep(for: idle * 1.25)
                    responder.respond(text("late"))
                }
            }
        ) { server in
            try await withClient(server) { client in
                try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try await client.receive(upTo: "late").hasPrefix("HTTP/1.1 200 "))
            }
        }
    }

    @Test func `a client that does not read its response is cut off`() async throws {
        let large = ByteBuffer(repeating: 0x78, count: 32 * 1024 * 1024)
        let change: (inout HTTPServerConfiguration) -> Void = { $0.writeTimeout = .milliseconds(100) }
        try await withServer(
            change,
            handler: { request, responder in
                responder.respond(HTTPResponse(status: .ok, body: large))
            }
        ) { server in
            try await withClient(server, receiveBufferBytes: 4096) { client in
                try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                try await eventually { server.statistics().connectionsClosed == 1 }
            }
        }
    }

    @Test func `accepting pauses at the most connections and goes on when one closes`() async throws {
        try await withServer({ $0.connectionsMax = 1 }) { server in
            let release = Promised<Void>()
            try await withThrowingTaskGroup(of: Void.self) { group in
                let isServed = Promised<Void>()
                group.addTask {
                    try await withClient(server) { client in
                        _ = try await client.get("/first")
                        isServed.set(())
                        try await release.value
                    }
                }
                try await isServed.value
                group.addTask {
                    try await withClient(server) { client in
                        try await client.send("GET /second HTTP/1.1\r\nHost: a\r\n\r\n")
                        #expect(server.statistics().connectionsAccepted == 1)
                        release.set(())
                        #expect(try await client.receive(upTo: "/second 0").hasPrefix("HTTP/1.1 200 OK"))
                    }
                }
                try await group.waitForAll()
            }
            #expect(server.statistics().connectionsAccepted == 2)
        }
    }

    @Test func `an address in use is reported by name`() async throws {
        try await withServer { server in
            let port = try #require(server.addresses.first?.port)
            let address = ListenAddress(host: "127.0.0.1", port: port)
            let error = await #expect(throws: HTTPServerError.self) {
                _ = try await HTTPServer.start(
                    HTTPServerConfiguration(addresses: [address]), handler: ClosureHandler(action: echo))
            }
            #expect(
                error?.description
                    == "cannot listen at 127.0.0.1:\(port): Address already in use; choose another address, or stop what uses it"
            )
        }
    }
}
