// SPDX-License-Identifier: Apache-2.0

// Why something is not a CloudEvent: which attribute, which rule, what was there, and where to read up.

/// A violation of the CloudEvents specification, one of its formats or one of its bindings.
public struct CloudEventError: Error, Hashable, Sendable {
    /// The rule that was broken.
    public let rule: Rule
    /// The attribute or member concerned, nil if it is the event as a whole.
    public let attribute: String?
    /// The beginning of the value that was found, at most 64 characters.
    public let seen: String?
    /// The place of the event in a batch, counted from 0; nil outside batches.
    public private(set) var eventIndex: Int?

    /// Creates an error; `seen` is cut to 64 characters.
    public init(_ rule: Rule, attribute: String? = nil, seen: String? = nil) {
        self.rule = rule
        self.attribute = attribute
        self.seen = seen.map { $0.count > 64 ? $0.prefix(63) + "…" : $0 }
        self.eventIndex = nil
    }

    init(_ rule: Rule, attribute: String? = nil, seen bytes: UnsafeRawBufferPointer) {
        self.init(rule, attribute: attribute, seen: String(decoding: bytes.prefix(256), as: UTF8.self))
    }

    /// The same error as part of a batch.
    func inEvent(_ index: Int) -> CloudEventError {
        var copy = self
        copy.eventIndex = index
        return copy
    }
}

extension CloudEventError {
    /// A rule of the specification.
    public enum Rule: Hashable, Sendable {
        /// A required attribute is absent.
        case missing
        /// A value that must not be empty is.
        case empty
        /// `specversion` is not `1.0`.
        case unsupportedVersion
        /// An attribute name is not one or more of `a`-`z` and `0`-`9`.
        case invalidName
        /// An extension has the name of an attribute of the specification, or `data`.
        case reservedName
        /// An attribute appears twice.
        case duplicate
        /// A control character, U+0000-U+001F or U+007F-U+009F.
        case controlCharacter
        /// A code point that Unicode reserves as a noncharacter, such as U+FFFE.
        case noncharacter
        /// Bytes that are not UTF-8.
        case invalidUTF8
        /// Not an absolute URI by RFC 3986.
        case notURI
        /// Not a URI-reference by RFC 3986.
        case notURIReference
        /// Not a timestamp by RFC 3339.
        case notTimestamp
        /// Not a media type by RFC 2046.
        case notMediaType
        /// Neither `true` nor `false`.
        case notBoolean
        /// Not an integer between -2,147,483,648 and 2,147,483,647.
        case notInteger
        /// Not Base64 (RFC 4648 section 4, with padding).
        case notBase64
        /// A value of a kind the format does not allow here, such as an object for an attribute.
        case wrongValueType
        /// Both `data` and `data_base64`, or two `data` elements.
        case ambiguousData
        /// Text in a character set other than UTF-8.
        case unsupportedCharset
        /// A content type that is no event format this library reads.
        case unsupportedFormat
        /// The headers and content type are no event in binary, structured or batched mode.
        case notAnEvent
        /// A header value with a broken `%` sequence or an open quote.
        case invalidHeaderEncoding
        /// A JSON text that breaks RFC 8259 at a byte.
        case malformedJSON(reason: String, offset: Int)
        /// An XML text that is not well-formed, or uses what is refused (such as DOCTYPE), at a byte.
        case malformedXML(reason: String, offset: Int)
        /// An attribute name that starts with a digit, which no XML element can have.
        case notXMLName
        /// More events in a batch than the reader allows.
        case tooManyEvents(limit: Int)
    }
}

extension CloudEventError.Rule {
    /// The rule in words.
    public var explanation: String {
        switch self {
        case .missing: "is required"
        case .empty: "must not be empty"
        case .unsupportedVersion: "must be 1.0"
        case .invalidName: "is not a name: only a-z and 0-9 are allowed"
        case .reservedName: "is a name that extensions cannot have"
        case .duplicate: "appears twice"
        case .controlCharacter: "contains a control character"
        case .noncharacter: "contains a Unicode noncharacter"
        case .invalidUTF8: "is not UTF-8"
        case .notURI: "is not an absolute URI (RFC 3986)"
        case .notURIReference: "is not a URI-reference (RFC 3986)"
        case .notTimestamp: "is not a timestamp (RFC 3339)"
        case .notMediaType: "is not a media type (RFC 2046)"
        case .notBoolean: "is neither true nor false"
        case .notInteger: "is not a 32-bit integer"
        case .notBase64: "is not Base64"
        case .wrongValueType: "has a type that is not allowed here"
        case .ambiguousData: "is given more than once"
        case .unsupportedCharset: "is in a character set other than UTF-8"
        case .unsupportedFormat: "is an event format that is not supported"
        case .notAnEvent: "no CloudEvents headers and no CloudEvents content type"
        case .invalidHeaderEncoding: "has a broken percent sequence or an open quote"
        case .malformedJSON(let reason, let offset): "\(reason) at byte \(offset)"
        case .malformedXML(let reason, let offset): "\(reason) at byte \(offset)"
        case .notXMLName: "starts with a digit, so that XML cannot hold it"
        case .tooManyEvents(let limit): "more than \(limit) events"
        }
    }

    /// Where the rule is written, in the documents of CloudEvents 1.0.2.
    public var section: String {
        switch self {
        case .missing, .empty, .unsupportedVersion, .notMediaType: "CloudEvents, Context Attributes"
        case .invalidName, .reservedName: "CloudEvents, Naming Conventions"
        case .controlCharacter, .noncharacter, .invalidUTF8, .notURI, .notURIReference, .notTimestamp,
            .notBoolean, .notInteger, .notBase64:
            "CloudEvents, Type System"
        case .duplicate: "CloudEvents, Extension Context Attributes"
        case .wrongValueType, .malformedJSON: "JSON Event Format, 2.2 Type System Mapping"
        case .ambiguousData, .unsupportedCharset: "JSON Event Format, 3.1 Handling of data"
        case .unsupportedFormat, .notAnEvent: "HTTP Protocol Binding, 3 HTTP Message Mapping"
        case .invalidHeaderEncoding: "HTTP Protocol Binding, 3.1.3.2 HTTP Header Values"
        case .malformedXML: "XML Event Format, 1.2 Approach"
        case .notXMLName: "XML Event Format, 2 Attributes"
        case .tooManyEvents: "HTTP Protocol Binding, 3.3 Batched Content Mode"
        }
    }
}

extension CloudEventError: CustomStringConvertible {
    /// One sentence: place, attribute, rule, value, section.
    public var description: String {
        var text = eventIndex.map { "event \($0): " } ?? ""
        if let attribute { text += "\(attribute) " }
        text += rule.explanation
        if let seen { text += ", found \"\(seen)\"" }
        return text + " [\(rule.section)]"
    }
}
