// SPDX-License-Identifier: Apache-2.0

// Confluent's API as values: paths, codes, forms of answers.

import ApusSchemaGateway
import ApusTesting
import JSONText
import Testing

@Suite struct ConfluentAPITests {
    private let api = ConfluentAPI(SchemaKeeper())

    private func ask(
        _ method: SchemaAPIRequest.Method, _ path: String, _ query: [(name: String, value: String)] = [],
        body: String = "", type: String? = "application/vnd.schemaregistry.v1+json", accept: String? = nil
    ) async -> Answered {
        let parts = path.split(separator: "/").map(String.init)
        return Answered(
            await api.answer(
                SchemaAPIRequest(
                    method, parts, query: query, contentType: type, accept: accept, body: Array(body.utf8))))
    }

    private func post(_ path: String, _ schema: String, _ more: String = "") async -> Answered {
        let quoted = schema.replacing("\"", with: "\\\"")
        return await ask(.post, path, body: #"{"schemaType":"JSON","schema":"\#(quoted)"\#(more)}"#)
    }

    @Test func `a schema is registered, found and served`() async {
        let registered = await post("subjects/s/versions", #"{"type":"object"}"#)
        #expect(registered.status == 200)
        #expect(registered["id"] == 1)
        #expect(await post("subjects/t/versions", #"{"type":"object"}"#)["id"] == 1)
        #expect(await post("subjects/s", #"{"type":"object"}"#)["version"] == 1)
        #expect(await ask(.get, "schemas/ids/1")["schema"] == #"{"type":"object"}"#)
        #expect(await ask(.get, "schemas/ids/1")["schemaType"] == "JSON")
        #expect(await ask(.get, "schemas/ids/1", [("fetchMaxId", "true")])["maxId"] == 1)
        #expect(await ask(.get, "schemas/ids/1/schema").text == #"{"type":"object"}"#)
        #expect(await ask(.get, "schemas/ids/1/subjects").text == #"["s","t"]"#)
        #expect(await ask(.get, "subjects").text == #"["s","t"]"#)
        #expect(await ask(.get, "subjects", [("subjectPrefix", "t")]).text == #"["t"]"#)
        #expect(await ask(.get, "subjects", [("offset", "1"), ("limit", "5")]).text == #"["t"]"#)
        #expect(await ask(.get, "subjects/s/versions/latest")["id"] == 1)
        #expect(await ask(.get, "subjects/s/versions/-1/schema").text == #"{"type":"object"}"#)
        #expect(await ask(.get, "schemas").text.contains(#""subject":"t""#))
    }

    @Test(arguments: [
        ("subjects/none/versions", 404, 40401), ("subjects/s/versions/7", 404, 40402),
        ("schemas/ids/77", 404, 40403), ("subjects/s/versions/zero", 422, 42202),
        ("subjects/s/versions/2147483648", 422, 42202), ("config/s", 404, 40408), ("mode/s", 404, 40409),
        ("subjects/:.other:s/versions", 422, 42208), ("nothing", 404, 404), ("schemas/ids/x", 404, 404),
        ("schemas/guids/0", 404, 40403), ("subjects/s/nothing", 404, 404),
        ("subjects/s/versions/1/nothing", 404, 404), ("config/s/t", 404, 404),
    ]) func `what is not there has its own number`(path: String, status: UInt16, code: Int) async {
        _ = await post("subjects/s/versions", "{}")
        let answer = await ask(.get, path)
        #expect(answer.status == status)
        #expect(answer["error_code"]?.int64 == Int64(code), "\(answer.text)")
        #expect(answer["message"]?.string?.isEmpty == false)
    }

    @Test func `bodies that are no schemas are refused, and nothing is kept`() async {
        #expect(await ask(.post, "subjects/s/versions", body: "[1]").status == 422)
        #expect(await ask(.post, "subjects/s/versions", body: #"{"schema":""}"#)["error_code"] == 42201)
        #expect(await post("subjects/s/versions", #"{"type":7}"#)["error_code"] == 42201)
        #expect(await post("subjects/s/versions", "{}", #","metadata":{"tags":{}}"#)["error_code"] == 42201)
        #expect(
            await post("subjects/s/versions", "{}", #","references":[{"name":"a"}]"#)["error_code"] == 42201)
        #expect(
            await post(
                "subjects/s/versions", "{}", #","references":[{"name":"a","subject":"b","version":1}]"#)[
                    "error_code"]
                == 42201)
        #expect(await ask(.post, "subjects/s/versions", body: "{}", type: "text/plain").status == 415)
        #expect(await ask(.post, "subjects/s/versions", body: "{}", type: nil).status == 415)
        let large = String(repeating: " ", count: ConfluentAPI.bodyBytesMax + 1)
        #expect(await ask(.post, "subjects/s/versions", body: large).status == 413)
        #expect(await ask(.get, "subjects").text == "[]")
    }

    @Test func `compatibility is asked about and decided`() async {
        _ = await post("subjects/s/versions", #"{"type":"object"}"#)
        let path = "compatibility/subjects/s/versions"
        let told = await ask(
            .post, path + "/latest", [("verbose", "True")],
            body: #"{"schemaType":"JSON","schema":"{\"type\":\"array\"}"}"#)
        #expect(told["is_compatible"] == false)
        #expect(told["messages"]?.array?.isEmpty == false)
        #expect(await post(path, #"{"type":"object"}"#).text == #"{"is_compatible":true}"#)
        #expect(await post("subjects/s/versions", #"{"type":"array"}"#)["error_code"] == 409)
        #expect(
            await ask(.put, "config/s", body: #"{"compatibility":"none"}"#).text
                == #"{"compatibility":"NONE"}"#)
        #expect(await post("subjects/s/versions", #"{"type":"array"}"#)["version"] == 2)
        #expect(await ask(.delete, "config/s").text == #"{"compatibilityLevel":"NONE"}"#)
        #expect(await ask(.get, "config").text == #"{"compatibilityLevel":"BACKWARD"}"#)
        #expect(
            await ask(.get, "config/s", [("defaultToGlobal", "true")])["compatibilityLevel"] == "BACKWARD")
        #expect(await ask(.put, "config", body: #"{"compatibility":"UP"}"#)["error_code"] == 42203)
        #expect(
            await ask(.put, "config", body: #"{"compatibility":"FULL","alias":"t"}"#)["error_code"] == 42203)
    }

    @Test func `schemas come with their ids in the mode for that`() async {
        _ = await post("subjects/s/versions", "{}")
        #expect(await post("subjects/t/versions", "true", #","id":70,"version":3"#)["error_code"] == 42205)
        #expect(await ask(.put, "mode", body: #"{"mode":"IMPORT"}"#)["error_code"] == 42205)
        #expect(await ask(.put, "mode/t", body: #"{"mode":"IMPORT"}"#).text == #"{"mode":"IMPORT"}"#)
        #expect(await post("subjects/t/versions", "true", #","id":70,"version":3"#)["id"] == 70)
        #expect(await ask(.get, "subjects/t/versions").text == "[3]")
        #expect(await ask(.put, "mode/t", body: #"{"mode":"FORWARD"}"#)["error_code"] == 42204)
        #expect(await ask(.delete, "mode/t").text == #"{"mode":"IMPORT"}"#)
    }

    @Test func `deletion goes step by step`() async {
        _ = await post("subjects/s/versions", "{}")
        #expect(await ask(.delete, "subjects/s", [("permanent", "true")])["error_code"] == 40405)
        #expect(await ask(.delete, "subjects/s").text == "[1]")
        #expect(await ask(.delete, "subjects/s")["error_code"] == 40404)
        #expect(await ask(.get, "subjects").text == "[]")
        #expect(await ask(.get, "subjects", [("deletedOnly", "true")]).text == #"["s"]"#)
        #expect(await ask(.get, "schemas/ids/1").status == 200)
        #expect(await ask(.delete, "subjects/s", [("permanent", "true")]).text == "[1]")
        #expect(await ask(.get, "schemas/ids/1")["error_code"] == 40403)
    }

    @Test func `one form of JSON is the same schema`() async {
        let one = await ask(
            .post, "subjects/s/versions", [("normalize", "true")],
            body: #"{"schemaType":"JSON","schema":"{\"b\": 1, \"a\": [ {\"d\":1,\"c\":2} ]}"}"#)
        let other = await ask(
            .post, "subjects/s/versions", [("normalize", "true")],
            body: #"{"schemaType":"JSON","schema":"{\"a\":[{\"c\":2,\"d\":1}],\"b\":1}"}"#)
        #expect(one["id"] == other["id"])
    }

    @Test func `a list of all schemas ends before it is too large for anybody`() async {
        let filler = String(repeating: "x", count: 900_000)
        for index in 0..<12 { _ = await post("subjects/s\(index)/versions", #"{"title":"\#(filler)"}"#) }
        let answer = await ask(.get, "schemas")
        #expect(answer.text.utf8.count > 7 << 20)
        #expect(answer.text.utf8.count <= (8 << 20) + (1 << 20))
        #expect(await ask(.get, "schemas", [("offset", "11")]).text.contains(#""subject":"s9""#))
    }

    @Test func `plain JSON is answered to those who take nothing else`() async {
        #expect(await ask(.get, "subjects").type == "application/vnd.schemaregistry.v1+json")
        #expect(await ask(.get, "subjects", accept: "application/json").type == "application/json")
        #expect(
            await ask(.get, "subjects", accept: "application/vnd.schemaregistry.v1+json, application/json")
                .type
                == "application/vnd.schemaregistry.v1+json")
    }
}
