// SPDX-License-Identifier: Apache-2.0

// Text and metadata as they stand in log lines. Log lines carry what clients sent, so control
// characters never leave as they came: neither a line of their own nor a terminal's escape sequence.

import Logging

enum LogText {
    /// A JSON string with its quotes (RFC 8259, section 7).
    static func jsonString(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            default: appendEscaped(scalar, to: &result)
            }
        }
        return result + "\""
    }

    /// Text for a person: as it is, but control characters escaped.
    static func plain(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            if scalar == "\\" {
                result += "\\"
            } else {
                appendEscaped(scalar, to: &result)
            }
        }
        return result
    }

    /// Metadata as a JSON value; objects sorted by key.
    static func json(_ value: Logger.MetadataValue) -> String {
        switch value {
        case .string(let text): jsonString(text)
        case .stringConvertible(let value): jsonString(value.description)
        case .array(let values): "[" + values.map(json).joined(separator: ",") + "]"
        case .dictionary(let metadata): json(metadata)
        }
    }

    /// Metadata as a JSON object sorted by key.
    static func json(_ metadata: Logger.Metadata) -> String {
        let members = metadata.sorted { $0.key < $1.key }.map { "\(jsonString($0.key)):\(json($0.value))" }
        return "{" + members.joined(separator: ",") + "}"
    }

    /// Metadata for a person: bare words as they are, other text in quotes.
    static func human(_ value: Logger.MetadataValue) -> String {
        switch value {
        case .string(let text): word(text)
        case .stringConvertible(let value): word(value.description)
        case .array(let values): "[" + values.map(human).joined(separator: ", ") + "]"
        case .dictionary(let metadata): "{" + human(metadata).joined(separator: ", ") + "}"
        }
    }

    /// `key=value` for each entry, sorted by key.
    static func human(_ metadata: Logger.Metadata) -> [String] {
        metadata.sorted { $0.key < $1.key }.map { "\(word($0.key))=\(human($0.value))" }
    }

    private static func word(_ text: String) -> String {
        let isBare = text.unicodeScalars.allSatisfy { scalar in
            !isControl(scalar) && !" \"=\\,[]{}".unicodeScalars.contains(scalar)
        }
        return isBare && !text.isEmpty ? text : jsonString(text)
    }

    private static func appendEscaped(_ scalar: Unicode.Scalar, to result: inout String) {
        switch scalar {
        case "\\": result += "\\\\"
        case "\n": result += "\\n"
        case "\r": result += "\\r"
        case "\t": result += "\\t"
        case _ where isControl(scalar):
            let digits = String(scalar.value, radix: 16)
            result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: result.unicodeScalars.append(scalar)
        }
    }

    /// C0, DEL and C1, and the two separators that some readers of lines take for line ends.
    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
            || (0x2028...0x2029).contains(scalar.value)
    }
}
