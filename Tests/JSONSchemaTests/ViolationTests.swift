// SPDX-License-Identifier: Apache-2.0

// What is told of a document that is not accepted: where, which rule, what stands there, and in words.

import JSONSchema
import JSONText
import Testing

@Suite("Violations say what is wrong and where")
struct ViolationTests {
    private static let schema = """
        {"$id": "https://shop.example/order", "type": "object", "required": ["id", "lines"],
         "properties": {"id": {"type": "string", "pattern": "^o-"}, "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}},
           "pay": {"oneOf": [{"required": ["card"]}, {"required": ["invoice", "days"]}]}},
         "additionalProperties": false,
         "$defs": {"line": {"properties": {"n": {"minimum": 1}, "kind": {"enum": ["a", "b"]}}, "unevaluatedProperties": false}}}
        """

    private func violations(_ document: String, limit: Int = 20) throws -> [String] {
        try Schema.compile(Array(Self.schema.utf8)).violations(Array(document.utf8), limit: limit).map {
            "\($0.instanceLocation) \($0.rule) \($0.schemaLocation) \($0.got) | \($0.message)"
        }
    }

    @Test("for every member")
    func members() throws {
        let root = "https://shop.example/order#"
        #expect(
            try violations(
                "{\"id\": \"x\", \"a/b\": 1, \"lines\": [{\"n\": 0}, {\"kind\": \"c\", \"m\": 1}, 5]}") == [
                    "/id pattern \(root)/properties/id/pattern \"x\" | must match the regular expression ^o-",
                    "/a~1b additionalProperties \(root)/additionalProperties 1 | the member 'a/b' is not allowed",
                    "/lines/0/n minimum \(root)/$defs/line/properties/n/minimum 0 | must be at least 1",
                    "/lines/1/kind enum \(root)/$defs/line/properties/kind/enum \"c\" | must be one of \"a\", \"b\"",
                ])
    }

    @Test("for what is missing, of another kind, or left unevaluated")
    func others() throws {
        let root = "https://shop.example/order#"
        #expect(
            try violations("{\"id\": 7}") == [
                " required \(root)/required {\"id\": 7} | the member 'lines' is missing",
                "/id type \(root)/properties/id/type 7 | must be a string, is an integer",
            ])
        #expect(try violations("[]") == [" type \(root)/type [] | must be an object, is an array"])
        #expect(
            try violations("{\"id\": \"o-1\", \"lines\": [{\"x\": 1}]}") == [
                "/lines/0/x unevaluatedProperties \(root)/$defs/line/unevaluatedProperties 1 | the member 'x' is not allowed"
            ])
    }

    @Test("for alternatives: that none matches, and what the nearest asks for")
    func alternatives() throws {
        let root = "https://shop.example/order#/properties/pay"
        #expect(
            try violations("{\"id\": \"o-1\", \"lines\": [], \"pay\": {}}") == [
                "/pay oneOf \(root)/oneOf {} | matches none of the 2 schemas of 'oneOf'",
                "/pay required \(root)/oneOf/0/required {} | the member 'card' is missing",
            ])
        #expect(
            try violations(
                "{\"id\": \"o-1\", \"lines\": [], \"pay\": {\"card\": 1, \"invoice\": 1, \"days\": 1}}"
            ).first?
            .contains("must match exactly one of the schemas of 'oneOf', matches 0 and 1") ?? false)
    }

    @Test("as many as are asked for")
    func limit() throws {
        let lines = (0..<100).map { _ in "{\"n\": 0}" }.joined(separator: ",")
        #expect(try violations("{\"id\": \"o-1\", \"lines\": [\(lines)]}", limit: 7).count == 7)
        #expect(try violations("{\"id\": \"o-1\", \"lines\": []}").isEmpty)
    }

    @Test("with long values shortened at a character")
    func excerpt() throws {
        let long = "\"" + String(repeating: "é", count: 100) + "\""
        let violation = try #require(
            try Schema.compile(Array("{\"maxLength\":3}".utf8)).violations(Array(long.utf8)).first)
        #expect(violation.got == "\"" + String(repeating: "é", count: 39) + "…")
        #expect(violation.message == "must be at most 3 characters long, has 100")
    }
}
