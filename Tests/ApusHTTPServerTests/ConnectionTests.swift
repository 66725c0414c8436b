// SPDX-License-Identifier: Apache-2.0

// What is told of connections: who is there and what they asked for, page by page, and that one can be closed without harm to its successor.

import ApusHTTPCodec
import ApusHTTPServer
import NIOCore
import NIOPosix
import Testing

@Suite(.timeLimit(.minutes(1))) struct ConnectionTests {
    /// Runs `body` while so many connections are open that ask for nothing.
    private func withConnections(
        _ server: HTTPServer, count: Int, _ body: () async throws -> Void
    ) async throws {
        let address = try #require(server.addresses.first)
        var channels: [any Channel] = []
        for _ in 0..<count {
            let bootstrap = ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            channels.append(try await bootstrap.connect(to: address).get())
        }
        try await eventually { server.statistics().connectionsOpen == count }
        try await body()
        for channel in channels { try? await channel.close() }
    }

    @Test func `a connection tells who is there, what it asked for, and how much`() async throws {
        try await withServer { server in
            #expect(await server.connections(limit: 10).isEmpty)
            try await withClient(server) { client in
                try await client.send(
                    "GET /first?secret=1 HTTP/1.1\r\nHost: a\r\nUser-Agent: tester/1\r\n\r\n")
                _ = try await client.receive(upTo: "/first 0")
                let long = "/" + String(repeating: "x", count: 500)
                try await client.send(
                    "POST \(long)?secret=2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
                _ = try await client.receive(upTo: "xx 3")
                let found = await server.connections(limit: 10)
                let one = try #require(found.first)
                #expect(found.count == 1)
                #expect(one.peer == client.channel.localAddress.map { "127.0.0.1:\($0.port ?? 0)" })
                #expect(one.agent == "tester/1" && one.method == .post)
                #expect(one.path == String(long.prefix(HTTPConnectionFigures.pathBytesMax)))
                #expect(one.requests == 2 && one.underWay == 0)
                #expect(one.bytesReceived > 500 && one.bytesSent > 100)
                #expect(one.age < .seconds(60) && one.idle <= one.age)
            }
        }
    }

    @Test func `pages of connections name each of them once`() async throws {
        try await withServer { server in
            try await withConnections(server, count: 9) {
                var names: [String] = []
                var last: (loop: Int, place: Int)?
                while true {
                    let page = await server.connections(after: last, limit: 2)
                    guard let end = page.last else { break }
                    names += page.map { "\($0.loop)/\($0.place)" }
                    last = (end.loop, end.place)
                }
                #expect(names.count == 9 && Set(names).count == 9)
                let none = await server.connections(limit: 10) { _ in false }
                #expect(none.isEmpty)
            }
        }
    }

    @Test func `closing a connection closes that one alone, and only once`() async throws {
        try await withServer { server in
            try await withConnections(server, count: 2) {
                let found = await server.connections(limit: 10)
                let (first, second) = (try #require(found.first), try #require(found.last))
                #expect(
                    await server.disconnect(
                        loop: first.loop, place: first.place, generation: first.generation))
                #expect(
                    !(await server.disconnect(
                        loop: first.loop, place: first.place, generation: first.generation &+ 1)))
                while await server.connections(limit: 10).count > 1 { await Task.yield() }
                #expect(await server.connections(limit: 10).map(\.peer) == [second.peer])
                #expect(!(await server.disconnect(loop: 99, place: 0, generation: 0)))
                #expect(!(await server.disconnect(loop: 0, place: .max, generation: 0)))
            }
        }
    }
}
