// SPDX-License-Identifier: Apache-2.0

// Schemas over HTTP: registered, looked at, deleted, configured; and what a publisher is told whose events are refused.

import ApusModel
import ApusSchemas
import JSONText
import Testing

@testable import ApusEngine
@testable import ApusHTTPGateway

@Suite struct SchemaRouteTests {
    private let order = #"{"schema":{"type":"object","required":["id"]}}"#

    @Test func `a schema is registered once, and found by version and id`() async throws {
        try await GatewayFixture.with { fixture async throws in
            let made = try await fixture.post("/v1/schemas/orders/versions", order)
            #expect(made.status == 201, "\(made.json)")
            #expect(made.json["version"] == 1)
            #expect(made.json["schema"] == ["type": "object", "required": ["id"]])
            #expect(try await fixture.post("/v1/schemas/orders/versions", order).status == 200)
            for path in ["versions/1", "versions/latest"] {
                let reply = try await fixture.send("GET", "/v1/schemas/orders/\(path)")
                #expect(reply.json["id"] == 1)
                #expect(reply.json["format"] == "json")
            }
            let byID = try await fixture.send("GET", "/v1/schema-ids/1")
            #expect(byID.json["versions"]?.array?.first?["subject"] == "orders")
            let list = try await fixture.send("GET", "/v1/schemas?prefix=or")
            #expect(list.json["subjects"]?.array?.first?["versions"] == [1])
            #expect(list.json["subjects"]?.array?.first?["compatibility"] == "backward")
        }
    }

    @Test func `subjects are searched, and tell where they are used`() async throws {
        try await GatewayFixture.with { fixture async throws in
            _ = try await fixture.post("/v1/schemas/orders-value/versions", order)
            _ = try await fixture.post("/v1/schemas/address/versions", order)
            let found = try await fixture.get("/v1/schemas?search=VALUE").json["subjects"]?.array ?? []
            #expect(found.map { $0["subject"]?.string } == ["orders-value"])
            _ = try await fixture.put("/v1/topics/orders", "{}")
            _ = try await fixture.put(
                "/v1/topics/parcels", #"{"schema":{"enforcement":"warn","subject":"address"}}"#)
            _ = try await fixture.put("/v1/schemas/address/config", #"{"event_types":["moved"]}"#)
            let byName = try await fixture.get("/v1/schemas/orders-value/uses")
            #expect(byName.json["topics"] == [["topic": "orders", "enforcement": "off"]])
            #expect(byName.json["event_types"] == [] && byName.json["referenced_by"] == [])
            let named = try await fixture.get("/v1/schemas/address/uses")
            #expect(named.json["topics"] == [["topic": "parcels", "enforcement": "warn"]])
            #expect(named.json["event_types"] == [["type": "moved", "by": "bound"]])
            // A subject that nobody has heard of is used nowhere.
            #expect(try await fixture.get("/v1/schemas/nobody/uses").json["topics"] == [])
        }
    }

    @Test(arguments: [
        (#"{"schema":{"type":"strange"}}"#, 422, "type"), (#"{"schema":"{"}"#, 422, "not JSON"),
        (#"{"schema":7}"#, 400, "schema"), (#"{}"#, 400, "'schema' is missing"),
        (#"{"schema":true,"format":"yaml"}"#, 400, "format"),
        (#"{"schema":true,"references":[{"name":"x","subject":"no","version":1}]}"#, 422, "not there"),
        (#"{"schema":true,"references":[{"name":"x"}]}"#, 400, "subject"),
    ])
    func `what cannot be registered says why`(body: String, status: Int, reason: String) async throws {
        try await GatewayFixture.with { fixture async throws in
            let reply = try await fixture.post("/v1/schemas/orders/versions", body)
            #expect(reply.status == status, "\(reply.json)")
            #expect(reply.json["detail"]?.string?.contains(reason) == true, "\(reply.json)")
            #expect(try await fixture.send("GET", "/v1/schemas/orders").status == 404)
        }
    }

    @Test func `deleting is soft first, and other things are refused in this protocol's words`() async throws
    {
        try await GatewayFixture.with { fixture async throws in
            _ = try await fixture.post("/v1/schemas/orders/versions", order)
            #expect(try await fixture.send("DELETE", "/v1/schemas/orders?permanent=true").status == 409)
            #expect(try await fixture.send("DELETE", "/v1/schemas/orders/versions/1").status == 204)
            #expect(try await fixture.send("GET", "/v1/schemas/orders").status == 404)
            #expect(try await fixture.send("GET", "/v1/schemas/orders?deleted=true").status == 200)
            #expect(try await fixture.send("DELETE", "/v1/schemas/orders?permanent=true").status == 204)
            #expect(try await fixture.send("GET", "/v1/schemas/orders/versions/x").status == 400)
            #expect(try await fixture.send("GET", "/v1/schema-ids/x").status == 400)
            #expect(try await fixture.send("GET", "/v1/schema-ids/9").status == 404)
        }
    }

    @Test func `a schema that is not compatible is a conflict that names the differences`() async throws {
        try await GatewayFixture.with { fixture async throws in
            _ = try await fixture.post("/v1/schemas/orders/versions", order)
            let reply = try await fixture.post("/v1/schemas/orders/versions", #"{"schema":false}"#)
            #expect(reply.status == 409)
            #expect(reply.json["differences"]?.array?.first?["version"] == 1)
            #expect(reply.json["differences"]?.array?.first?["direction"] == "backward")
        }
    }

    @Test func `what is decided is told with what holds`() async throws {
        try await GatewayFixture.with { fixture async throws in
            let global = try await fixture.put("/v1/schema-config", #"{"compatibility":"full"}"#)
            #expect(
                global.json["effective"] == [
                    "compatibility": "full", "mode": "readwrite", "assert_formats": false,
                ])
            let own = try await fixture.put(
                "/v1/schemas/orders/config", #"{"mode":"readonly","event_types":["a","b"]}"#)
            #expect(own.json["compatibility"] == .null)
            #expect(
                own.json["effective"] == [
                    "compatibility": "full", "mode": "readonly", "assert_formats": false,
                ])
            #expect(own.json["event_types"] == ["a", "b"])
            #expect(try await fixture.post("/v1/schemas/orders/versions", order).status == 409)
            let taken = try await fixture.put("/v1/schemas/other/config", #"{"event_types":["a"]}"#)
            #expect(taken.status == 409)
            let wrong = try await fixture.put("/v1/schema-config", #"{"compatibility":"BACKWARD"}"#)
            #expect(wrong.status == 400)
            let formats = try await fixture.put("/v1/schemas/orders/config", #"{"assert_formats":true}"#)
            #expect(formats.json["assert_formats"] == true)
            #expect(formats.json["effective"]?["assert_formats"] == true)
            let back = try await fixture.put("/v1/schemas/orders/config", #"{"assert_formats":null}"#)
            #expect(back.json["assert_formats"] == .null)
            let text = try await fixture.put("/v1/schema-config", #"{"assert_formats":"yes"}"#)
            #expect(text.status == 400)
        }
    }

    @Test func `a refused publish names every violation`() async throws {
        try await GatewayFixture.with { fixture async throws in
            fixture.broker.addTopic("orders")
            let violation = SchemaViolation(
                path: "/id", rule: "minimum", got: "0", message: "must be at least 1")
            let event = EventViolations(
                index: 1, schema: SchemaID(rawValue: 7), subject: try SubjectName("orders-value"), version: 2,
                violations: [violation, violation])
            fixture.broker.fail(
                with: .violations(
                    SchemaRefusal(topic: "orders", events: 3, refused: 1, violations: [event])))
            let reply = try await fixture.post("/v1/topics/orders/events", #"{"n":1}"#)
            #expect(reply.status == 422)
            let told = reply.json["violations"]?.array ?? []
            #expect(told.count == 2)
            #expect(
                told.first == [
                    "event": 1, "path": "/id", "rule": "minimum", "got": "0", "message": "must be at least 1",
                    "schema": 7, "subject": "orders-value", "version": 2,
                ])
        }
    }

    @Test func `a topic says whether its events are judged`() async throws {
        try await GatewayFixture.with { fixture async throws in
            let made = try await fixture.put(
                "/v1/topics/orders",
                #"{"schema":{"enforcement":"enforce","subject":"s","quarantine":"bad"}}"#)
            #expect(made.json["schema"] == ["enforcement": "enforce", "subject": "s", "quarantine": "bad"])
            for wrong in [
                #"{"schema":{}}"#, #"{"schema":{"enforcement":"maybe"}}"#,
                #"{"schema":{"enforcement":"warn","x":1}}"#,
                #"{"schema":{"enforcement":"warn","quarantine":"a b"}}"#,
            ] {
                #expect(try await fixture.put("/v1/topics/orders", wrong).status == 400)
            }
        }
    }
}
