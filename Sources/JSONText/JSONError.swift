// SPDX-License-Identifier: Apache-2.0

// What can be wrong with JSON text, and where. One error type for the scanner, the value tree and
// everything built on them, so that a message to a user can always point at a byte.

/// A violation of RFC 8259, or of a limit set by the reader, at a byte of the text.
public struct JSONError: Error, Hashable, Sendable {
    /// The rule that was broken.
    public enum Reason: Hashable, Sendable {
        /// The text ends inside a value.
        case unexpectedEnd
        /// A byte that cannot stand here; `expected` names what can.
        case unexpectedByte(UInt8, expected: Expectation)
        /// A number that does not follow the grammar of RFC 8259 section 6 (such as `01`, `1.`, `+1`).
        case invalidNumber
        /// A backslash followed by something that is not an escape (RFC 8259 section 7).
        case invalidEscape
        /// A `\u` escape naming half of a surrogate pair.
        case unpairedSurrogate
        /// A control character (below U+0020) written literally inside a string.
        case controlCharacter(UInt8)
        /// Bytes that are not UTF-8 (RFC 8259 section 8.1).
        case invalidUTF8
        /// Arrays and objects nested deeper than `limit`.
        case tooDeep(limit: Int)
        /// An object that has the same member name twice, where the reader rejects that.
        case duplicateName(String)
        /// Something other than white space after the value.
        case trailingBytes
    }

    /// What the grammar allows at a place.
    public enum Expectation: String, Hashable, Sendable {
        /// Any value.
        case value = "a value"
        /// A member name.
        case name = "a member name in quotes"
        /// The colon after a member name.
        case colon = "':'"
        /// A comma or the end of an object.
        case commaOrBrace = "',' or '}'"
        /// A comma or the end of an array.
        case commaOrBracket = "',' or ']'"
        /// A string.
        case string = "a string"
        /// An object.
        case object = "an object"
        /// An array.
        case array = "an array"
    }

    /// The rule that was broken.
    public let reason: Reason

    /// The place, in bytes from the start of the text.
    public let offset: Int

    /// Creates an error for a place in a text.
    public init(_ reason: Reason, at offset: Int) {
        self.reason = reason
        self.offset = offset
    }
}

extension JSONError: CustomStringConvertible {
    /// A sentence for people: the rule and the place.
    public var description: String { "\(reason) at byte \(offset)" }
}

extension JSONError.Reason: CustomStringConvertible {
    /// The rule in words, without the place.
    public var description: String {
        switch self {
        case .unexpectedEnd: "the JSON text ends too early"
        case .unexpectedByte(let byte, let expected):
            "found \(Self.describe(byte)) where \(expected.rawValue) is expected"
        case .invalidNumber: "not a JSON number"
        case .invalidEscape: "not a JSON escape"
        case .unpairedSurrogate: "a \\u escape is half of a surrogate pair"
        case .controlCharacter(let byte): "control character \(Self.describe(byte)) must be escaped"
        case .invalidUTF8: "not UTF-8"
        case .tooDeep(let limit): "nested deeper than \(limit) levels"
        case .duplicateName(let name): "member '\(name)' appears twice"
        case .trailingBytes: "something follows the JSON value"
        }
    }

    private static func describe(_ byte: UInt8) -> String {
        guard byte > 0x20, byte < 0x7F else {
            let digits = String(byte, radix: 16, uppercase: true)
            return "byte 0x" + (digits.count == 1 ? "0" + digits : digits)
        }
        return "'\(Character(Unicode.Scalar(byte)))'"
    }
}
