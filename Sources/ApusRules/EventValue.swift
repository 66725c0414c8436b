// SPDX-License-Identifier: Apache-2.0

// An event as a tree, for explaining: slow, plain, and a second opinion on what the program computes.

import CloudEvents
import JSONText

/// A value of an event.
enum EventValue {
    /// A value of JSON data.
    case scalar(PatternScalar)
    /// An attribute, which has only a text.
    case attribute([UInt8])
    /// Several values at one place; also those of a name that occurs more than once.
    case several([EventValue])
    case object([(name: [UInt8], value: EventValue)])

    /// The value of JSON text; nil if it is none.
    init?(json bytes: [UInt8]) {
        let value = bytes.withUnsafeBytes { bytes -> EventValue? in
            var scanner = JSONScanner(bytes)
            guard let value = try? Self.read(&scanner), (try? scanner.expectEnd()) != nil else { return nil }
            return value
        }
        guard let value else { return nil }
        self = value
    }

    private static func read(_ scanner: inout JSONScanner) throws(JSONError) -> EventValue {
        switch try scanner.peekKind() {
        case .null:
            try scanner.scanNull()
            return .scalar(.null)
        case .bool: return .scalar(.bool(try scanner.scanBool()))
        case .string: return .scalar(.string(scanner.utf8(try scanner.scanString())))
        case .number:
            let text = Array(scanner.bytes(try scanner.scanNumber()))
            return .scalar(.number(PatternNumber(text: text)))
        case .array:
            var values: [EventValue] = []
            try scanner.beginArray()
            while try scanner.nextElement() { values.append(try read(&scanner)) }
            return .several(values)
        case .object:
            var members: [(name: [UInt8], value: EventValue)] = []
            try scanner.beginObject()
            while let name = try scanner.nextName() {
                members.append((scanner.utf8(name), try read(&scanner)))
            }
            return .object(members)
        }
    }

    /// The field's values; those of a name that occurs more than once stand together.
    subscript(name: [UInt8]) -> EventValue {
        guard case .object(let members) = self else { return .several([]) }
        return .several(members.filter { $0.name == name }.map(\.value))
    }

    /// The values at this place that are not objects.
    var leaves: [EventValue] {
        switch self {
        case .scalar, .attribute: [self]
        case .several(let values): values.flatMap(\.leaves)
        case .object: []
        }
    }

    /// The elements at this place, however deep in arrays: each is an object or a leaf.
    var elements: [EventValue] {
        if case .several(let values) = self { values.flatMap(\.elements) } else { [self] }
    }
}

// MARK: - Tests

extension EventValue {
    /// Whether a value that is no object passes a test.
    func passes(_ test: PatternTest) -> Bool {
        switch test {
        case .equals(let scalar): equals(scalar)
        case .exists(let isWanted): isWanted
        case .anythingBut(let tests): !tests.contains { passes($0) }
        case .numeric(let range): number.map { range.contains($0) } ?? false
        case .equalsIgnoringCase(let text): folded == CaseFolding.folded(text)
        case .prefix(let text): ownText?.starts(with: text) ?? false
        case .prefixIgnoringCase(let text): folded?.starts(with: CaseFolding.folded(text)) ?? false
        case .suffix(let text): ownText?.reversed().starts(with: text.reversed()) ?? false
        case .suffixIgnoringCase(let text):
            folded?.reversed().starts(with: CaseFolding.folded(text).reversed()) ?? false
        case .wildcard(let wildcard): ownText?.withUnsafeBytes { wildcard.matches($0) } ?? false
        case .noneOf: false
        case .text(let test): ownText?.withUnsafeBytes { test.passes($0) } ?? false
        case .cidr(let block):
            ownText?.withUnsafeBytes { Address($0) }.map { block.contains($0) } ?? false
        }
    }

    private var ownText: [UInt8]? {
        switch self {
        case .scalar(.string(let text)), .attribute(let text): text
        default: nil
        }
    }

    private var folded: [UInt8]? { ownText.map { CaseFolding.folded($0) } }

    private var number: PatternNumber? {
        switch self {
        case .scalar(.number(let number)): number
        case .attribute(let text):
            JSONNumber(String(decoding: text, as: UTF8.self)).map { _ in PatternNumber(text: text) }
        default: nil
        }
    }

    private func equals(_ scalar: PatternScalar) -> Bool {
        switch (self, scalar) {
        case (.scalar(let own), _): own == scalar
        case (.attribute(let text), .string(let other)): text == other
        case (.attribute(let text), .bool(let value)): text.elementsEqual(value ? "true".utf8 : "false".utf8)
        case (.attribute, .number(let other)): number == other
        default: false
        }
    }
}

extension NumericRange {
    func contains(_ number: PatternNumber) -> Bool {
        let aboveLower =
            lower.map {
                $0.number.key.lexicographicallyPrecedes(number.key)
                    || $0.isIncluded && $0.number == number
            } ?? true
        let belowUpper =
            upper.map {
                number.key.lexicographicallyPrecedes($0.number.key)
                    || $0.isIncluded && $0.number == number
            } ?? true
        return aboveLower && belowUpper
    }
}
