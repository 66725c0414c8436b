// SPDX-License-Identifier: Apache-2.0

// A strict cursor over JSON text: it moves value by value, checks every byte it passes (also those of
// skipped values) and copies nothing. The value tree and the CloudEvents JSON format are built on it.
//
// Use: `beginObject()`, then `nextName()` until nil, consuming one value after each name; arrays likewise
// with `beginArray()` and `nextElement()`. An iteration must be driven to its end: one flag, not a stack,
// remembers whether a container was just opened.

/// The kind of a JSON value, as its first byte tells.
package enum JSONKind: Hashable, Sendable {
    case null, bool, number, string, array, object
}

/// The place of a string's content in the text, between its quotes, escapes not yet resolved.
package struct JSONStringSlice: Hashable, Sendable {
    /// The bytes between the quotes.
    package let range: Range<Int>
    /// Whether escapes must be resolved to get the string's value.
    package let hasEscapes: Bool

    @inlinable
    package init(range: Range<Int>, hasEscapes: Bool) {
        self.range = range
        self.hasEscapes = hasEscapes
    }
}

/// A validating cursor over JSON text.
///
/// It borrows the bytes: it must not outlive the closure that lent the pointer.
package struct JSONScanner {
    /// The nesting allowed unless told otherwise.
    package static let defaultDepthLimit = 128
    /// The nesting that can be asked for: scanning recurses, and stacks are finite.
    package static let greatestDepthLimit = 512

    @usableFromInline let base: UnsafeRawPointer
    @usableFromInline let end: Int
    /// The next byte to look at.
    package internal(set) var position: Int
    let depthLimit: Int
    var depth = 0
    /// True between the opening of a container and the first question for its content.
    private var isAtStart = false

    /// Creates a cursor at the start of `bytes`; `depthLimit` is clamped to `1...greatestDepthLimit`.
    package init(_ bytes: UnsafeRawBufferPointer, depthLimit: Int = Self.defaultDepthLimit) {
        // An empty buffer may have no address; any will do, since nothing is read from it.
        self.base = bytes.baseAddress ?? UnsafeRawPointer(("" as StaticString).utf8Start)
        self.end = bytes.count
        self.position = 0
        self.depthLimit = min(max(depthLimit, 1), Self.greatestDepthLimit)
    }

    /// The bytes of a range that the scanner returned.
    package func bytes(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count)
    }

    @inline(__always)
    func byte(_ index: Int) -> UInt8 { base.load(fromByteOffset: index, as: UInt8.self) }

    @inline(__always)
    mutating func skipWhitespace() {
        position = JSONBytes.skipWhitespace(base, position, end)
    }

    func unexpected(_ expected: JSONError.Expectation) -> JSONError {
        guard position < end else { return JSONError(.unexpectedEnd, at: position) }
        return JSONError(.unexpectedByte(byte(position), expected: expected), at: position)
    }
}

// MARK: - Values

extension JSONScanner {
    /// The kind of the next value, without consuming it.
    package mutating func peekKind() throws(JSONError) -> JSONKind {
        skipWhitespace()
        guard position < end else { throw unexpected(.value) }
        switch byte(position) {
        case 0x7B: return .object
        case 0x5B: return .array
        case 0x22: return .string
        case 0x2D, 0x30...0x39: return .number
        case 0x74, 0x66: return .bool
        case 0x6E: return .null
        default: throw unexpected(.value)
        }
    }

    /// Passes over the next value, checking it, and returns where its bytes are.
    @discardableResult
    package mutating func skipValue() throws(JSONError) -> Range<Int> {
        let kind = try peekKind()
        let start = position
        switch kind {
        case .string: try scanString()
        case .number: try scanNumber()
        case .bool: _ = try scanBool()
        case .null: try scanNull()
        case .object:
            try beginObject()
            while try nextName() != nil { try skipValue() }
        case .array:
            try beginArray()
            while try nextElement() { try skipValue() }
        }
        return start..<position
    }

    /// Checks that only white space is left.
    package mutating func expectEnd() throws(JSONError) {
        skipWhitespace()
        guard position == end else { throw JSONError(.trailingBytes, at: position) }
    }

    /// Consumes `true` or `false`.
    package mutating func scanBool() throws(JSONError) -> Bool {
        skipWhitespace()
        if position < end, byte(position) == 0x74 {
            try scanLiteral("true")
            return true
        }
        try scanLiteral("false")
        return false
    }

    /// Consumes `null`.
    package mutating func scanNull() throws(JSONError) {
        skipWhitespace()
        try scanLiteral("null")
    }

    private mutating func scanLiteral(_ literal: StaticString) throws(JSONError) {
        for index in 0..<literal.utf8CodeUnitCount {
            guard position + index < end, byte(position + index) == literal.utf8Start[index] else {
                position += index
                throw unexpected(.value)
            }
        }
        position += literal.utf8CodeUnitCount
    }
}

// MARK: - Containers

extension JSONScanner {
    /// Enters an object.
    package mutating func beginObject() throws(JSONError) {
        try begin(0x7B, .object)
    }

    /// Enters an array.
    package mutating func beginArray() throws(JSONError) {
        try begin(0x5B, .array)
    }

    private mutating func begin(_ bracket: UInt8, _ expected: JSONError.Expectation) throws(JSONError) {
        skipWhitespace()
        guard position < end, byte(position) == bracket else { throw unexpected(expected) }
        guard depth < depthLimit else { throw JSONError(.tooDeep(limit: depthLimit), at: position) }
        position += 1
        depth += 1
        isAtStart = true
    }

    /// Consumes the next member's name and colon, or the end of the object (nil).
    package mutating func nextName() throws(JSONError) -> JSONStringSlice? {
        guard try advance(closing: 0x7D, .commaOrBrace) else { return nil }
        guard position < end, byte(position) == 0x22 else { throw unexpected(.name) }
        let name = try scanString()
        skipWhitespace()
        guard position < end, byte(position) == 0x3A else { throw unexpected(.colon) }
        position += 1
        return name
    }

    /// Consumes the comma before the next element (true) or the end of the array (false).
    package mutating func nextElement() throws(JSONError) -> Bool {
        try advance(closing: 0x5D, .commaOrBracket)
    }

    private mutating func advance(
        closing bracket: UInt8, _ expected: JSONError.Expectation
    ) throws(JSONError) -> Bool {
        skipWhitespace()
        guard position < end else { throw unexpected(expected) }
        let wasAtStart = isAtStart
        isAtStart = false
        if byte(position) == bracket {
            position += 1
            depth -= 1
            return false
        }
        if !wasAtStart {
            guard byte(position) == 0x2C else { throw unexpected(expected) }
            position += 1
            skipWhitespace()
        }
        return true
    }
}
