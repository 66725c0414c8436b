// SPDX-License-Identifier: Apache-2.0

// The three types of CESQL and the casts between them (section 3.7 of its specification).

/// A value of a CESQL expression.
public enum CESQLValue: Sendable {
    /// A text.
    case string(String)
    /// An integer of 32 bits.
    case integer(Int32)
    /// `TRUE` or `FALSE`.
    case boolean(Bool)

    /// The value's type.
    var type: CESQLType {
        switch self {
        case .string: .string
        case .integer: .integer
        case .boolean: .boolean
        }
    }
}

extension CESQLValue: Hashable {
    /// Whether type and value are the same; texts by their characters, without Unicode's equivalences.
    public static func == (left: Self, right: Self) -> Bool {
        switch (left, right) {
        case (.string(let left), .string(let right)): left.utf8.elementsEqual(right.utf8)
        case (.integer(let left), .integer(let right)): left == right
        case (.boolean(let left), .boolean(let right)): left == right
        default: false
        }
    }

    /// Hashes the value.
    public func hash(into hasher: inout Hasher) {
        switch self {
        case .string(let text): for byte in text.utf8 { hasher.combine(byte) }
        case .integer(let value): hasher.combine(value)
        case .boolean(let value): hasher.combine(value)
        }
    }
}

extension CESQLValue: CustomStringConvertible {
    /// The value as it stands in an expression.
    public var description: String {
        switch self {
        case .string(let text): "'\(text.replacing("'", with: "\\'"))'"
        case .integer(let value): String(value)
        case .boolean(let value): value ? "TRUE" : "FALSE"
        }
    }
}

/// A type of CESQL.
enum CESQLType: String, Sendable, Hashable {
    case string = "a String"
    case integer = "an Integer"
    case boolean = "a Boolean"

    /// The value that an operator of this type has when it has no other.
    var zero: CESQLValue {
        switch self {
        case .string: .string("")
        case .integer: .integer(0)
        case .boolean: .boolean(false)
        }
    }
}

/// Casts.
enum CESQLCast {
    /// A value as another type; nil if it cannot be one.
    static func value(_ value: CESQLValue, as type: CESQLType) -> CESQLValue? {
        switch type {
        case .string: .string(text(of: value))
        case .integer: integer(of: value).map { .integer($0) }
        case .boolean: boolean(of: value).map { .boolean($0) }
        }
    }

    static func text(of value: CESQLValue) -> String {
        switch value {
        case .string(let text): text
        case .integer(let value): String(value)
        case .boolean(let value): value ? "true" : "false"
        }
    }

    static func integer(of value: CESQLValue) -> Int32? {
        switch value {
        case .string(var text): text.withUTF8 { integer(of: UnsafeRawBufferPointer($0)) }
        case .integer(let value): value
        case .boolean(let value): value ? 1 : 0
        }
    }

    /// Digits, perhaps after a sign; zeros in front do not matter.
    static func integer(of text: UnsafeRawBufferPointer) -> Int32? {
        guard let first = text.first else { return nil }
        let isSigned = first == 0x2B || first == 0x2D
        guard text.count > (isSigned ? 1 : 0) else { return nil }
        var value: Int64 = 0
        for byte in text[(isSigned ? 1 : 0)...] {
            guard (0x30...0x39).contains(byte) else { return nil }
            // Far beyond 32 bits already; only the digits are still looked at.
            if value < 1 << 40 { value = value * 10 + Int64(byte & 0xF) }
        }
        return Int32(exactly: first == 0x2D ? -value : value)
    }

    static func boolean(of value: CESQLValue) -> Bool? {
        switch value {
        case .string(let text):
            if isWord(text, "true") { true } else if isWord(text, "false") { false } else { nil }
        case .integer(let value): value != 0
        case .boolean(let value): value
        }
    }

    private static func isWord(_ text: String, _ word: StaticString) -> Bool {
        text.utf8.count == word.utf8CodeUnitCount
            && zip(text.utf8, UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
                .allSatisfy { ($0 &- 0x41 < 26 ? $0 | 0x20 : $0) == $1 }
    }
}
