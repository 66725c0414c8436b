// SPDX-License-Identifier: Apache-2.0

// JSON Schema: whatever compiles judges any document without trapping, as a plain evaluation does, and explains what it does not accept.
// Regular expressions: the table of states says what the automaton says.

import JSONSchema
import JSONText
import SlowJSONSchema

/// The input up to the first newline, and the rest.
private func halves(_ input: [UInt8]) -> ([UInt8], [UInt8]) {
    guard let newline = input.firstIndex(of: 0x0A) else { return (input, []) }
    return (Array(input[..<newline]), Array(input[(newline + 1)...]))
}

func fuzzJSONSchema(_ input: [UInt8]) {
    let (schemaText, document) = halves(input)
    guard let schema = try? JSONValue(parsing: schemaText, duplicateNames: .rejected) else { return }
    var options = SchemaOptions()
    options.assertsFormats = input.count % 2 == 0
    options.limits.steps = 100_000
    guard let validator = try? Schema.compile(schema, options: options) else { return }
    let answer: Bool
    let violations: [Violation]
    do {
        answer = try validator.accepts(document)
        violations = try validator.violations(document, limit: 10)
    } catch {
        return
    }
    precondition(
        answer == violations.isEmpty, "what is not accepted is not explained, or the other way round")
    guard let value = try? JSONValue(parsing: document, duplicateNames: .rejected) else { return }
    guard isPlain(schemaText), isPlain(document) else { return }
    var slow = SlowJSONSchema(schema)
    let expected = slow.accepts(value)
    if !slow.isExhausted { precondition(answer == expected, "a plain evaluation says otherwise") }
}

/// Whether the plain evaluation knows everything in the text: no resources and anchors, no formats, no numbers that are long.
private func isPlain(_ text: [UInt8]) -> Bool {
    var digits = 0
    for (index, byte) in text.enumerated() {
        if byte >= 0x30 && byte <= 0x39 {
            digits += 1
        } else if byte != 0x2E {
            // An exponent.
            if digits > 0, byte | 0x20 == 0x65 { return false }
            digits = 0
        }
        if digits > 12 || byte == 0x25 || byte == 0x7E || byte == 0x5C { return false }
        if byte == 0x24, !text[index...].starts(with: "$defs".utf8),
            !text[index...].starts(with: "$ref\":\"#".utf8)
        {
            return false
        }
    }
    let whole = String(decoding: text, as: UTF8.self)
    return !["format", "content", "dependencies", "definitions"].contains { whole.contains($0) }
}

func fuzzSchemaRegex(_ input: [UInt8]) {
    let (pattern, text) = halves(input)
    guard let regex = try? Regex(String(decoding: pattern, as: UTF8.self), limit: 2_000) else { return }
    // Texts are UTF-8 wherever expressions are matched.
    let value = Array(String(decoding: text, as: UTF8.self).utf8)
    value.withUnsafeBytes { bytes in
        var steps = 1_000_000
        let answer = regex.matches(bytes, steps: &steps)
        let followed = regex.matchesByFollowing(bytes, steps: &steps)
        precondition(steps < 0 || answer == followed, "the table and the automaton disagree")
    }
}
