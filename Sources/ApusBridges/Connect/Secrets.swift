// SPDX-License-Identifier: Apache-2.0

// Secrets beside the configuration. A connection's URL can name a secret, `{secret:NAME}`, whose value is looked up when the connection is made: in a file of a folder
// that the server was started with, or in the server's environment under a name of its own. Neither can reach any other file or variable: whoever may set a connection
// could otherwise send what is in them to a broker of their choice.

internal import ApusBus

/// Finds the values of secrets that URLs refer to.
public struct Secrets: Sendable {
    /// The value of a secret; nil when there is none of this name.
    private let value: @Sendable (String) -> String?

    /// Secrets found by `value`.
    public init(_ value: @escaping @Sendable (String) -> String?) { self.value = value }

    /// There are none.
    public static let none = Secrets { _ in nil }

    private static let opening = "{secret:"

    /// The URL with every reference replaced by its value, which is percent-encoded.
    ///
    /// - Throws: ``BusError/invalid(_:)`` for a reference that names nothing; values are never part of it.
    func resolve(_ url: String) throws(BusError) -> String {
        var resolved = ""
        var rest = url[...]
        while let start = rest.firstRange(of: Self.opening) {
            resolved += rest[..<start.lowerBound]
            rest = rest[start.upperBound...]
            guard let end = rest.firstIndex(of: "}") else {
                throw .invalid("a reference to a secret has no end: it is written {secret:NAME}")
            }
            let name = String(rest[..<end])
            guard Self.isName(name) else {
                throw .invalid(
                    "a secret's name has letters, digits, '-', '_' and '.', and begins with none of the last")
            }
            guard let value = value(name) else { throw .invalid("there is no secret '\(name)'") }
            resolved += Self.encoded(value)
            rest = rest[rest.index(after: end)...]
        }
        return resolved + rest
    }

    /// Whether a text is a reference and nothing else, and so can be shown.
    static func isReference(_ text: some StringProtocol) -> Bool {
        text.hasPrefix(opening) && text.hasSuffix("}")
            && isName(String(text.dropFirst(opening.count).dropLast()))
    }

    /// Whether a secret can have this name, which may be that of a file.
    static func isName(_ name: String) -> Bool {
        (1...128).contains(name.utf8.count) && !name.hasPrefix(".")
            && name.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
                    || $0 == 0x2D || $0 == 0x2E || $0 == 0x5F
            }
    }

    private static func encoded(_ text: String) -> String {
        var encoded = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
                encoded.unicodeScalars.append(UnicodeScalar(byte))
            default:
                encoded += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return encoded
    }
}
