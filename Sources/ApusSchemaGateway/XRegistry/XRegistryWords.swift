// SPDX-License-Identifier: Apache-2.0

// xRegistry's words for formats and compatibility, which names can be ids in it, and values in header fields.

internal import ApusSchemas
internal import JSONSchemaEvolution
internal import JSONText

extension SchemaCompatibility {
    /// The rule's name; nil for none, which xRegistry says by saying nothing.
    var xRegistryName: String? {
        switch self {
        case .none: nil
        case .backward: "backward"
        case .backwardTransitive: "backward_transitive"
        case .forward: "forward"
        case .forwardTransitive: "forward_transitive"
        case .full: "full"
        case .fullTransitive: "full_transitive"
        }
    }
}

extension SchemaContent {
    /// The format with its version, as far as the text says which.
    var xRegistryFormat: String {
        switch format {
        case .json:
            let dialect = (try? JSONValue(parsing: Array(text.utf8)))?["$schema"]?.string ?? ""
            if dialect.contains("draft-07") { return "JsonSchema/draft-07" }
            return dialect.contains("2019-09") ? "JsonSchema/draft/2019-09" : "JsonSchema/draft/2020-12"
        case .xsd: return "XSD/1.0"
        case .avro: return "Avro"
        case .protobuf:
            return text.prefix(4096).contains("\"proto2\"") ? "Protobuf/2" : "Protobuf/3"
        }
    }

    /// The media type of the text.
    var mediaType: String {
        switch format {
        case .json, .avro: "application/json"
        case .xsd: "application/xml"
        case .protobuf: "text/plain; charset=utf-8"
        }
    }
}

extension SchemaFormat {
    /// The format that a `format` of xRegistry names, whatever its version.
    init?(xRegistry name: String) {
        switch name.lowercased().prefix(while: { $0 != "/" }) {
        case "jsonschema": self = .json
        case "xsd": self = .xsd
        case "avro": self = .avro
        case "protobuf": self = .protobuf
        default: return nil
        }
    }

    /// The format that a media type suggests where nothing else is said.
    init?(mediaType: String?) {
        switch mediaType {
        case "application/schema+json", "application/json": self = .json
        case "application/xml", "text/xml", "application/xsd+xml": self = .xsd
        default: return nil
        }
    }
}

enum XRegistryText {
    /// Why a text is no id; nil if it is one.
    static func objection(to id: String) -> String? {
        guard let first = id.utf8.first, id.utf8.count <= 128 else { return "an ID has 1 to 128 characters" }
        let isLetter = { (byte: UInt8) in (byte | 0x20) &- 0x61 < 26 || byte &- 0x30 < 10 || byte == 0x5F }
        guard isLetter(first) else { return "an ID starts with a letter, a digit or '_'" }
        guard id.utf8.allSatisfy({ isLetter($0) || "-.~:@".utf8.contains($0) }) else {
            return "an ID has letters, digits and '-._~:@' only"
        }
        return nil
    }

    /// A value as it stands in a header field.
    static func encoded(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            if byte > 0x20, byte < 0x7F, byte != 0x22, byte != 0x25 {
                result.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                result += "%" + (digits.count == 1 ? "0" : "") + digits
            }
        }
        return result
    }

    /// The value of a header field; nil when its escapes are broken.
    static func decoded(_ text: String) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == 0x25 else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// A time as RFC 3339 has it.
    ///
    /// - Parameter milliseconds: since 1970.
    static func time(_ milliseconds: Int64) -> String {
        let (days, rest) = milliseconds.quotientAndFloorRemainder(86_400_000)
        // The civil calendar, counted from 1 March of the year 0, so that the leap day is the last of its year.
        let shifted = days + 719_468
        let (era, dayOfEra) = shifted.quotientAndFloorRemainder(146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let seconds = rest / 1000
        return padded(year, 4) + "-" + padded(month, 2) + "-" + padded(day, 2) + "T"
            + padded(seconds / 3600, 2) + ":"
            + padded(seconds / 60 % 60, 2) + ":" + padded(seconds % 60, 2) + "." + padded(rest % 1000, 3)
            + "Z"
    }

    private static func padded(_ value: Int64, _ count: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, count - digits.count)) + digits
    }
}

extension Int64 {
    fileprivate func quotientAndFloorRemainder(_ divisor: Int64) -> (Int64, Int64) {
        var (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        if remainder < 0 { (quotient, remainder) = (quotient - 1, remainder + divisor) }
        return (quotient, remainder)
    }
}
