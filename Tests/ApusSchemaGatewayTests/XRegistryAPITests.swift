// SPDX-License-Identifier: Apache-2.0

// xRegistry's schema endpoints as values: entities, documents beside details, writing, errors.

import ApusSchemaGateway
import ApusTesting
import JSONText
import Testing

@Suite struct XRegistryAPITests {
    private let api = XRegistryAPI(SchemaKeeper())
    private let path = "schemagroups/default/schemas"

    private func ask(
        _ method: SchemaAPIRequest.Method, _ path: String, _ query: [(name: String, value: String)] = [],
        body: String = "", type: String? = "application/schema+json",
        fields: [(name: String, value: String)] = []
    ) async -> Answered {
        Answered(
            await api.answer(
                SchemaAPIRequest(
                    method, path.split(separator: "/").map(String.init), query: query,
                    base: "http://h:1/xregistry",
                    contentType: type, fields: fields, body: Array(body.utf8))))
    }

    @Test func `the registry, its model and what it can do are told`() async {
        let root = await ask(.get, "")
        #expect(root["specversion"] == "1.0-rc4")
        #expect(root["self"] == "http://h:1/xregistry/")
        #expect(root["schemagroupscount"] == 1)
        #expect(await ask(.get, "schemagroups")["default"]?["xid"] == "/schemagroups/default")
        #expect(await ask(.get, "schemagroups/default")["schemascount"] == 0)
        let model = await ask(.get, "model")
        #expect(model["groups"]?["schemagroups"]?["resources"]?["schemas"]?["hasdocument"] == true)
        let capabilities = await ask(.get, "capabilities")
        #expect(capabilities["formats"] == ["JsonSchema*"])
        #expect(capabilities["flags"] == ["specversion"])
        #expect(root.type == "application/json; charset=utf-8")
    }

    @Test func `a schema is written as a document and read as one, with its attributes in the head`() async {
        let made = await ask(.put, "\(path)/order.v1", body: #"{"type":"object"}"#)
        #expect(made.status == 201)
        #expect(made.fields["location"] == "http://h:1/xregistry/\(path)/order.v1")
        let read = await ask(.get, "\(path)/order.v1")
        #expect(read.text == #"{"type":"object"}"#)
        #expect(read.type == "application/json")
        #expect(read.fields["xregistry-schemaid"] == "order.v1")
        #expect(read.fields["xregistry-versionid"] == "1")
        #expect(read.fields["xregistry-xid"] == "/\(path)/order.v1")
        #expect(read.fields["xregistry-epoch"] == "1")
        #expect(read.fields["xregistry-isdefault"] == "true")
        #expect(read.fields["xregistry-format"] == "JsonSchema/draft/2020-12")
        #expect(read.fields["xregistry-createdat"] == "2026-11-18T11:06:40.123Z")
        #expect(read.fields["xregistry-versionscount"] == "1")
        #expect(await ask(.put, "\(path)/order.v1", body: #"{"type":"object"}"#).status == 200)
        #expect(
            await ask(.put, "\(path)/order.v1", body: #"{"type":"array"}"#)["type"]?.string?.hasSuffix(
                "#readonly") == true)
    }

    @Test func `versions are added, and told in their details`() async {
        let details =
            #"{"format":"JsonSchema/draft-07","schema":{"$schema":"http://json-schema.org/draft-07/schema#"}}"#
        #expect(await ask(.post, "\(path)/s$details", body: details, type: "application/json").status == 201)
        _ = await ask(.patch, "\(path)/s/meta", body: #"{"compatibility":null}"#)
        let second = await ask(.post, "\(path)/s", body: "true")
        #expect(second.status == 201)
        #expect(second.fields["xregistry-versionid"] == "2")
        let version = await ask(.get, "\(path)/s/versions/1$details")
        #expect(version["self"]?.string == "http://h:1/xregistry/\(path)/s/versions/1$details")
        #expect(version["xid"]?.string == "/\(path)/s/versions/1")
        #expect(version["isdefault"] == false)
        #expect(version["format"] == "JsonSchema/draft-07")
        #expect(version["formatvalidated"] == true)
        #expect(version["globalid"] == 1)
        let latest = await ask(.get, "\(path)/s$details")
        #expect(latest["versionid"] == "2")
        #expect(latest["ancestorid"] == "1")
        #expect(latest["versionscount"] == 2)
        let page = await ask(.get, "\(path)/s/versions", [("limit", "1")])
        #expect(page["1"]?["versionid"] == "1")
        #expect(page["2"] == nil)
        #expect(page.fields["link"] == "<http://h:1/xregistry/\(path)/s/versions?after=1>;rel=next;count=2")
        #expect(await ask(.get, "\(path)/s/versions", [("after", "1")])["2"]?["isdefault"] == true)
        #expect(await ask(.put, "\(path)/s/versions/3", body: "false").status == 201)
        #expect(await ask(.put, "\(path)/s/versions/9", body: "{}").status == 400)
    }

    @Test func `what is decided about a schema is its meta entity`() async {
        _ = await ask(.put, "\(path)/s", body: "{}")
        #expect(await ask(.get, "\(path)/s/meta")["compatibility"] == "backward")
        let changed = await ask(.patch, "\(path)/s/meta", body: #"{"compatibility":"FULL_transitive"}"#)
        #expect(changed["compatibility"] == "full_transitive")
        #expect(changed["readonly"] == false)
        #expect(await ask(.put, "\(path)/s/meta", body: "{}")["compatibility"] == nil)
        #expect(await ask(.patch, "\(path)/s/meta", body: #"{"compatibility":"up"}"#).status == 400)
        #expect(await ask(.patch, "\(path)/s/meta", body: #"{"readonly":true}"#).status == 400)
    }

    @Test func `formats that are only kept say so`() async {
        let made = await ask(
            .put, "\(path)/p", body: "syntax = \"proto3\";", type: "text/plain",
            fields: [("xregistry-format", "Protobuf/3")])
        #expect(made.status == 201)
        #expect(made.fields["xregistry-formatvalidated"] == "false")
        #expect(made.fields["xregistry-formatvalidatedreason"]?.contains("%20") == true)
        let encoded = #"{"format":"Avro/1.11.0","schemabase64":"eyJ0eXBlIjoic3RyaW5nIn0="}"#
        #expect(await ask(.put, "\(path)/a$details", body: encoded).status == 201)
        #expect(await ask(.get, "\(path)/a").text == #"{"type":"string"}"#)
    }

    @Test func `deletion takes versions and schemas away`() async {
        _ = await ask(.put, "\(path)/s", body: "{}")
        #expect(await ask(.delete, "\(path)/s/versions/1").status == 204)
        #expect(await ask(.get, "\(path)/s").status == 404)
        #expect(await ask(.delete, "\(path)/none").status == 404)
    }

    @Test(arguments: [
        (SchemaAPIRequest.Method.get, "nothing", 404, "api_not_found"),
        (.get, "schemagroups/other", 404, "not_found"),
        (.get, "schemagroups/default/schemas/none", 404, "not_found"),
        (.get, "schemagroups/default/schemas/a b", 400, "malformed_id"),
        (.get, "schemagroups/default/schemas/s/versions/01", 404, "not_found"),
        (.get, "schemagroups/default$details", 400, "bad_details"),
        (.delete, "schemagroups", 405, "action_not_supported"),
        (.put, "schemagroups/default/schemas/s", 400, "required_attribute_missing"),
    ]) func `errors are the specification's`(
        method: SchemaAPIRequest.Method, path: String, status: UInt16, type: String
    ) async {
        let answer = await ask(method, path)
        #expect(answer.status == status)
        #expect(answer["type"]?.string?.hasSuffix("#" + type) == true, "\(answer.text)")
        #expect(answer["title"]?.string?.isEmpty == false)
    }

    @Test func `unknown flags and attributes are refused`() async {
        #expect(await ask(.get, path, [("inline", "versions")])["args"]?["flag"] == "inline")
        #expect(await ask(.get, "", [("specversion", "0.5")]).status == 400)
        #expect(await ask(.get, "", [("specversion", "1.0-rc4")]).status == 200)
        let unknown = #"{"format":"JsonSchema","schema":{},"colour":"red"}"#
        #expect(await ask(.put, "\(path)/s$details", body: unknown)["args"]?["name"] == "colour")
        #expect(await ask(.put, "\(path)/s", body: "{}", fields: [("xregistry-colour", "red")]).status == 400)
        #expect(
            await ask(.put, "\(path)/s", body: #"{"type":7}"#)["type"]?.string?.hasSuffix("#format_violation")
                == true)
        #expect(
            await ask(.post, "\(path)/s", body: "{}", fields: [("xregistry-versionid", "4")]).status == 400)
    }
}
