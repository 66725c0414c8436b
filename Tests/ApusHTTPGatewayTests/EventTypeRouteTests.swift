// SPDX-License-Identifier: Apache-2.0

// The catalogue of events over HTTP: what is known of a type, who gets it, and the system as an AsyncAPI document.

import ApusCatalog
import ApusEngine
import ApusModel
import JSONText
import Testing

@testable import ApusHTTPGateway

@Suite struct EventTypeRouteTests {
    /// A shop: orders come in, one rule copies the large ones, one subscription wants payments only.
    private func shop(_ test: (GatewayFixture) async throws -> Void) async throws {
        try await GatewayFixture.with { configuration in
            configuration.groups = Readers()
            configuration.figures = {
                var figures = ProcessFigures()
                figures.listeners = [
                    ListenerFigures(
                        service: "http", address: "127.0.0.1:8222", isLoopback: true, needsToken: false),
                    ListenerFigures(
                        service: "http", address: "[::1]:8222", isLoopback: true, needsToken: false),
                    ListenerFigures(
                        service: "kafka", address: "127.0.0.1:9092", isLoopback: true, needsToken: false),
                ]
                return figures
            }
        } _: { fixture async throws in
            for topic in ["orders", "large", "audit"] {
                _ = try await fixture.put("/v1/topics/\(topic)", "{}")
            }
            for (name, pattern) in [
                ("all", "null"), ("placed", #"{"type":["order.placed"]}"#),
                ("paid", #"{"type":["order.paid"]}"#),
                ("big", #"{"type":[{"prefix":"order."}],"data":{"total":[{"numeric":[">",100]}]}}"#),
            ] {
                let made = try await fixture.put(
                    "/v1/subscriptions/\(name)", #"{"topic":"orders","pattern":\#(pattern)}"#)
                #expect(made.status == 201, "\(made.json)")
            }
            let rule = try await fixture.put(
                "/v1/rules/large",
                #"{"topic":"orders","pattern":{"data":{"total":[{"numeric":[">",100]}]}},"targets":[{"topic":"large"}]}"#
            )
            #expect(rule.status == 201, "\(rule.json)")
            _ = try await fixture.put("/v1/subscriptions/vip", #"{"topic":"large"}"#)
            try fixture.broker.see("order.placed", in: "orders", by: EventSource("/shop", .kafka), count: 3)
            try await test(fixture)
        }
    }

    @Test func `a type that was seen says where, by whom, and who gets it`() async throws {
        try await shop { fixture async throws in
            let type = try await fixture.get("/v1/event-types/order.placed")
            #expect(type.status == 200)
            #expect(type.json["declared"] == false)
            #expect(type.json["discovered"] == true)
            #expect(type.json["count"] == 3)
            #expect(type.json["producers"]?.array?.map { $0["source"] } == ["/shop"])
            #expect(type.json["producers"]?.array?.first?["way"] == "kafka")
            let topics = type.json["topics"]?.array ?? []
            #expect(topics.map { $0["topic"] } == ["orders", "large"])
            #expect(topics.last?["rules"] == ["large"])
            let consumers = (type.json["consumers"]?.array ?? []).map {
                "\($0["kind"]?.string ?? "") \($0["name"]?.string ?? "") \($0["gets"]?.string ?? "")"
            }
            #expect(
                consumers == [
                    "subscription all all", "subscription big some", "subscription placed all",
                    "rule large some", "group billing all", "subscription vip all",
                ])
        }
    }

    @Test func `a declaration is put, found, replaced and taken back`() async throws {
        try await shop { fixture async throws in
            let body =
                #"{"owner":"Shop Team","description":"Somebody has left.","topics":["audit"],"example":{"id":1},"producers":["app"]}"#
            #expect(try await fixture.put("/v1/event-types/user%2Fleft", body).status == 201)
            let made = try await fixture.put("/v1/event-types/user%2Fleft", body)
            #expect(made.status == 200)
            #expect(made.json["type"] == "user/left")
            #expect(made.json["example"] == ["id": 1])
            #expect(made.json["discovered"] == false)
            for search in ["shop%20team", "AUDIT", "LEFT"] {
                let list = try await fixture.get("/v1/event-types?search=\(search)")
                #expect(list.json["event_types"]?.array?.map { $0["type"] } == ["user/left"], "\(search)")
            }
            #expect(
                try await fixture.get("/v1/event-types?topic=orders").json["event_types"]?.array?.count == 1)
            let page = try await fixture.get("/v1/event-types?limit=1")
            #expect(page.json["next"] == "order.placed")
            #expect(
                try await fixture.get("/v1/event-types?limit=1&after=order.placed").json["event_types"]?
                    .array?
                    .map { $0["type"] } == ["user/left"])
            #expect(try await fixture.delete("/v1/event-types/user%2Fleft").status == 204)
            #expect(try await fixture.delete("/v1/event-types/user%2Fleft").status == 404)
            #expect(try await fixture.get("/v1/event-types/user%2Fleft").status == 404)
        }
    }

    @Test(arguments: [
        (#"{"owner":7}"#, 400, "owner"), (#"{"topics":["no such name!"]}"#, 400, "topics"),
        (#"{"ownr":"x"}"#, 400, "owner"), (#"{"owner":""}"#, 422, "owner"), ("[]", 400, "object"),
        (#"{"subject":"\u0001"}"#, 400, "subject"),
    ])
    func `what makes no sense is refused by name`(body: String, status: Int, word: String) async throws {
        try await GatewayFixture.with { fixture async throws in
            let reply = try await fixture.put("/v1/event-types/a", body)
            #expect(reply.status == status)
            #expect(reply.json["detail"]?.string?.contains(word) == true, "\(reply.json)")
        }
    }

    @Test func `a schema of the topic, of the type or as declared is shown with its versions`() async throws {
        try await shop { fixture async throws in
            let schema = #"{"schema":{"type":"object"}}"#
            _ = try await fixture.post("/v1/schemas/orders-value/versions", schema)
            _ = try await fixture.post("/v1/schemas/typed/versions", schema)
            _ = try await fixture.put("/v1/schemas/typed/config", #"{"event_types":["order.placed"]}"#)
            _ = try await fixture.put("/v1/event-types/order.placed", #"{"subject":"later"}"#)
            let type = try await fixture.get("/v1/event-types/order.placed")
            let schemas = (type.json["schemas"]?.array ?? []).map {
                "\($0["by"]?.string ?? "") \($0["subject"]?.string ?? "") \($0["version"]?.description ?? "")"
            }
            #expect(schemas == ["declared later null", "event_type typed 1", "topic orders-value 1"])
        }
    }

    // MARK: AsyncAPI

    /// The rules of the specification (AsyncAPI 3.0.0) that a document of ours can break, in the words of this test.
    private func flaws(_ document: JSONValue) -> [String] {
        var flaws: [String] = []
        func check(_ isFine: Bool, _ flaw: String) { if !isFine { flaws.append(flaw) } }
        func members(_ value: JSONValue?) -> [JSONObject.Member] { value?.object?.members ?? [] }
        func resolve(_ value: JSONValue?) -> JSONValue? {
            guard let text = value?["$ref"]?.string else { return nil }
            return text.split(separator: "/").dropFirst().reduce(document) {
                $0[String($1).replacing("~1", with: "/").replacing("~0", with: "~")] ?? .null
            }
        }
        func isName(_ text: String) -> Bool {
            !text.isEmpty
                && text.utf8.allSatisfy {
                    (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
                        || [0x2D, 0x2E, 0x5F].contains($0)
                }
        }
        func extensions(_ value: JSONValue?, _ known: Set<String>, _ place: String) {
            for member in members(value) {
                check(
                    known.contains(member.name) || member.name.hasPrefix("x-"), "\(place) has \(member.name)")
            }
        }
        check(document["asyncapi"] == "3.0.0", "asyncapi")
        check(document["info"]?["title"]?.string != nil, "info.title")
        check(document["info"]?["version"]?.string != nil, "info.version")
        extensions(
            document,
            [
                "asyncapi", "id", "info", "servers", "defaultContentType", "channels", "operations",
                "components",
            ],
            "the document")
        for server in members(document["servers"]) {
            check(isName(server.name), "server \(server.name)")
            check(server.value["host"]?.string?.contains("://") == false, "\(server.name).host")
            check(server.value["protocol"]?.string != nil, "\(server.name).protocol")
        }
        for channel in members(document["channels"]) {
            check(isName(channel.name), "channel \(channel.name)")
            extensions(
                channel.value,
                ["address", "messages", "title", "summary", "description", "servers", "bindings", "tags"],
                "channel \(channel.name)")
            check(channel.value["address"]?.string != nil, "\(channel.name).address")
            for message in members(channel.value["messages"]) {
                check(resolve(message.value)?["name"]?.string != nil, "\(channel.name) \(message.name)")
            }
            for server in channel.value["servers"]?.array ?? [] {
                check(resolve(server)?["host"] != nil, "\(channel.name) server")
            }
            for binding in members(channel.value["bindings"]) {
                check(binding.name == "kafka", "\(channel.name) binding \(binding.name)")
                extensions(
                    binding.value,
                    ["topic", "partitions", "replicas", "topicConfiguration", "bindingVersion"],
                    "\(channel.name) kafka")
            }
        }
        for operation in members(document["operations"]) {
            check(isName(operation.name), "operation \(operation.name)")
            extensions(
                operation.value,
                ["action", "channel", "title", "summary", "description", "messages", "bindings", "tags"],
                "operation \(operation.name)")
            check(
                ["send", "receive"].contains(operation.value["action"]?.string), "\(operation.name).action")
            let channel = operation.value["channel"]?["$ref"]?.string ?? ""
            check(resolve(operation.value["channel"])?["address"] != nil, "\(operation.name).channel")
            check(channel.hasPrefix("#/channels/"), "\(operation.name).channel is not of the root")
            for message in operation.value["messages"]?.array ?? [] {
                // Messages of an operation are a subset of its channel's, and referred to there.
                check(
                    message["$ref"]?.string?.hasPrefix("\(channel)/messages/") == true,
                    "\(operation.name) has a message of another channel")
                check(resolve(resolve(message))?["name"]?.string != nil, "\(operation.name) message")
            }
        }
        for message in members(document["components"]?["messages"]) {
            check(isName(message.name), "message \(message.name)")
            extensions(
                message.value,
                ["name", "title", "summary", "description", "contentType", "payload", "headers", "examples"],
                "message \(message.name)")
            if let payload = message.value["payload"] {
                let schema = resolve(payload)
                check(schema?["schemaFormat"]?.string != nil, "\(message.name).payload.schemaFormat")
                check(schema?["schema"] != nil, "\(message.name).payload.schema")
            }
            for example in message.value["examples"]?.array ?? [] {
                check(example["payload"]?.object != nil, "\(message.name).examples")
            }
        }
        for schema in members(document["components"]?["schemas"]) {
            check(isName(schema.name), "schema \(schema.name)")
        }
        return flaws
    }

    @Test func `the AsyncAPI document keeps the rules of the specification`() async throws {
        try await shop { fixture async throws in
            _ = try await fixture.post("/v1/schemas/orders-value/versions", #"{"schema":{"type":"object"}}"#)
            _ = try await fixture.put(
                "/v1/event-types/order.placed",
                #"{"topics":["orders"],"example":{"id":1},"producers":["Web shop"]}"#)
            _ = try await fixture.put(
                "/v1/event-types/odd%20~%20a%2Fb", #"{"topics":["gone"],"example":[1],"consumers":["ä/b"]}"#)
            try fixture.broker.see("odd ~ a_b", in: "audit", by: EventSource("urn:x:y"))
            let document = try await fixture.get("/v1/asyncapi").json
            #expect(flaws(document) == [])
            #expect(document["servers"]?.object?.members.map(\.name) == ["http", "http-2", "kafka"])
            #expect(document["channels"]?["orders"]?["bindings"]?["kafka"]?["partitions"] == 1)
            #expect(document["operations"]?["send._shop.orders"]?["action"] == "send")
            #expect(document["operations"]?["receive.group.billing.orders"]?["action"] == "receive")
            #expect(document["components"]?["messages"]?.object?.members.count == 3)
            let only = try await fixture.get("/v1/asyncapi?topic=audit").json
            #expect(only["channels"]?.object?.members.map(\.name) == ["audit"])
            #expect(flaws(only) == [])
        }
    }

    @Test func `a server of which nothing is known has a document, too`() async throws {
        try await GatewayFixture.with { fixture async throws in
            #expect(flaws(try await fixture.get("/v1/asyncapi").json) == [])
        }
    }

    // MARK: Proposals

    private func publish(
        _ fixture: GatewayFixture, _ data: [String], type: String = "order.placed"
    ) async throws {
        for (number, data) in data.enumerated() {
            let reply = try await fixture.send(
                "POST", "/v1/topics/orders/events", body: data,
                headers: [
                    ("content-type", "application/json"), ("ce-specversion", "1.0"), ("ce-id", "\(number)"),
                    ("ce-source", "/shop"), ("ce-type", type),
                ])
            #expect(reply.status == 200)
        }
    }

    @Test func `a schema is proposed from what lies in a topic, of one type if so wanted`() async throws {
        try await shop { fixture async throws in
            try await publish(fixture, [#"{"id":1}"#, #"{"id":2,"note":"x"}"#])
            try await publish(fixture, [#"{"text":"y"}"#], type: "note")
            let all = try await fixture.post("/v1/topics/orders/schema-proposal")
            #expect(all.json["documents"] == 3)
            #expect(all.json["types"]?.array?.count == 2)
            let one = try await fixture.post("/v1/topics/orders/schema-proposal", #"{"type":"order.placed"}"#)
            #expect(one.json["subject"] == "orders-value")
            #expect(one.json["current"] == .null)
            #expect(one.json["schema"]?["required"] == ["id"])
            #expect(one.json["compatibility"] == .null)
            let last = try await fixture.post(
                "/v1/topics/orders/schema-proposal", #"{"type":"order.placed","last":1,"closed":true}"#)
            #expect(last.json["looked"] == 1)
            #expect(last.json["schema"]?["required"] == ["id", "note"])
            #expect(last.json["schema"]?["additionalProperties"] == false)
            #expect(try await fixture.get("/v1/schemas").json["subjects"]?.array?.isEmpty == true)
        }
    }

    @Test func `a topic that is not there, or settings that make no sense, are refused`() async throws {
        try await shop { fixture async throws in
            #expect(try await fixture.post("/v1/topics/none/schema-proposal").status == 404)
            for body in [#"{"last":0}"#, #"{"last":1000000}"#, #"{"required_percent":0}"#] {
                #expect(
                    try await fixture.post("/v1/topics/orders/schema-proposal", body).status == 422, "\(body)"
                )
            }
            let empty = try await fixture.post("/v1/topics/orders/schema-proposal")
            #expect(empty.json["documents"] == 0)
            #expect(empty.json["schema"] == .null)
        }
    }
}

/// A group that has a partition of `orders`.
private struct Readers: GroupObserver {
    func groupNames() -> [String] { ["billing"] }

    func membership(of group: String) -> GroupMembership? {
        guard group == "billing" else { return nil }
        return GroupMembership(
            kind: "classic", state: "Stable",
            members: [
                .init(
                    id: "m", instance: nil, client: "c", host: "/127.0.0.1",
                    partitions: [TopicPartition("orders", 0)])
            ])
    }

    func forget(_ group: String) -> Bool { group != "billing" }
}
