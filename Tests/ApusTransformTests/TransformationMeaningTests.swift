// SPDX-License-Identifier: Apache-2.0

// What becomes of events: data by path, text, XML, attributes; and the failures, each with its reason and place.

import CloudEvents
import JSONText
import Testing

@testable import ApusTransform

@Suite struct TransformationMeaningTests {
    private func failure(_ transformation: JSONValue, _ event: CloudEvent) throws -> TransformationFailure? {
        let transformation = try Transformation(transformation)
        do throws(TransformationFailure) {
            _ = try transformation.apply(to: event, in: context)
            return nil
        } catch { return error }
    }

    // MARK: - Paths into JSON

    private static let order = #"""
        {"id": 7, "a.b": 1, "items": [{"sku": "x", "n": 1}, {"sku": "y"}, 3, [4, 5]], "c": {"d": {"e": [true]}}, "@k": "v",
         "twice": {"x": 1, "y": 2}, "twice": {"x": 3}, "\u006eame": "escaped"}
        """#

    @Test(arguments: [
        ("$.data.id", "7"), ("$.data['a.b']", "1"), ("$.data.items[1].sku", #""y""#),
        ("$.data.items[3][1]", "5"),
        ("$.data.items[*].sku", #"["x","y"]"#),
        ("$.data.items[*]", #"[{"sku":"x","n":1},{"sku":"y"},3,[4,5]]"#),
        ("$.data.c.*.e", "[[true]]"), ("$.data.items[9]", "null"), ("$.data.items.sku", "null"),
        ("$.data.id[0]", "null"), ("$.data.items[*].none", "[]"), ("$.data.c[*]", "[]"),
        ("$.data.@k", #""v""#),
        ("$.data.twice.x", "3"), ("$.data.twice.y", "null"), ("$.data.name", #""escaped""#),
        ("$.type", #""order.placed""#), ("$.subject", #""order/42""#), ("$.none", "null"),
        ("$.count", #""5""#),
        ("$.specversion", #""1.0""#), ("$.time", #""2026-11-25T10:00:00Z""#),
    ])
    func `a path leads into JSON`(path: String, expected: String) throws {
        let event = try event(Self.order, extensions: [("count", 5)])
        let found = try transformed(
            ["input_paths": ["v": .string(path)], "input_template": "<v>"], event)
        #expect(found == expected)
    }

    @Test func `data without content type are read as JSON, and no data have no values`() throws {
        #expect(
            try transformed(["input_path": "$.data.a"], event(#"{"a": [ 1 ]}"#, contentType: nil)) == "[1]")
        #expect(
            try filled(#"{"a": <x>, "b": <y>}"#, [("x", "$.data.a"), ("y", "$.data[*]")], nil)
                == #"{"a":null,"b":null}"#)
    }

    @Test func `the part that an input path names takes the place of the data`() throws {
        let result = try Transformation(["input_path": "$.data.c"]).apply(to: event(Self.order), in: context)
        #expect(result.data == CloudEventData(text: #"{"d":{"e":[true]}}"#))
        #expect(result.dataContentType == "application/json")
        #expect(result.dataSchema == nil)
        #expect(result.id == "A-1")
        #expect(result.subject == "order/42")
    }

    @Test func `a constant takes the place of the data, whatever they are`() throws {
        let constant: JSONValue = ["input": ["a": [1, "<x>"]]]
        #expect(try transformed(constant, event("\u{1}", contentType: "image/png")) == #"{"a":[1,"<x>"]}"#)
        #expect(try transformed(["input": "<a>&amp;</a>", "output": "xml"], event(nil)) == "<a>&amp;</a>")
        #expect(try transformed(["input": "plain <x>", "output": "text"], event(nil)) == "plain <x>")
    }

    // MARK: - XML

    private static let xml = """
        <?xml version="1.0"?><o:order xmlns:o="urn:o" no="42"><item sku="a">A &amp; B</item><note>n<b>o</b>te</note>\
        <item sku="b"><![CDATA[<x>]]></item><empty/><item/></o:order>
        """

    @Test(arguments: [
        ("$.data.order.@no", #""42""#), ("$.data.order.item", #""A & B""#),
        ("$.data.order.item[0].@sku", #""a""#),
        ("$.data.order.item[1].@sku", #""b""#), ("$.data.order.item[1]", #""<x>""#),
        ("$.data.order.item[2]", #""""#),
        ("$.data.order.item[3]", "null"), ("$.data.order.item[*]", #"["A & B","<x>",""]"#),
        ("$.data.order.item[*].@sku", #"["a","b"]"#), ("$.data.order.note", #""note""#),
        ("$.data.order.note.b", #""o""#),
        ("$.data.order.*.@sku", #"["a","b"]"#), ("$.data.order.none", "null"),
        ("$.data.*", #"["A & Bnote<x>"]"#),
        ("$.data.order.empty", #""""#), ("$.data.item", "null"),
    ])
    func `a path leads into XML`(path: String, expected: String) throws {
        let found = try transformed(
            ["input_paths": ["v": .string(path)], "input_template": "<v>"],
            event(Self.xml, contentType: "application/soap+xml"))
        #expect(found == expected)
    }

    @Test func `XML as a whole is its text`() throws {
        let found = try transformed(["input_path": "$.data"], event("<a b='\"'/>", contentType: "text/xml"))
        #expect(found == #""<a b='\"'/>""#)
    }

    @Test func `an XML template escapes what is put into it`() throws {
        let value: JSONValue = [
            "input_paths": ["x": "$.data.x", "o": "$.data.o"], "output": "xml",
            "input_template": "<a b='${x}' c=\"${o}\">${x}<!-- $ --> costs $$5, $${x}</a>",
        ]
        let event = try event(#"{"x": "<&>\"' \n\t\r]]>", "o": {"k": [1, "v"]}}"#)
        let result = try Transformation(value).apply(to: event, in: context)
        #expect(
            result.data?.text
                == "<a b='&lt;&amp;&gt;&quot;&apos; &#10;&#9;&#13;]]&gt;' c=\"{&quot;k&quot;:[1,&quot;v&quot;]}\">"
                + "&lt;&amp;&gt;\"' \n\t&#13;]]&gt;<!-- $ --> costs $5, ${x}</a>")
        #expect(result.dataContentType == "application/xml")
        // And back again.
        let read = try transformed(["input_paths": ["v": "$.data.a.@b"], "input_template": "<v>"], result)
        #expect(read == #""<&>\"' \n\t\r]]>""#)
    }

    // MARK: - Text

    @Test func `a text template takes values as they are`() throws {
        let value: JSONValue = [
            "input_paths": ["x": "$.data.x", "o": "$.data.o", "n": "$.data.none"], "output": "text",
            "input_template": "<x>: <o> <n>\\<x> \\\\ 1<2\n",
        ]
        let result = try Transformation(value).apply(
            to: event(#"{"x": "a\n\"b\"", "o": {"k": [ 1 ]}}"#), in: context)
        #expect(result.data?.text == "a\n\"b\": {\"k\":[1]} <x> \\ 1<2\n")
        #expect(result.dataContentType == "text/plain; charset=utf-8")
    }

    @Test func `text data are one value`() throws {
        let event = try event("a \"b\"", contentType: "text/csv")
        #expect(try transformed(["input_path": "$.data"], event) == #""a \"b\"""#)
        #expect(
            try failure(["input_path": "$.data.x"], event)?.reason == .dataHasNoPaths(contentType: "text/csv")
        )
    }

    // MARK: - Attributes

    @Test func `attributes are renamed, removed and set, and the data stay`() throws {
        let value: JSONValue = [
            "input_paths": ["kind": "$.data.kind", "none": "$.data.none"],
            "attributes": [
                "rename": ["tenant": "customer", "subject": "about", "a": "b", "b": "a", "absent": "z"],
                "remove": ["secret", "nothere"],
                "set": [
                    "type": "order.<kind>", "region": "eu", "time": "2030-01-01T00:00:00Z", "gone": "<none>",
                    "via": "<apus.topic>/<apus.rule> \\<x>",
                ],
            ],
        ]
        let event = try event(
            #"{"kind": "big"}"#,
            extensions: [
                ("tenant", 7), ("secret", "s"), ("a", "1"), ("b", "2"), ("gone", "old"), ("kept", true),
            ])
        let result = try Transformation(value).apply(to: event, in: context)
        #expect(result.type == "order.big")
        #expect(result.subject == nil)
        #expect(result.time == CloudEventTimestamp("2030-01-01T00:00:00Z"))
        #expect(
            result.extensions
                == (try CloudEventExtensions([
                    ("customer", "7"), ("about", "order/42"), ("a", "2"), ("b", "1"), ("region", "eu"),
                    ("kept", true), ("via", "orders/vip <x>"),
                ])))
        #expect(result.data == event.data)
        #expect(result.dataSchema == event.dataSchema)
        #expect((result.id, result.source) == (event.id, event.source))
    }

    @Test func `the content type can be a closer one`() throws {
        let value: JSONValue = [
            "input": 1,
            "attributes": ["set": ["datacontenttype": "application/vnd.shop+json", "dataschema": "urn:x"]],
        ]
        let result = try Transformation(value).apply(to: event("{}"), in: context)
        #expect(result.dataContentType == "application/vnd.shop+json")
        #expect(result.dataSchema == "urn:x")
    }

    // MARK: - Failures

    @Test func `a failure says what and where`() throws {
        let x: JSONValue = ["x": "$.data.x"]
        let cases: [(JSONValue, String?, String, TransformationFailure.Reason, String)] = [
            (["input_path": "$.data.x"], "{}", "application/json", .missing(path: "$.data.x"), "/input_path"),
            (
                ["input_paths": x, "input_template": "<x>", "missing": "fail"], "{}", "application/json",
                .missing(path: "$.data.x"), "/input_template"
            ),
            (
                ["input_paths": x, "input_template": "\"<x>\"", "missing": "fail"], nil, "application/json",
                .missing(path: "$.data.x"), "/input_template"
            ),
            (
                ["input_paths": x, "attributes": ["set": ["subject": "<x>"]], "missing": "fail"], "{}",
                "application/json", .missing(path: "$.data.x"), "/attributes/set/subject"
            ),
            (
                ["input_paths": x, "input_template": "<x>"], #"{"x": 1"#, "application/json",
                .dataIsNotJSON(JSONError(.unexpectedEnd, at: 7)), "/input_paths"
            ),
            (
                ["input_paths": x, "input_template": "<x>"], "{} {}", "application/json",
                .dataIsNotJSON(JSONError(.trailingBytes, at: 3)), "/input_paths"
            ),
            (
                ["input_paths": x, "input_template": "<x>"], "<x>", "application/xml",
                .dataIsNotXML(reason: "the document ends inside an element", offset: 3), "/input_paths"
            ),
            (
                ["input_paths": x, "input_template": "<x>"], "x", "image/png",
                .dataHasNoPaths(contentType: "image/png"), "/input_paths"
            ),
            (
                ["input_paths": x, "input_template": "<x>"], "{}", "application/json;charset=utf-16",
                .dataHasNoPaths(contentType: "application/json;charset=utf-16"), "/input_paths"
            ),
            (
                ["input_paths": x, "input_template": "<a>${x}</a>", "output": "xml"], #"{"x": "\u0001"}"#,
                "application/json", .notXMLText, "/input_template"
            ),
            (
                ["input_paths": x, "attributes": ["set": ["time": "<x>"]]], #"{"x": "soon"}"#,
                "application/json", .attribute(.notTimestamp, seen: "soon"), "/attributes/set/time"
            ),
            (
                ["input_paths": x, "attributes": ["set": ["type": "<x>"]]], "{}", "application/json",
                .attribute(.empty, seen: ""), "/attributes/set/type"
            ),
            (
                ["input_paths": x, "attributes": ["set": ["dataschema": "<x>"]]], #"{"x": "a b"}"#,
                "application/json", .attribute(.notURI, seen: "a b"), "/attributes/set/dataschema"
            ),
            (
                ["input_paths": x, "attributes": ["set": ["note": "<x>"]]], #"{"x": "a\nb"}"#,
                "application/json", .attribute(.controlCharacter, seen: "a\nb"), "/attributes/set/note"
            ),
            (
                ["attributes": ["rename": ["subject": "taken"]]], "{}", "application/json",
                .attributeExists("taken"), "/attributes/rename/subject"
            ),
            (
                ["attributes": ["rename": ["taken": "dataschema"], "remove": ["absent"]]], "{}",
                "application/json", .attributeExists("dataschema"), "/attributes/rename/taken"
            ),
        ]
        for (transformation, data, type, reason, pointer) in cases {
            let event = try event(data, contentType: type, extensions: [("taken", "1")])
            let failure = try failure(transformation, event)
            #expect(failure?.reason == reason, "\(transformation): \(failure?.description ?? "done")")
            #expect(failure?.pointer == pointer, "\(transformation)")
        }
    }

    @Test(arguments: [0, 1])
    func `what comes out is bounded`(excess: Int) throws {
        var limits = TransformationLimits()
        limits.outputBytesMax = 100
        let text = String(repeating: "x", count: 98 + excess)
        let transformation = try Transformation(["input_path": "$.data.x"], limits: limits)
        let result = Result { try transformation.apply(to: event("{\"x\": \"\(text)\"}"), in: context) }
        #expect(((try? result.get()) != nil) == (excess == 0))
    }

    @Test(arguments: [0, 1])
    func `what comes out is no deeper than what can be read`(excess: Int) throws {
        let depth = TransformationLimits.dataDepthMax - 2 + excess
        let nested = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        let failure = try failure(
            ["input_paths": ["x": "$.data"], "input_template": #"{"a": [<x>]}"#], event(nested))
        #expect(failure?.reason == (excess == 0 ? nil : .tooDeep(limit: TransformationLimits.dataDepthMax)))
    }

    @Test func `a value used often is read once`() throws {
        let template = "[" + Array(repeating: "<x>", count: 2000).joined(separator: ",") + "]"
        let data = #"{"x": ["# + String(repeating: " ", count: 1_000_000) + "]}"
        let result = try filled(template, [("x", "$.data.x")], data)
        #expect(result == "[" + Array(repeating: "[]", count: 2000).joined(separator: ",") + "]")
    }
}
