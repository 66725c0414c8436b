// SPDX-License-Identifier: Apache-2.0

// What is refused when a transformation is made, and where the fault is said to be.

import JSONText
import Testing

@testable import ApusTransform

@Suite struct TransformationParsingTests {
    private func error(_ text: String) -> TransformationError? {
        do throws(TransformationError) {
            _ = try Transformation(parsing: text)
            return nil
        } catch { return error }
    }

    private func templateError(_ template: String, output: String = "json") -> TransformationError? {
        let value: JSONValue = [
            "input_paths": ["x": "$.data.x"], "input_template": .string(template), "output": .string(output),
        ]
        return error(value.description)
    }

    @Test(arguments: [
        ("", "", 0), ("[]", "", nil), ("{", "", 1), ("{}", "", nil),
        (#"{"input": 1, "input": 2}"#, "", 14),
        (#"{"input": 1, "input_path": "$.data"}"#, "", nil),
        (#"{"InputTemplate": "1"}"#, "/InputTemplate", nil),
        (#"{"input_template": 1}"#, "/input_template", nil),
        (#"{"input_template": "1", "output": "yaml"}"#, "/output", nil),
        (#"{"input_template": "1", "missing": "ignore"}"#, "/missing", nil),
        (#"{"input_template": "1", "input_paths": []}"#, "/input_paths", nil),
        (#"{"input": 1, "input_paths": {"x": "$.data"}}"#, "/input_paths", nil),
        (#"{"input_template": "1", "input_paths": {"a/~b": "$.data"}}"#, "/input_paths/a~1~0b", nil),
        (#"{"input_template": "1", "input_paths": {"": "$.data"}}"#, "/input_paths/", nil),
        (#"{"input_template": "1", "input_paths": {"x": 1}}"#, "/input_paths/x", nil),
        (#"{"input_path": "$.data", "output": "text"}"#, "/output", nil),
        (#"{"input": 1, "output": "text"}"#, "/input", nil),
        (#"{"input": "<a>", "output": "xml"}"#, "/input", 3),
        (#"{"attributes": {}}"#, "/attributes", nil),
        (#"{"attributes": {"set": {"region": "eu"}}, "output": "text"}"#, "/output", nil),
        (#"{"attributes": {"add": {}}}"#, "/attributes/add", nil),
        (#"{"attributes": {"set": {"id": "1"}}}"#, "/attributes/set/id", nil),
        (#"{"attributes": {"set": {"source": "/x"}}}"#, "/attributes/set/source", nil),
        (#"{"attributes": {"set": {"Region": "eu"}}}"#, "/attributes/set/Region", nil),
        (#"{"attributes": {"set": {"time": "now"}}}"#, "/attributes/set/time", nil),
        (#"{"attributes": {"set": {"dataschema": "no uri"}}}"#, "/attributes/set/dataschema", nil),
        (#"{"attributes": {"set": {"region": ""}}}"#, "/attributes/set/region", nil),
        (#"{"attributes": {"set": {"region": "a\\b"}}}"#, "/attributes/set/region", 1),
        (#"{"attributes": {"set": {"region": "<who>"}}}"#, "/attributes/set/region", 0),
        (#"{"attributes": {"remove": ["type"]}}"#, "/attributes/remove/0", nil),
        (#"{"attributes": {"remove": ["a", "data"]}}"#, "/attributes/remove/1", nil),
        (#"{"attributes": {"remove": ["a"], "set": {"a": "b"}}}"#, "/attributes/set/a", nil),
        (#"{"attributes": {"rename": {"a": "type"}}}"#, "/attributes/rename/a", nil),
        (#"{"attributes": {"rename": {"a": "c", "b": "c"}}}"#, "/attributes/rename/b", nil),
        (#"{"attributes": {"rename": {"a": "c"}, "remove": ["c"]}}"#, "/attributes/remove/0", nil),
        (#"{"attributes": {"rename": {"a": "c"}, "remove": ["a"]}}"#, "/attributes/remove/0", nil),
        (#"{"attributes": {"rename": {"a": "c"}, "set": {"c": "d"}}}"#, "/attributes/set/c", nil),
        (
            #"{"input": 1, "attributes": {"set": {"datacontenttype": "text/plain"}}}"#,
            "/attributes/set/datacontenttype", nil
        ),
        (
            #"{"input": 1, "attributes": {"set": {"datacontenttype": "a/json;charset=latin1"}}}"#,
            "/attributes/set/datacontenttype", nil
        ),
    ])
    func `a wrong member is named`(text: String, pointer: String, offset: Int?) {
        let error = error(text)
        #expect(error?.pointer == pointer, "\(error?.description ?? "accepted")")
        #expect(error?.offset == offset, "\(error?.description ?? "accepted")")
    }

    @Test(arguments: [
        ("data", 0), ("$", nil), ("$.", 2), ("$.data.", 7), ("$data", 1), ("$.data[", 7), ("$.data[1", 8),
        ("$.data[01]", 7), ("$.data[-1]", 7), ("$.data['a]", 7), ("$.data['a\\b']", 9), ("$.data.a b", 8),
        ("$..data", 2), ("$[0]", 1), ("$.*", 1), ("$.data.a*", 8), ("$.detail.x", 1), ("$.detail-type", 1),
        ("$.type.x", 1), ("$.Type", 1), ("$.data[?(@.a)]", 7), ("$.data.a", nil),
        ("$.data['a.b'][0][*].*", nil),
        ("$['data']['\\'']", nil), ("$.data.@id", nil), ("$.data.a/b_c-d", nil),
    ])
    func `a path is an event's path or is refused at a byte`(path: String, offset: Int?) {
        let value: JSONValue = ["input_path": .string(path)]
        let error = error(value.description)
        #expect(error?.offset == offset, "\(error?.description ?? "accepted")")
        #expect((error == nil) == (offset == nil))
        if let error { #expect(error.pointer == "/input_path") }
    }

    @Test(arguments: [
        ("", 0), ("<", 0), ("<x", 0), ("<y>", 0), ("x", 0), ("{\"a\": }", 6), ("{\"a\" 1}", 5),
        ("{<x>: 1}", 1),
        ("{\"a<x>\": 1}", 3), ("{\"a\": 1,}", 8), ("{\"a\": 1, \"\\u0061\": 2}", 9), ("[1 2]", 3),
        ("[1,]", 3), ("[", 1),
        ("[<x>", 4), ("<x> <x>", 4), ("\"<y>\"", 1), ("\"a", 2), ("\"\\x\"", 1), ("\"a\tb\"", 2), ("[01]", 1),
        ("{\"a\": <x>", 9), ("<x> is in state <x>", 4),
    ])
    func `a JSON template that is none is refused at a byte`(template: String, offset: Int) {
        let error = templateError(template)
        #expect(error?.pointer == "/input_template")
        #expect(error?.offset == offset, "\(error?.description ?? "accepted")")
    }

    @Test(arguments: [
        ("", 0), ("<a>${x}", 7), ("<a>${y}</a>", 3), ("<${x}/>", 1), ("<a ${x}='1'/>", 3), ("<a b=${x}/>", 5),
        ("${x}<a/>", 4),
        ("<a><!-- ${x} --></a>", 8), ("<a><![CDATA[${x}]]></a>", 12), ("<a><?p ${x}?></a>", 7),
        ("<a xmlns:p='${x}'/>", 12), ("<a>${x</a>", 3), ("<a>${}</a>", 3), ("<a>&#xF0000;${x}</a>", 3),
        ("<a>\u{F0000}</a>", 3), ("<a>${x}</b>", 10), ("<!DOCTYPE a><a/>", 0),
    ])
    func `an XML template that is none is refused at a byte`(template: String, offset: Int) {
        let error = templateError(template, output: "xml")
        #expect(error?.pointer == "/input_template")
        #expect(error?.offset == offset, "\(error?.description ?? "accepted")")
    }

    @Test func `names of other styles are understood`() {
        for (name, meant) in [
            ("InputPathsMap", "input_paths"), ("inputTemplate", "input_template"),
            ("InputPath", "input_path"),
        ] {
            #expect(error("{\"\(name)\": 1}")?.description.contains("did you mean '\(meant)'") == true)
        }
        #expect(error(#"{"input_path": "$.detail.x"}"#)?.description.contains("did you mean 'data'") == true)
    }

    @Test func `the canonical text means the same`() throws {
        let text = #"""
            {"attributes": {"set": {"type": "b", "a": "<x>"}, "remove": ["z"]}, "output": "json", "missing": "null",
             "input_template": "{\"v\": <x>, \"w\": <y>}", "input_paths": {"y": "$.data.y", "x": "$.data.x"}}
            """#
        let transformation = try Transformation(parsing: text)
        #expect(
            transformation.text
                == #"{"input_paths":{"x":"$.data.x","y":"$.data.y"},"input_template":"{\"v\": <x>, \"w\": <y>}","attributes":{"remove":["z"],"set":{"a":"<x>","type":"b"}}}"#
        )
        #expect(try Transformation(parsing: transformation.text) == transformation)
    }

    // MARK: - Limits

    private func isAccepted(_ value: JSONValue, _ limits: TransformationLimits) -> Bool {
        (try? Transformation(value, limits: limits)) != nil
    }

    @Test(arguments: [0, 1])
    func `limits hold on both sides`(excess: Int) {
        let limits = TransformationLimits()
        let isAllowed = excess == 0
        var paths = JSONObject()
        for number in 0..<limits.variablesMax + excess { paths["v\(number)"] = "$.data" }
        #expect(isAccepted(["input_paths": .object(paths), "input_template": "1"], limits) == isAllowed)

        var name = JSONObject()
        name[String(repeating: "v", count: limits.variableNameBytesMax + excess)] = "$.data"
        #expect(isAccepted(["input_paths": .object(name), "input_template": "1"], limits) == isAllowed)

        let path = "$.data." + String(repeating: "a", count: limits.pathBytesMax - 7 + excess)
        #expect(isAccepted(["input_path": .string(path)], limits) == isAllowed)

        let steps = "$.data" + String(repeating: "[0]", count: limits.pathStepsMax + excess)
        #expect(isAccepted(["input_path": .string(steps)], limits) == isAllowed)

        let template = "\"" + String(repeating: "a", count: limits.templateBytesMax - 2 + excess) + "\""
        #expect(isAccepted(["input_template": .string(template)], limits) == isAllowed)
        #expect(isAccepted(["input": .string(String(template.dropFirst().dropLast()))], limits) == isAllowed)

        let depth = limits.templateDepthMax + excess
        let nested = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        #expect(isAccepted(["input_template": .string(nested)], limits) == isAllowed)
        #expect(((try? JSONValue(parsing: nested)).map { isAccepted(["input": $0], limits) }) == isAllowed)

        var set = JSONObject()
        for number in 0..<limits.attributesMax + excess { set["a\(number)"] = "x" }
        #expect(isAccepted(["attributes": ["set": .object(set)]], limits) == isAllowed)
    }

    @Test func `a long text is refused before it is read`() {
        let limits = TransformationLimits()
        let text = #"{"input": 1}"#
        let filler = { String(repeating: " ", count: limits.textBytesMax - text.utf8.count + $0) }
        #expect((try? Transformation(parsing: text + filler(0))) != nil)
        #expect(error(text + filler(1))?.reason == .tooLong(limit: limits.textBytesMax))
    }
}
