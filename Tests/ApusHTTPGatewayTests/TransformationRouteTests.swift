// SPDX-License-Identifier: Apache-2.0

// Transformations over HTTP: told and given back, refused with the place, tried out.

import ApusEngine
import ApusModel
import ApusTransform
import JSONText
import Testing

@testable import ApusHTTPGateway

@Suite struct TransformationRouteTests {
    private func rule(_ transformation: String) -> String {
        #"{"topic":"orders","pattern":{},"targets":[{"topic":"plain"},{"topic":"vip","transformation":\#(transformation)}]}"#
    }

    @Test func `a target's transformation is kept and given back`() async throws {
        try await GatewayFixture.with { fixture async throws in
            let transformation =
                #"{"input_paths":{"t":"$.data.total"},"input_template":"{\"total\": <t>}","attributes":{"set":{"type":"x"}}}"#
            let created = try await fixture.put("/v1/rules/vip", rule(transformation))
            #expect(created.status == 201)
            let targets = try await fixture.get("/v1/rules/vip").json["targets"]?.array
            #expect(targets?.first?["transformation"] == nil)
            #expect(targets?.last?["transformation"] == (try JSONValue(parsing: transformation)))
            let webhook =
                #"{"topic":"orders","pattern":{},"targets":[{"webhook":{"url":"http://example.org/"},"transformation":{"input":1}}]}"#
            #expect(try await fixture.put("/v1/rules/hook", webhook).status == 201)
            let hook = try await fixture.get("/v1/rules/hook").json["targets"]?.array?.first
            #expect(hook?["transformation"] == ["input": 1])
        }
    }

    @Test(arguments: [
        (#"1"#, "/targets/1/transformation", nil),
        (#"{}"#, "/targets/1/transformation", nil),
        (#"{"input_template":"{\"a\": <b>}"}"#, "/targets/1/transformation/input_template", 6),
        (#"{"input_path":"$.detail.x"}"#, "/targets/1/transformation/input_path", 1),
        (#"{"attributes":{"set":{"id":"1"}}}"#, "/targets/1/transformation/attributes/set/id", nil),
        (#"{"InputTemplate":"1"}"#, "/targets/1/transformation/InputTemplate", nil),
    ])
    func `what is wrong is refused with its place`(
        transformation: String, pointer: String, offset: Int?
    )
        async throws
    {
        try await GatewayFixture.with { fixture async throws in
            let reply = try await fixture.put("/v1/rules/vip", rule(transformation))
            #expect(reply.status == 400)
            #expect(reply.json["pointer"]?.string == pointer)
            #expect(reply.json["offset"]?.int64 == offset.map { Int64($0) })
            #expect(reply.json["detail"]?.string?.contains("'targets[1].transformation'") == true)
        }
    }

    private func test(_ pattern: String, _ transformation: String, _ data: String) -> String {
        """
        {"pattern":\(pattern),"transformation":\(transformation),"rule":"vip",
         "event":{"specversion":"1.0","id":"1","source":"/s","type":"a","datacontenttype":"application/json","data":\(data)}}
        """
    }

    @Test func `a test shows what a target would get, or why it would not`() async throws {
        try await GatewayFixture.with { fixture async throws in
            let shape =
                #"{"input_paths":{"n":"$.data.n"},"missing":"fail","input_template":"{\"n\": <n>, \"by\": <apus.rule>}"}"#
            let done = try await fixture.post("/v1/rules/test", test("{}", shape, #"{"n":1}"#)).json
            #expect(done["matched"] == true)
            #expect(done["transformed"]?["data"] == ["n": 1, "by": "vip"])
            #expect(done["transformed"]?["id"] == "1")
            #expect(done["failure"] == .null)
            let failed = try await fixture.post("/v1/rules/test", test("{}", shape, "{}")).json
            #expect(failed["transformed"] == .null)
            #expect(failed["failure"]?.string?.contains("nothing at $.data.n") == true)
            let other = try await fixture.post("/v1/rules/test", test(#"{"type":["b"]}"#, shape, "{}")).json
            #expect(other["matched"] == false)
            #expect((other["transformed"], other["failure"]) == (.null, .null))
            let wrong = try await fixture.post(
                "/v1/rules/test", test("{}", #"{"input":1,"output":"text"}"#, "1"))
            #expect(wrong.status == 400)
            #expect(wrong.json["pointer"] == "/transformation/input")
        }
    }

    @Test func `dead letters of a rule can be chosen`() async throws {
        try await GatewayFixture.with { fixture async throws in
            _ = try await fixture.get("/v1/dead-letters?rule=vip")
            _ = try await fixture.post("/v1/dead-letters/redrive", #"{"rule":"vip"}"#)
            let selections = fixture.broker.change { $0.selections }
            #expect(selections.map(\.rule) == ["vip", "vip"])
        }
    }
}
