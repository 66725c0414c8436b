// SPDX-License-Identifier: Apache-2.0

// The seven types an attribute can have, and the one text form that all of them share.

/// The value of an extension attribute, one of the types of section 3.2 of the specification.
///
/// HTTP and Kafka headers carry only the text form, so that a value read from them is always a `string`; JSON
/// keeps booleans and integers; XML keeps all types. The accessors below read either form.
public enum CloudEventValue: Sendable, Hashable {
    /// `true` or `false`.
    case boolean(Bool)
    /// A 32-bit integer.
    case integer(Int32)
    /// Text without control characters and noncharacters; may be empty.
    case string(String)
    /// Bytes.
    case binary([UInt8])
    /// An absolute URI (RFC 3986).
    case uri(String)
    /// A URI or a relative reference (RFC 3986).
    case uriReference(String)
    /// A point in time.
    case timestamp(CloudEventTimestamp)

    /// The canonical text of the value: what headers carry.
    public var text: String {
        switch self {
        case .boolean(let value): value ? "true" : "false"
        case .integer(let value): String(value)
        case .string(let value), .uri(let value), .uriReference(let value): value
        case .binary(let value): Base64.encoded(value)
        case .timestamp(let value): value.description
        }
    }

    /// The rule that the value breaks, nil if it is valid.
    var violation: CloudEventError.Rule? {
        switch self {
        case .boolean, .integer, .binary, .timestamp: nil
        case .string(var value): value.withUTF8 { TextSyntax.violation(in: UnsafeRawBufferPointer($0)) }
        case .uri(var value): value.withUTF8 { URISyntax.isURI(UnsafeRawBufferPointer($0)) ? nil : .notURI }
        case .uriReference(var value):
            value.withUTF8 { URISyntax.isReference(UnsafeRawBufferPointer($0)) ? nil : .notURIReference }
        }
    }
}

// MARK: - Reading either form

extension CloudEventValue {
    /// The value as a boolean, also from its text.
    public var asBoolean: Bool? {
        switch self {
        case .boolean(let value): value
        case .string("true"): true
        case .string("false"): false
        default: nil
        }
    }

    /// The value as an integer, also from its text.
    public var asInteger: Int32? {
        switch self {
        case .integer(let value): value
        case .string(let text): Int32(canonical: text)
        default: nil
        }
    }

    /// The value as a point in time, also from its text.
    public var asTimestamp: CloudEventTimestamp? {
        switch self {
        case .timestamp(let value): value
        case .string(let text): CloudEventTimestamp(text)
        default: nil
        }
    }

    /// The value as bytes, also from Base64 text.
    public var asBinary: [UInt8]? {
        switch self {
        case .binary(let value): value
        case .string(let text): Base64.decoded(text)
        default: nil
        }
    }
}

extension Int32 {
    /// From the only text an integer attribute has: digits, perhaps a minus sign in front, no leading zeros.
    init?(canonical text: String) {
        guard let value = Int32(text), String(value) == text else { return nil }
        self = value
    }
}

extension CloudEventValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral
{
    /// A string.
    public init(stringLiteral value: String) { self = .string(value) }
    /// An integer.
    public init(integerLiteral value: Int32) { self = .integer(value) }
    /// A boolean.
    public init(booleanLiteral value: Bool) { self = .boolean(value) }
}
