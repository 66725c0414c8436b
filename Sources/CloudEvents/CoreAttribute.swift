// SPDX-License-Identifier: Apache-2.0

// The attributes that the specification itself defines, and the rule for each.

/// A context attribute of the specification (section 3.1).
enum CoreAttribute: CaseIterable {
    case specVersion, id, source, type, subject, time, dataContentType, dataSchema

    /// The name as the specification spells it.
    var name: String {
        switch self {
        case .specVersion: "specversion"
        case .id: "id"
        case .source: "source"
        case .type: "type"
        case .subject: "subject"
        case .time: "time"
        case .dataContentType: "datacontenttype"
        case .dataSchema: "dataschema"
        }
    }

    /// The attribute with this name; nil for extensions.
    ///
    /// - Parameter ignoringCase: whether `ID` is `id`, as in HTTP headers.
    @inline(__always)
    init?(name: UnsafeRawBufferPointer, ignoringCase: Bool = false) {
        let mask: UInt8 = ignoringCase ? 0x20 : 0
        switch name.count {
        case 2 where name.equalsLetters("id", mask): self = .id
        case 4 where name.equalsLetters("type", mask): self = .type
        case 4 where name.equalsLetters("time", mask): self = .time
        case 6 where name.equalsLetters("source", mask): self = .source
        case 7 where name.equalsLetters("subject", mask): self = .subject
        case 10 where name.equalsLetters("dataschema", mask): self = .dataSchema
        case 11 where name.equalsLetters("specversion", mask): self = .specVersion
        case 15 where name.equalsLetters("datacontenttype", mask): self = .dataContentType
        default: return nil
        }
    }

    /// The rule that a value breaks, nil if it is valid.
    func violation(in value: UnsafeRawBufferPointer) -> CloudEventError.Rule? {
        guard !value.isEmpty else { return .empty }
        switch self {
        case .specVersion: return value.equals("1.0") ? nil : .unsupportedVersion
        case .id, .type, .subject: return TextSyntax.violation(in: value)
        case .source: return URISyntax.isReference(value) ? nil : .notURIReference
        case .dataSchema: return URISyntax.isURI(value) ? nil : .notURI
        case .time: return CloudEventTimestamp(utf8: value) == nil ? .notTimestamp : nil
        case .dataContentType: return MediaType.isValid(value) ? nil : .notMediaType
        }
    }
}
