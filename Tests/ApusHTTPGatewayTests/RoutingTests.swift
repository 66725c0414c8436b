// SPDX-License-Identifier: Apache-2.0

import ApusHTTPCodec
import JSONText
import Testing

@testable import ApusHTTPGateway

@Suite struct RoutingTests {
    @Test func `an unknown path is 404 and a wrong method 405 with those allowed`() async throws {
        try await GatewayFixture.with { fixture async throws in
            #expect(try await fixture.get("/v2/topics").status == 404)
            #expect(try await fixture.get("/v1/topics/").status == 400)
            let wrong = try await fixture.send("PATCH", "/v1/topics/orders")
            #expect(wrong.status == 405)
            #expect(wrong.header("allow") == "DELETE, GET, HEAD, PUT")
            #expect(try await fixture.send("OPTIONS", "/v1/topics").status == 405)
            #expect(try await fixture.send("HEAD", "/v1/tail").status == 405)
            let head = try await fixture.send("HEAD", "/v1/topics")
            #expect(head.status == 200 && head.body.isEmpty)
        }
    }

    @Test func `a literal part of a path wins over a name`() throws {
        let router = Router(RouteTable.all)
        let test = try router.find(.post, ["v1", "rules", "test"])
        #expect(router.routes[test.index].operation == "testRule")
        let get = try router.find(.get, ["v1", "rules", "test"])
        #expect(router.routes[get.index].operation == "getRule")
        #expect(get.values == ["test"])
    }

    @Test func `an escaped name is the same name`() async throws {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("orders")
            #expect(try await fixture.get("/v1/topics/%6Frders").status == 200)
            #expect(try await fixture.post("/v1/topics/%6Frders/events", "{}").status == 200)
            #expect(try await fixture.get("/v1/topics/a%2Fb").status == 400)
        }
    }

    @Test func `unknown and repeated parameters are refused by name`() async throws {
        try await GatewayFixture.with { fixture async throws in
            let unknown = try await fixture.get("/v1/topics?limti=1")
            #expect(unknown.status == 400)
            #expect(unknown.json["detail"]?.string?.contains("did you mean 'limit'") == true)
            #expect(try await fixture.get("/v1/topics?limit=1&limit=2").status == 400)
            #expect(try await fixture.get("/v1/topics?limit=x").status == 400)
            #expect(try await fixture.get("/v1/topics?limit=0").status == 422)
            #expect(try await fixture.get("/v1/topics?limit=1001").status == 422)
        }
    }

    @Test func `lists come in pages`() async throws {
        try await GatewayFixture.with { fixture async throws in
            for name in ["a", "b", "c"] {
                #expect(try await fixture.put("/v1/topics/\(name)", "{}").status == 201)
            }
            let first = try await fixture.get("/v1/topics?limit=2")
            #expect(first.json["topics"]?.array?.compactMap { $0["name"]?.string } == ["a", "b"])
            #expect(first.json["next"] == "b")
            let second = try await fixture.get("/v1/topics?limit=2&after=b")
            #expect(second.json["topics"]?.array?.compactMap { $0["name"]?.string } == ["c"])
            #expect(second.json["next"] == .null)
        }
    }

    @Test func `requests that wait are bounded`() async throws {
        try await GatewayFixture.with {
            $0.waitingMax = 0
        } _: { fixture async throws in
            fixture.broker.addTopic("orders")
            let read = try await fixture.get("/v1/topics/orders/events?wait=1s")
            #expect(read.status == 503)
            #expect(try await fixture.get("/v1/tail").status == 503)
            #expect(try await fixture.get("/v1/topics/orders/events").status == 200)
        }
    }

    @Test func `a request that waits ends when the server stops`() async throws {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("orders")
            async let reply = fixture.get("/v1/topics/orders/events?wait=30s")
            while fixture.broker.change({ $0.waits }) == 0 { await Task.yield() }
            await fixture.gateway.stop()
            let answered = try await reply
            #expect(answered.status == 200)
        }
    }
}
