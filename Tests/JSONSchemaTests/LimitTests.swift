// SPDX-License-Identifier: Apache-2.0

// Schemas and documents that mean harm: each ends in an error that says what is too much, after a bounded number of steps.

import JSONSchema
import JSONText
import Testing

private func compile(_ text: String) throws(SchemaError) -> SchemaValidator {
    try Schema.compile(Array(text.utf8))
}

private func reason(_ text: String) -> SchemaError.Reason? {
    do throws(SchemaError) {
        _ = try compile(text)
        return nil
    } catch {
        return error.reason
    }
}

@Suite("What is hostile ends in a clear error")
struct LimitTests {
    @Test("schemas that are too large, too deep or too many")
    func schemas() {
        let limits = SchemaLimits()
        let large = "{\"description\":\"" + String(repeating: "x", count: 10 << 20) + "\"}"
        #expect(reason(large) == .tooLarge(what: "bytes of the schema", limit: limits.schemaBytes))
        let deep =
            String(repeating: "{\"not\":", count: 100_000) + "true" + String(repeating: "}", count: 100_000)
        #expect(reason(deep).map { "\($0)" }?.contains("nested deeper than 128") ?? false)
        let values = (0...limits.enumValues).map(String.init).joined(separator: ",")
        #expect(
            reason("{\"enum\":[\(values)]}") == .tooLarge(what: "values of 'enum'", limit: limits.enumValues))
        let many = String(repeating: "true,", count: 70_000) + "true"
        #expect(
            reason("{\"anyOf\":[\(many)]}")
                == .tooLarge(what: "schemas in the documents", limit: limits.schemas))
    }

    @Test("documents that are too deep")
    func depth() throws {
        let document =
            Array(String(repeating: "[", count: 100_000).utf8)
            + Array(String(repeating: "]", count: 100_000).utf8)
        for schema in ["true", "{\"items\":{\"$ref\":\"#\"}}", "{\"enum\":[1]}"] {
            #expect(throws: ValidationError.notJSON(JSONError(.tooDeep(limit: 128), at: 128))) {
                try compile(schema).violations(document)
            }
        }
    }

    @Test(
        "references that lead nowhere or nowhere else",
        arguments: [
            "{\"$ref\":\"#\"}",
            "{\"allOf\":[{\"$ref\":\"#/$defs/a\"}],\"$defs\":{\"a\":{\"anyOf\":[{\"$ref\":\"#\"}]}}}",
            "{\"$defs\":{\"a\":{\"$ref\":\"#/$defs/b\"},\"b\":{\"$ref\":\"#/$defs/a\"}}}",
            "{\"dependentSchemas\":{\"x\":{\"$ref\":\"#\"}}}",
        ])
    func cycles(schema: String) { #expect(reason(schema) == .endlessReference) }

    @Test("a cycle of dynamic references is bounded when it runs")
    func dynamicCycle() throws {
        let validator = try compile("{\"$dynamicAnchor\":\"a\",\"anyOf\":[{\"$dynamicRef\":\"#a\"}]}")
        #expect(throws: ValidationError.tooDeep(limit: 1_000)) { try validator.accepts([0x31]) }
    }

    @Test("references and dialects that are not there")
    func unresolved() {
        #expect(reason("{\"$ref\":\"#/$defs/x\"}") == .unresolvedReference("#/$defs/x"))
        #expect(
            reason("{\"$id\":\"https://a.example/b/c\",\"items\":{\"$ref\":\"../d#e\"}}")
                == .unresolvedReference("https://a.example/d#e"))
        #expect(
            reason("{\"$schema\":\"https://a.example/none\"}") == .unknownDialect("https://a.example/none"))
        #expect(
            reason("{\"$schema\":\"http://json-schema.org/draft-04/schema#\"}")
                == .unknownDialect("http://json-schema.org/draft-04/schema#"))
        #expect(
            reason("{\"$defs\":{\"a\":{\"$anchor\":\"x\"},\"b\":{\"$anchor\":\"x\"}}}")
                == .duplicateIdentifier("#x"))
    }

    @Test(
        "schemas that are none",
        arguments: [
            ("{\"type\":\"text\"}", "/type"), ("{\"minLength\":-1}", "/minLength"),
            ("{\"properties\":{\"a\":1}}", "/properties/a"),
            ("{\"required\":[1]}", "/required/0"), ("{\"allOf\":[]}", "/allOf"), ("3", ""),
            ("{\"multipleOf\":0}", "/multipleOf"),
        ])
    func invalid(schema: String, place: String) throws {
        guard case .notASchema(let violation) = try #require(reason(schema)) else {
            Issue.record("\(schema): \(String(describing: reason(schema)))")
            return
        }
        #expect(violation.instanceLocation == place)
    }

    @Test("regular expressions that are wrong or not regular are told by place")
    func patterns() {
        #expect(
            reason("{\"pattern\":\"a(\"}")
                == .invalidPattern(RegexError(reason: .unclosed("the group"), position: 1)))
        #expect(
            reason("{\"patternProperties\":{\"(a)\\\\1\":true}}")
                == .unsupportedPattern(RegexError(reason: .backreference, position: 3)))
    }

    @Test("branches that multiply end with the budget")
    func exponential() throws {
        // Each level asks its inner one twice.
        let levels = 40
        let definitions = (0..<levels).map { level in
            "\"l\(level)\":{\"anyOf\":[{\"allOf\":[{\"$ref\":\"#/$defs/l\(level + 1)\"},false]},{\"$ref\":\"#/$defs/l\(level + 1)\"}]}"
        }
        let schema =
            "{\"$ref\":\"#/$defs/l0\",\"$defs\":{\(definitions.joined(separator: ",")),\"l\(levels)\":false}}"
        let validator = try compile(schema)
        #expect(throws: ValidationError.tooCostly(limit: 1_000_000)) { try validator.accepts([0x31]) }
        #expect(!validator.isValid([0x31]))
    }

    @Test("large documents pass where rules are cheap, and end with the budget where they are not")
    func large() throws {
        let numbers = Array(("[" + (0..<200_000).map(String.init).joined(separator: ",") + "]").utf8)
        #expect(try compile("{\"items\":{\"type\":\"integer\"}}").accepts(numbers))
        #expect(try compile("{\"uniqueItems\":true}").accepts(numbers))
        let digits = Array(repeating: UInt8(ascii: "7"), count: 1_000_000)
        let divisor = String(repeating: "7", count: 900)
        #expect(throws: ValidationError.tooCostly(limit: 1_000_000)) {
            try compile("{\"multipleOf\":\(divisor)}").accepts(digits)
        }
        // Objects of the same names and values in another order, each compared member by member.
        let object = "{" + (0..<3_000).map { "\"k\($0)\":1" }.joined(separator: ",") + "}"
        let reversed = "{" + (0..<3_000).reversed().map { "\"k\($0)\":1" }.joined(separator: ",") + "}"
        #expect(throws: ValidationError.tooCostly(limit: 1_000_000)) {
            try compile("{\"uniqueItems\":true}").accepts(Array("[\(object),\(reversed)]".utf8))
        }
    }

    @Test("what many patterns, dependents and wide objects cost is counted, however short the names are")
    func many() throws {
        let members = "{" + Array(repeating: "\"a\":1", count: 20_000).joined(separator: ",") + "}"
        let patterns = (0..<1_000).map { "\"^x\($0)$\":true" }.joined(separator: ",")
        #expect(throws: ValidationError.tooCostly(limit: 1_000_000)) {
            try compile("{\"patternProperties\":{\(patterns)}}").accepts(Array(members.utf8))
        }
        let objects = "[" + Array(repeating: "{}", count: 20_000).joined(separator: ",") + "]"
        let triggers = (0..<5_000).map { "\"t\($0)\":[\"n\"]" }.joined(separator: ",")
        #expect(throws: ValidationError.tooCostly(limit: 1_000_000)) {
            try compile("{\"items\":{\"dependentRequired\":{\(triggers)}}}").accepts(Array(objects.utf8))
        }
    }

    @Test(
        "of very many missing members as many are told as were asked for, and that they are told costs little"
    )
    func missing() throws {
        let names = (0..<20_000).map { "\"n\($0)\"" }.joined(separator: ",")
        let schema =
            "{\"anyOf\":[{\"required\":[\(names)]},{\"required\":[\(names)]}],\"required\":[\(names)]}"
        let violations = try compile(schema).violations(Array("{}".utf8), limit: 20)
        #expect(violations.count <= 20)
        #expect(violations.first?.message.contains("n0") == true, "\(violations)")
    }

    @Test("what is refused is never told as nothing, and what is wrong in a long array is told where it is")
    func plain() throws {
        var options = SchemaOptions()
        options.limits.explanationSteps = 0
        let validator = try Schema.compile(Array("{\"type\":\"string\"}".utf8), options: options)
        #expect(try validator.violations([0x31]).map(\.rule) == ["schema"])
        #expect(try validator.violations(Array("\"a\"".utf8)).isEmpty)
        let numbers = Array(("[" + (0..<50_000).map(String.init).joined(separator: ",") + ",\"x\"]").utf8)
        let found = try compile("{\"items\":{\"type\":\"integer\"}}").violations(numbers)
        #expect(found.map(\.instanceLocation) == ["/50000"], "\(found)")
    }

    @Test(
        "what is not JSON is told as that",
        arguments: [
            ("", JSONError(.unexpectedEnd, at: 0)),
            ("{\"a\":1,}", JSONError(.unexpectedByte(0x7D, expected: .name), at: 7)),
            ("[1 2]", JSONError(.unexpectedByte(0x32, expected: .commaOrBracket), at: 3)),
            ("1 2", JSONError(.trailingBytes, at: 2)),
            ("\"\\ud800\"", JSONError(.unpairedSurrogate, at: 1)), ("01 ", JSONError(.invalidNumber, at: 0)),
            ("tru", JSONError(.unexpectedEnd, at: 3)), ("\"\u{1}\"", JSONError(.controlCharacter(1), at: 1)),
        ])
    func malformed(text: String, error: JSONError) throws {
        for schema in [
            "true", "{\"type\":[\"object\",\"array\",\"number\",\"string\",\"boolean\"]}",
            "{\"properties\":{\"a\":true}}",
        ] {
            #expect(throws: ValidationError.notJSON(error), "\(schema)") {
                try compile(schema).violations(Array(text.utf8))
            }
            #expect(try !compile(schema).isValid(Array(text.utf8)))
        }
    }
}

@Suite("Many regular expressions")
struct ManyPatternsTests {
    @Test("share the work and the instructions of one schema")
    func shared() throws {
        // Each has a table of its own if there is work left for it, and matches without one as well.
        let some = (0..<6).map { count in #""^\\p{Lu}x{\#(count)}\\w*$":{"type":"integer"}"# }
            .joined(separator: ",")
        let validator = try compile("{\"patternProperties\":{\(some)}}")
        #expect(try validator.accepts(Array("{\"Äxxx1\":1}".utf8)))
        #expect(try !validator.accepts(Array("{\"Äxxx1\":\"1\"}".utf8)))
        let many = (0..<8).map { "\"^(?:a{900}){20}\($0)\":true" }.joined(separator: ",")
        guard case .unsupportedPattern(let error) = try #require(reason("{\"patternProperties\":{\(many)}}"))
        else {
            Issue.record("accepted")
            return
        }
        if case .tooLarge = error.reason {} else { Issue.record("\(error)") }
    }

    @Test("are bounded in number, however small they are")
    func smallest() throws {
        var options = SchemaOptions()
        options.limits.regexInstructions = 64
        func schema(_ count: Int) -> [UInt8] {
            Array(
                "{\"allOf\":[\((0..<count).map { "{\"pattern\":\"\($0)\"}" }.joined(separator: ","))]}".utf8)
        }
        // Sixteen instructions each of five times 64.
        #expect(throws: Never.self) { try Schema.compile(schema(20), options: options) }
        #expect(throws: SchemaError.self) { try Schema.compile(schema(21), options: options) }
    }
}
