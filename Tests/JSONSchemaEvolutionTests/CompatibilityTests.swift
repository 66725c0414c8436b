// SPDX-License-Identifier: Apache-2.0

// Modes, wording in both directions, the content models, and schemas that mean harm.

import JSONSchema
import JSONSchemaEvolution
import JSONText
import Testing

@Suite("Compatibility of versions")
struct CompatibilityTests {
    private let first = json(
        #"{"type":"object","properties":{"a":{"type":"integer"}},"additionalProperties":false}"#)
    private let second = json(
        #"{"type":"object","properties":{"a":{"type":"number"}},"additionalProperties":false}"#)
    private let third = json(
        #"{"type":"object","properties":{"a":{"type":"number","minimum":0}},"additionalProperties":false}"#)

    @Test("modes say which versions count and who reads whose documents")
    func modes() throws {
        let check = { (new: JSONValue, old: [JSONValue], mode: SchemaCompatibility) in
            try SchemaComparison.check(new, against: old, mode).map { "\($0.version) \($0.isBackward)" }
        }
        #expect(try check(second, [first], .backward).isEmpty)
        #expect(try check(second, [first], .forward) == ["0 false"])
        #expect(try check(second, [first], .full) == ["0 false"])
        #expect(try check(second, [first], .none).isEmpty)
        #expect(try check(second, [], .fullTransitive).isEmpty)
        #expect(try check(third, [third, second, third], .backward).isEmpty)
        #expect(try check(third, [first, second], .backwardTransitive) == ["0 true", "1 true"])
        #expect(try check(third, [first, second], .forwardTransitive) == ["0 false"])
        #expect(try check(third, [first, second], .fullTransitive) == ["0 true", "0 false", "1 true"])
    }

    @Test("differences are worded from the old version to the new one in both directions")
    func wording() throws {
        let old = json(#"{"maximum":100,"required":["a"],"type":"object"}"#)
        let new = json(#"{"maximum":50,"type":["object","number"]}"#)
        let forward = try SchemaComparison.check(new, against: [old], .forward).map(\.difference)
        #expect(
            forward.map(\.message) == [
                "`type` allows number, which it did not before", "property `a` is no longer required",
            ])
        #expect(forward[0].oldLocation == "#/type")
        #expect(forward[0].newLocation == "#/type")
        let backward = try SchemaComparison.check(
            json(#"{"maximum":50}"#), against: [json(#"{"maximum":100}"#)], .backward)
        #expect(backward.map(\.difference.message) == ["`maximum` 100 became 50"])
        let raised = try SchemaComparison.check(
            json(#"{"maximum":100}"#), against: [json(#"{"maximum":50}"#)], .forward)
        #expect(raised.map(\.difference.message) == ["`maximum` 50 became 100"])
    }

    @Test("formats count where they are checked")
    func formats() throws {
        var options = SchemaComparison.Options()
        options.schemas.assertsFormats = true
        let text = json(#"{"type":"string"}"#)
        let found = try differences(text, json(#"{"type":"string","format":"date"}"#), options: options)
        #expect(found.map(\.message) == [#"`format` "date" is new"#])
        #expect(found.first?.witness != nil)
        #expect(
            try differences(
                json(#"{"format":"uri"}"#), json(#"{"format":"iri-reference"}"#), options: options
            )
            .isEmpty)
    }

    @Test("references lead into the library")
    func library() throws {
        var options = SchemaComparison.Options()
        options.library.add(json(#"{"type":"integer"}"#), at: "https://shop.example/id")
        let old = json(#"{"properties":{"id":{"$ref":"https://shop.example/id"}}}"#)
        #expect(
            try SchemaComparison.differences(
                writer: old, reader: json(#"{"properties":{"id":{"type":"number"}}}"#), options: options
            ).isEmpty)
    }
}

@Suite("Schemas that mean harm are compared in bounded steps")
struct HostileComparisonTests {
    private func isBounded(_ writer: JSONValue, _ reader: JSONValue) throws -> [SchemaDifference] {
        var options = SchemaComparison.Options()
        options.steps = 5_000
        return try differences(writer, reader, options: options)
    }

    @Test("choices that multiply")
    func choices() throws {
        // 2^40 combinations of alternatives.
        func schema(_ bound: Int) -> JSONValue {
            let rules = (0..<40).map { index in
                json(#"{"anyOf":[{"required":["a\#(index)"]},{"maxProperties":\#(bound + index)}]}"#)
            }
            return ["type": "object", "allOf": .array(rules)]
        }
        let found = try isBounded(schema(50), schema(49))
        #expect(found.contains { $0.kind == .tooComplex })
    }

    @Test("alternatives that are held against each other")
    func exclusive() throws {
        let rules = (0..<200).map { json(#"{"minLength":\#($0),"pattern":"a{1,\#($0 + 1)}b"}"#) }
        let found = try isBounded(["type": "string"], ["oneOf": .array(rules)])
        #expect(!found.isEmpty)
    }

    @Test("patterns whose automata multiply")
    func patterns() throws {
        let rules = (1..<8).map { json(#"{"pattern":"(a|b){\#($0 * 5)}c.*[x-z]{\#($0)}"}"#) }
        let found = try isBounded(["allOf": .array(rules)], ["pattern": "q{7}"])
        #expect(!found.isEmpty)
    }

    @Test("nesting")
    func nesting() throws {
        func nested(_ inner: JSONValue) -> JSONValue {
            (0..<120).reduce(inner) { schema, _ in ["properties": ["a": schema]] }
        }
        var options = SchemaComparison.Options()
        options.schemas.limits.schemaDepth = 512
        let found = try SchemaComparison.differences(
            writer: nested(["type": "string"]), reader: nested(["type": ["string", "null"]]), options: options
        )
        #expect(found.map(\.kind) == [.tooComplex])
    }

    @Test("many values, many properties")
    func width() throws {
        let values = JSONValue.array((0..<5_000).map { .number(JSONNumber($0)) })
        let found = try differences(
            ["enum": values], ["enum": .array(Array((values.array ?? []).dropLast()))])
        #expect(found.map(\.message) == ["`4999` is no longer accepted"])
        var properties = JSONObject()
        for index in 0..<2_000 { properties["p\(index)"] = ["type": "string"] }
        let wide: JSONValue = ["properties": .object(properties), "type": "object"]
        properties["p1999"] = ["type": ["string", "null"]]
        #expect(try differences(wide, ["properties": .object(properties), "type": "object"]).isEmpty)
    }
}
