// SPDX-License-Identifier: Apache-2.0

// What the attribute `dataschema` of an event says, when it says a schema of a registry: the path at which one of the registry's APIs has it,
// whatever host stands before.

/// A schema that a URI names.
public enum SchemaURI: Hashable, Sendable {
    /// `…/v1/schemas/{subject}/versions/{version}` or `…/subjects/{subject}/versions/{version}`.
    case version(SubjectName, VersionSelector)
    /// `…/v1/schema-ids/{id}` or `…/schemas/ids/{id}`.
    case id(SchemaID)

    /// The schema that a URI names; nil when it names none of a registry.
    public init?(_ text: String) {
        var path = Substring(text)
        if let end = path.utf8.firstIndex(where: { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") }) {
            path = path[..<end]
        }
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).suffix(5)
        let last = Array(parts.suffix(4))
        guard last.count >= 2, let number = last.last else { return nil }
        if last.count == 4, last[2] == "versions",
            last[0] == "subjects" || (last[0] == "schemas" && parts.first == "v1")
        {
            guard let name = SchemaURI.decoded(last[1]).flatMap({ try? SubjectName($0) }),
                let selector = VersionSelector(number)
            else { return nil }
            self = .version(name, selector)
            return
        }
        let before = last.dropLast().suffix(2)
        guard before.last == "schema-ids" || Array(before) == ["schemas", "ids"],
            let id = Int32(number), id > 0
        else { return nil }
        self = .id(SchemaID(rawValue: id))
    }

    /// The path of a version at Apus' own API, with the subject encoded as RFC 3986 wants it.
    public static func path(of subject: SubjectName, _ version: Int) -> String {
        "/v1/schemas/\(encoded(subject.description))/versions/\(version)"
    }

    /// A text as one segment of a path.
    public static func encoded(_ text: String) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: bytes.append(byte)
            default:
                bytes.append(UInt8(ascii: "%"))
                for digit in [byte >> 4, byte & 15] { bytes.append(digit < 10 ? 0x30 + digit : 0x37 + digit) }
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func decoded(_ text: Substring) -> String? {
        guard text.utf8.contains(UInt8(ascii: "%")) else { return String(text) }
        var bytes: [UInt8] = []
        var rest = text.utf8
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap({ Character(UnicodeScalar($0)).hexDigitValue }),
                let low = rest.popFirst().flatMap({ Character(UnicodeScalar($0)).hexDigitValue })
            else { return nil }
            bytes.append(UInt8(high << 4 | low))
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
