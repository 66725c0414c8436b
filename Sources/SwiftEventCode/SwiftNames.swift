// SPDX-License-Identifier: Apache-2.0

// Names of JSON as names of Swift.

enum SwiftNames {
    /// Words that need backticks as names of members and cases.
    private static let keywords: Set<String> = [
        "Any", "Self", "actor", "as", "associatedtype", "async", "await", "break", "case", "catch", "class",
        "continue", "default", "defer", "deinit", "do", "else", "enum", "extension", "fallthrough", "false",
        "fileprivate", "for", "func", "guard", "if", "import", "in", "init", "inout", "internal", "is", "let",
        "nil", "operator", "precedencegroup", "private", "protocol", "public", "repeat", "rethrows", "return",
        "self", "static", "struct", "subscript", "super", "switch", "throw", "throws", "true", "try",
        "typealias", "var", "where", "while",
    ]

    /// Names that a nested type must not take: those that the code uses, and what the protocol `Event` asks for.
    static let takenTypes: Set<String> = [
        "String", "Int", "Int64", "Double", "Bool", "Array", "Dictionary", "Optional", "Codable", "Sendable",
        "Hashable", "Encoder", "Decoder", "CodingKey", "CodingKeys", "DecodingError", "Type", "Self", "Any",
        "Protocol", "Key", "Subject", "Event", "Never", "Character", "Set", "Result", "Error",
    ]

    /// Names that a member must not take: those that mean something to the protocol `Event` and to coding.
    static let takenMembers: Set<String> = [
        "key", "subject", "encode", "hashValue", "hash", "init", "self", "Type", "Protocol",
    ]

    static func isIdentifier(_ text: String) -> Bool {
        guard let first = text.utf8.first, isLetter(first) || first == UInt8(ascii: "_"), text != "_" else {
            return false
        }
        return text.utf8.allSatisfy { isLetter($0) || isDigit($0) || $0 == UInt8(ascii: "_") }
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 <= 25 }
    private static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 <= 9 }

    /// The words of a name: what stands between other characters than letters and digits.
    private static func words(_ text: String) -> [String] {
        var words: [String] = []
        var word = ""
        for byte in text.utf8 {
            if isLetter(byte) || isDigit(byte) {
                word.unicodeScalars.append(Unicode.Scalar(byte))
            } else if !word.isEmpty {
                words.append(word)
                word = ""
            }
        }
        if !word.isEmpty { words.append(word) }
        return words
    }

    private static func capitalized(_ word: String) -> String {
        word.prefix(1).uppercased() + word.dropFirst()
    }

    /// `order_id` as `orderId`; what has no letters gets a name of its own.
    static func member(_ text: String) -> String {
        let words = words(text)
        guard let first = words.first else { return "value" }
        let isShouted = first.allSatisfy { $0.isUppercase || $0.isNumber }
        let start = isShouted ? first.lowercased() : first.prefix(1).lowercased() + first.dropFirst()
        let name = start + words.dropFirst().map(capitalized).joined()
        return name.utf8.first.map(isDigit) ?? false ? "_" + name : name
    }

    /// `order_line` as `OrderLine`.
    static func type(_ text: String) -> String {
        let name = words(text).map(capitalized).joined()
        guard let first = name.utf8.first else { return "Value" }
        return isDigit(first) ? "Value" + name : name
    }

    /// The name with a number behind it if it is taken.
    static func unused(_ name: String, _ taken: Set<String>) -> String {
        guard taken.contains(name) else { return name }
        var number = 2
        while taken.contains("\(name)\(number)") { number += 1 }
        return "\(name)\(number)"
    }

    /// The name as it is written where it is declared.
    static func escaped(_ name: String) -> String { keywords.contains(name) ? "`\(name)`" : name }

    /// A text as a literal.
    static func literal(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20 || scalar.properties.generalCategory == .format:
                result += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
