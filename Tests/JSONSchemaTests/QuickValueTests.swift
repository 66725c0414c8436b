// SPDX-License-Identifier: Apache-2.0

// Members and elements that are judged while they are passed over are judged as those that are not: a space before a value, or its name written with
// an escape, takes the general way.

import JSONSchema
import JSONText
import SlowJSONSchema
import TestThreads
import Testing

@Suite("Values that are judged while they are passed over", .ownThread)
struct QuickValueTests {
    private static let schemas = [
        "true", "false", "{}", #"{"type":"string"}"#, #"{"type":["string","null"],"maxLength":2}"#,
        #"{"minLength":2}"#,
        #"{"minLength":1,"maxLength":3}"#, #"{"type":"string","pattern":"^a"}"#, #"{"type":"integer"}"#,
        #"{"type":"number"}"#, #"{"minimum":1}"#, #"{"exclusiveMinimum":1}"#, #"{"maximum":1}"#,
        #"{"exclusiveMaximum":1}"#,
        #"{"type":"integer","minimum":-1,"maximum":1}"#, #"{"exclusiveMinimum":-1,"exclusiveMaximum":0}"#,
        #"{"minimum":0.5}"#, #"{"multipleOf":2}"#, #"{"minimum":1e30}"#, #"{"type":"boolean"}"#,
        #"{"type":"null"}"#,
        #"{"enum":[1,"a",null]}"#, #"{"const":"ab"}"#, #"{"not":{"type":"string"}}"#,
        #"{"minimum":999999999999999999,"maximum":999999999999999999}"#,
    ]
    private static let values = [
        #""""#, #""a""#, #""ab""#, #""abc""#, #""abcd""#, #""ä""#, #""äöü""#, #""\u0061""#, #""\u0061bc""#,
        #""a\nb""#, #""😀😀""#,
        "0", "-0", "1", "-1", "2", "1.0", "-1.0", "0.5", "-0.5", "-0.0", "1.5", "-1.5", "0.999", "1.0001",
        "1e0", "-1E0", "15e-1",
        "100e-2", "999999999999999999", "999999999999999999.0", "999999999999999999.5", "1000000000000000000",
        "-999999999999999999", "123456789012345678901234567890", "true", "false", "null", "[]", "{}", "[1]",
    ]

    @Test("are accepted as a plain evaluation has it, whichever way is taken")
    func accepted() throws {
        for schema in Self.schemas {
            let text = #"{"properties":{"first":true,"a":\#(schema)},"items":\#(schema)}"#
            let (plain, validator) = (try JSONValue(parsing: text), try Schema.compile(text.utf8))
            for value in Self.values {
                let documents = [
                    #"{"a":\#(value)}"#, #"{"a": \#(value)}"#, #"{"a":\#(value) }"#, #"{"\u0061":\#(value)}"#,
                    #"{"first":0,"a":\#(value)}"#, #"{"first":0 ,"a":\#(value)}"#,
                    #"{"a" :\#(value)}"#, "[\(value)]", "[ \(value)]", "[\(value),\(value)]",
                ]
                for document in documents {
                    var slow = SlowJSONSchema(plain)
                    let expected = slow.accepts(try JSONValue(parsing: document))
                    #expect(
                        try validator.accepts(Array(document.utf8)) == expected, "\(schema) for \(document)")
                }
            }
        }
    }

    @Test(
        "and refused where they are no JSON",
        arguments: [
            "01", "-", "-01", "1.", "1.e1", "1e", "1e+", ".5", "+1", "tru", "nul", "falsy", #""a"#, #""\x""#,
            "\"\u{1}\"", "1 1",
            "0x1", "--1",
        ])
    func refused(value: String) throws {
        for schema in Self.schemas where schema != "false" {
            let validator = try Schema.compile(#"{"properties":{"a":\#(schema)},"items":\#(schema)}"#.utf8)
            for document in [#"{"a":\#(value)}"#, "[\(value)]", #"{"a":\#(value)"#, "[\(value)"] {
                #expect(!validator.isValid(Array(document.utf8)), "\(schema) for \(document)")
                // The text ends where the document ends, whatever stands behind it in memory.
                #expect(throws: ValidationError.self) { try validator.violations(Array(document.utf8)) }
            }
        }
    }

    @Test("with names that are written with escapes, outside ASCII, empty, or twice")
    func names() throws {
        let validator = try Schema.compile(
            #"""
            {"properties": {"": {"type": "null"}, "q\"": {"type": "integer"}, "back\\": {"type": "integer"}, "grün": {"type": "integer"},
             "line\n": {"type": "integer"}}, "required": ["grün", "q\""], "additionalProperties": false}
            """#.utf8)
        let accepted = [
            #"{"":null,"q\"":1,"back\\":1,"grün":1,"line\n":1}"#, #"{"q\"":1,"grün":1}"#,
            #"{"gr\u00fcn":1,"q\u0022":1,"":null}"#,
        ]
        for document in accepted { #expect(validator.isValid(Array(document.utf8)), "\(document)") }
        let refused = [
            #"{"":1,"q\"":1,"grün":1}"#, #"{"q\"":1.5,"grün":1}"#, #"{"q\"":1,"grün":"x"}"#,
            #"{"q\"":1,"grün":1,"back\\":null}"#,
            #"{"q\"":1,"grün":1,"other":1}"#, #"{"q\"":1}"#, #"{"":null,"":1,"q\"":1,"grün":1}"#,
            #"{"":null"q\"":1,"grün":1}"#,
            #"{"":null,,"q\"":1,"grün":1}"#, #"{"":null,"q\"":1,"grün":1"#, #"{,"":null,"q\"":1,"grün":1}"#,
        ]
        for document in refused { #expect(!validator.isValid(Array(document.utf8)), "\(document)") }
    }

    @Test("within the bounds on steps and levels")
    func bounds() throws {
        var options = SchemaOptions()
        options.limits.steps = 10
        let validator = try Schema.compile(#"{"items":{"type":"integer"}}"#.utf8, options: options)
        #expect(throws: ValidationError.self) {
            try validator.accepts(Array("[1,1,1,1,1,1,1,1,1,1,1,1]".utf8))
        }
        #expect(try validator.accepts(Array("[1,1]".utf8)))
    }
}
