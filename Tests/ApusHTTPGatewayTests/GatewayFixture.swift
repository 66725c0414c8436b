// SPDX-License-Identifier: Apache-2.0

// A gateway on a loopback port in front of a recorder, and a client that holds every answer against the route table: a status or a
// form that the OpenAPI document does not promise fails the test that met it.

import ApusHTTPServer
public import ApusModel
import ApusNetwork
import AsyncHTTPClient
import CloudEvents
import JSONText
import Logging
import NIOCore
import NIOHTTP1
import Testing

@testable import ApusHTTPGateway

struct Reply {
    var status: Int
    var headers: HTTPHeaders
    var body: [UInt8]

    var json: JSONValue { (try? JSONValue(parsing: body)) ?? .null }
    /// The first field of that name.
    func header(_ name: String) -> String? { headers.first(name: name) }
    var type: String? { json["type"]?.string }
    var text: String { String(decoding: body, as: UTF8.self) }
}

struct GatewayFixture {
    let broker: RecorderBroker
    let gateway: HTTPGateway
    let port: Int
    /// Of this fixture alone: a client that all tests share would take up connections to a gateway that has ended when the next one gets its port.
    let client: HTTPClient

    var base: String { "http://127.0.0.1:\(port)" }

    /// Runs `test` against a gateway that is stopped afterwards.
    static func with(
        _ configure: (inout HTTPGatewayConfiguration) -> Void = { _ in },
        _ test: (GatewayFixture) async throws -> Void
    ) async throws {
        var server = HTTPServerConfiguration(addresses: [ListenAddress(host: "127.0.0.1", port: 0)])
        server.eventLoopCount = 1
        var configuration = HTTPGatewayConfiguration(server: server)
        configuration.now = { RecorderBroker.created }
        configuration.gracePeriod = .seconds(1)
        configuration.tailScanInterval = .milliseconds(5)
        configure(&configuration)
        let broker = RecorderBroker()
        let gateway = HTTPGateway(
            broker: broker, configuration: configuration,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let addresses = try await gateway.start()
        let port = try #require(addresses.first?.port)
        let client = HTTPClient(eventLoopGroupProvider: .singleton)
        let fixture = GatewayFixture(broker: broker, gateway: gateway, port: port, client: client)
        do {
            try await test(fixture)
        } catch {
            await gateway.stop()
            try? await client.shutdown()
            throw error
        }
        await gateway.stop()
        try await client.shutdown()
    }

    // MARK: Asking

    func get(_ path: String, headers: [(String, String)] = []) async throws -> Reply {
        try await send("GET", path, headers: headers)
    }

    func put(_ path: String, _ body: String) async throws -> Reply {
        try await send("PUT", path, body: body, headers: [("content-type", "application/json")])
    }

    func post(_ path: String, _ body: String? = nil) async throws -> Reply {
        try await send(
            "POST", path, body: body, headers: body == nil ? [] : [("content-type", "application/json")])
    }

    func delete(_ path: String) async throws -> Reply { try await send("DELETE", path) }

    func send(
        _ method: String, _ path: String, body: String? = nil, headers: [(String, String)] = []
    ) async throws -> Reply {
        var request = HTTPClientRequest(url: base + path)
        request.method = HTTPMethod(rawValue: method)
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if let body { request.body = .bytes(ByteBuffer(string: body)) }
        let response = try await client.execute(request, timeout: .seconds(20))
        let bytes = try await response.body.collect(upTo: 32 << 20)
        let reply = Reply(
            status: Int(response.status.code), headers: response.headers, body: Array(bytes.readableBytesView)
        )
        check(reply, method, path)
        return reply
    }

    /// Opens a stream; the caller reads it line by line.
    func stream(_ path: String, headers: [(String, String)] = []) async throws -> HTTPClientResponse {
        var request = HTTPClientRequest(url: base + path)
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        return try await client.execute(request, timeout: .seconds(20))
    }

    // MARK: Checking

    private func check(_ reply: Reply, _ method: String, _ path: String) {
        let isProblem = reply.status >= 400 && method != "HEAD"
        if isProblem {
            #expect(reply.header("content-type") == "application/problem+json")
            #expect(reply.json["status"]?.int64 == Int64(reply.status))
            #expect(reply.json["title"]?.string != nil && reply.json["detail"]?.string != nil)
            #expect(reply.json["retryable"]?.bool == (reply.status == 503))
        }
        if reply.status == 503 { #expect(reply.header("retry-after") != nil) }
        let parts = path.prefix { $0 != "?" }.split(separator: "/", omittingEmptySubsequences: false)
            .dropFirst().map(String.init)
        let routes = RouteTable.all.filter { $0.method.name == method && $0.path.match(parts) != nil }
        guard let route = routes.max(by: { $0.path.literalCount < $1.path.literalCount }) else { return }
        #expect(
            route.statuses.contains(UInt16(reply.status)), "\(route.label) does not document \(reply.status)")
    }
}

extension ResourceName: ExpressibleByStringLiteral {
    /// A name that the test spells out.
    public init(stringLiteral text: String) {
        do {
            self = try ResourceName(text)
        } catch {
            preconditionFailure(error.description)
        }
    }
}

func event(_ id: String = "1", type: String = "order.placed", data: String? = nil) throws -> CloudEvent {
    try CloudEvent(
        id: id, source: "/shop", type: type, dataContentType: data.map { _ in "application/json" },
        data: data.map { CloudEventData(text: $0) })
}
