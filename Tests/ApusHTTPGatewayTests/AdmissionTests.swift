// SPDX-License-Identifier: Apache-2.0

import ApusHTTPServer
import ApusNetwork
import Testing

@testable import ApusHTTPGateway

@Suite struct AdmissionTests {
    @Test(arguments: [
        ("localhost", true), ("LOCALHOST:8222", true), ("127.0.0.1:1", true), ("127.9.9.9", true),
        ("[::1]:8222", true),
        ("bus.example.org", true), ("evil.example", false), ("127.0.0.1.evil.example", false),
        ("10.0.0.1", false),
        ("localhost.evil.example:8222", false), ("[::2]", false), ("[::ffff:10.0.0.1]", false),
        ("localhost.", false),
    ])
    func `a request must be for a name of this server`(host: String, isOwn: Bool) async throws {
        try await GatewayFixture.with {
            $0.hostNames = ["Bus.Example.org"]
        } _: { fixture async throws in
            let reply = try await fixture.get("/health/live", headers: [("host", host)])
            #expect(reply.status == (isOwn ? 200 : 421))
        }
    }

    @Test func `a server that listens everywhere takes any address literal but no foreign name`() {
        var configuration = HTTPGatewayConfiguration()
        configuration.server.addresses = [.init(host: "0.0.0.0", port: 8222)]
        let admission = Admission(configuration)
        #expect(admission.isOwn("192.168.1.5:8222"))
        #expect(!admission.isOwn("evil.example:8222"))
    }

    @Test(arguments: [
        ("own", true), ("http://evil.example", false), ("null", false), ("https://bus.example.org", true),
        ("http://localhost:1", false), ("", false),
    ])
    func `pages of other origins may not use the server`(origin: String, isAllowed: Bool) async throws {
        try await GatewayFixture.with {
            $0.origins = ["https://bus.example.org"]
        } _: { fixture async throws in
            let value = origin == "own" ? fixture.base : origin
            for path in ["/health/live", "/v1/topics", "/nothing", "/metrics", "/openapi.json"] {
                let reply = try await fixture.get(path, headers: [("origin", value)])
                #expect((reply.status != 403) == isAllowed)
            }
            let post = try await fixture.send("POST", "/v1/verify", headers: [("origin", value)])
            #expect((post.status != 403) == isAllowed)
        }
    }

    @Test(arguments: [
        ("Bearer secret", true), ("bearer secret", true), ("Bearer secre", false), ("Bearer secret2", false),
        ("Basic secret", false), ("secret", false), ("", false),
    ])
    func `with a token configured, every route wants it`(value: String, isAllowed: Bool) async throws {
        try await GatewayFixture.with {
            $0.token = "secret"
        } _: { fixture async throws in
            let headers = value.isEmpty ? [] : [("authorization", value)]
            for path in ["/health/live", "/v1/topics", "/metrics", "/openapi.json", "/nothing"] {
                let reply = try await fixture.get(path, headers: headers)
                #expect((reply.status != 401) == isAllowed)
                if !isAllowed { #expect(reply.header("www-authenticate")?.hasPrefix("Bearer") == true) }
            }
            let publish = try await fixture.send("POST", "/v1/topics/t/events", body: "{}", headers: headers)
            #expect((publish.status != 401) == isAllowed)
        }
    }

    @Test func `who is not let in is told before a large body is sent`() async throws {
        try await GatewayFixture.with {
            $0.token = "secret"
        } _: { fixture async throws in
            let body = String(repeating: "x", count: 100_000)
            let refused = try await fixture.send("POST", "/v1/topics/t/events", body: body)
            #expect(refused.status == 401)
            #expect(refused.header("connection") == "close")
            #expect(refused.type == "unauthorized")
        }
    }

    @Test func `host is looked at before origin, origin before the token`() async throws {
        try await GatewayFixture.with {
            $0.token = "secret"
        } _: { fixture async throws in
            let both = [("host", "evil.example"), ("origin", "http://evil.example")]
            #expect(try await fixture.get("/v1/topics", headers: both).status == 421)
            #expect(try await fixture.get("/v1/topics", headers: [both[1]]).status == 403)
        }
    }

    @Test(arguments: [
        ("application/json", true), ("application/json; charset=utf-8", true), ("APPLICATION/JSON", true),
        ("application/merge-patch+json", true), ("text/plain", false),
        ("application/x-www-form-urlencoded", false),
        ("multipart/form-data; boundary=x", false), ("text/json", false), (nil, false),
    ])
    func `settings are read as JSON only`(type: String?, isAllowed: Bool) async throws {
        try await GatewayFixture.with { fixture async throws in
            let reply = try await fixture.send(
                "PUT", "/v1/topics/orders", body: "{}", headers: type.map { [("content-type", $0)] } ?? [])
            #expect(reply.status == (isAllowed ? 201 : 415))
        }
    }
}
