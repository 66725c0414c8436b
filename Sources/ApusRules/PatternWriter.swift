// SPDX-License-Identifier: Apache-2.0

// From a pattern's tree back to text: for the canonical form, and to show alternatives in explanations.

import JSONText

extension JSONWriter {
    mutating func pattern(_ object: PatternObject) {
        beginObject()
        if !object.requirements.isEmpty {
            key("$and" as StaticString)
            beginArray()
            for requirement in object.requirements { pattern(requirement) }
            endArray()
        }
        if !object.choices.isEmpty {
            key("$or" as StaticString)
            beginArray()
            for choice in object.choices { pattern(choice) }
            endArray()
        }
        for field in object.fields {
            key(String(decoding: field.name, as: UTF8.self))
            switch field.content {
            case .object(let object): pattern(object)
            case .leaf(let tests):
                alternatives(tests)
            }
        }
        endObject()
    }

    mutating func alternatives(_ tests: [PatternTest]) {
        beginArray()
        for test in tests { self.test(test) }
        endArray()
    }

    mutating func test(_ test: PatternTest) {
        if case .equals(let scalar) = test { return self.scalar(scalar) }
        beginObject()
        switch test {
        case .anythingBut(let exceptions):
            key("anything-but" as StaticString)
            self.exceptions(exceptions)
        case .numeric(let range):
            key("numeric" as StaticString)
            bounds(range)
        case .exists(let isWanted):
            key("exists" as StaticString)
            bool(isWanted)
        case .noneOf(let tests):
            key("none" as StaticString)
            alternatives(tests)
        default:
            key(test.operatorName)
            operand(of: test)
        }
        endObject()
    }

    private mutating func operand(of test: PatternTest) {
        switch test {
        case .equals(let scalar): self.scalar(scalar)
        case .prefix(let text), .suffix(let text), .equalsIgnoringCase(let text): self.text(text)
        case .prefixIgnoringCase(let text), .suffixIgnoringCase(let text):
            beginObject()
            key("equals-ignore-case" as StaticString)
            self.text(text)
            endObject()
        case .wildcard(let wildcard): text(wildcard.text)
        case .cidr(let block): text(block.text)
        case .numeric(let range): bounds(range)
        case .text(let test): operand(of: test)
        case .exists, .anythingBut, .noneOf: null()
        }
    }

    private mutating func operand(of test: TextTest) {
        switch test {
        case .topic(let topic): text(topic.text)
        case .like(let like): text(like.text)
        case .contains(let contained) where contained.ignoresCase:
            beginObject()
            key("equals-ignore-case" as StaticString)
            text(contained.text)
            endObject()
        case .contains(let contained): text(contained.text)
        case .integer(let range): bounds(range.bounds)
        case .element(let tests), .value(let tests): alternatives(tests)
        }
    }

    private mutating func exceptions(_ tests: [PatternTest]) {
        guard let first = tests.first else { return null() }
        var isOperator = true
        if case .equals = first { isOperator = false }
        if isOperator {
            beginObject()
            key(first.operatorName)
        }
        if tests.count == 1 {
            operand(of: first)
        } else {
            beginArray()
            for test in tests { operand(of: test) }
            endArray()
        }
        if isOperator { endObject() }
    }

    private mutating func bounds(_ range: NumericRange) {
        beginArray()
        if let lower = range.lower, lower == range.upper {
            string("=")
            raw(lower.number.text)
        } else {
            if let lower = range.lower {
                string(lower.isIncluded ? ">=" : ">")
                raw(lower.number.text)
            }
            if let upper = range.upper {
                string(upper.isIncluded ? "<=" : "<")
                raw(upper.number.text)
            }
        }
        endArray()
    }

    private mutating func scalar(_ scalar: PatternScalar) {
        switch scalar {
        case .null: null()
        case .bool(let value): bool(value)
        case .string(let value): text(value)
        case .number(let number): raw(number.text)
        }
    }

    private mutating func text(_ text: [UInt8]) {
        text.withUnsafeBytes { string(utf8: $0) }
    }
}

extension PatternTest {
    /// The operator's word; empty for a plain value.
    var operatorName: String {
        switch self {
        case .equals: ""
        case .equalsIgnoringCase: "equals-ignore-case"
        case .prefix, .prefixIgnoringCase: "prefix"
        case .suffix, .suffixIgnoringCase: "suffix"
        case .wildcard: "wildcard"
        case .numeric: "numeric"
        case .cidr: "cidr"
        case .exists: "exists"
        case .anythingBut: "anything-but"
        case .noneOf: "none"
        case .text(let test): test.operatorName
        }
    }
}
