// SPDX-License-Identifier: Apache-2.0

// A webhook's URL, read strictly and written anew: what is checked here and what the HTTP client connects to must be the same
// host, so nothing gets through that two parsers could read differently (user names, backslashes, control characters).

/// The parts of an `http` or `https` URL.
struct WebhookURL: Sendable, Hashable {
    /// Whether the connection is encrypted.
    let isSecure: Bool
    /// A name or address literal in lower case, without brackets.
    let host: String
    /// The port.
    let port: Int
    /// Path and query, beginning with a slash.
    let target: String
    /// What `Host` says: the host, and the port where it is not the scheme's own.
    let authority: String
    /// Scheme, host and port: what a connection belongs to.
    let origin: String

    /// The name that a certificate must be for; nil for an address literal, which is compared as an address.
    var nameForTLS: String? {
        HostResolver.literal(host, port) == nil ? host : nil
    }

    /// Why a text is no acceptable URL.
    struct Refusal: Error, Sendable, Hashable {
        var reason: String
    }

    init(_ text: String) throws(Refusal) {
        let bytes = Array(text.utf8)
        guard bytes.allSatisfy(Self.isURLByte), Self.hasWholeEscapes(bytes) else {
            throw Refusal(reason: "the URL holds characters that must be percent-encoded")
        }
        guard let end = text.range(of: "://") else {
            throw Refusal(reason: "the URL has no scheme: use https://")
        }
        switch text[..<end.lowerBound].lowercased() {
        case "https": isSecure = true
        case "http": isSecure = false
        default: throw Refusal(reason: "the URL must begin with https:// or http://")
        }
        let rest = text[end.upperBound...]
        let written = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard !written.contains("@") else {
            throw Refusal(reason: "the URL holds a user name; tokens belong into the path or the query")
        }
        (host, port) = try Self.split(written, defaultPort: isSecure ? 443 : 80)
        let target = rest[written.endIndex...].prefix { $0 != "#" }
        self.target = target.hasPrefix("/") ? String(target) : "/" + target
        let name = host.contains(":") ? "[\(host)]" : host
        authority = port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
        origin = "\(isSecure ? "https" : "http")://\(name):\(port)"
    }

    private static func split(
        _ authority: Substring, defaultPort: Int
    ) throws(Refusal) -> (host: String, port: Int) {
        let isLiteral = authority.hasPrefix("[")
        let host = isLiteral ? authority.dropFirst().prefix { $0 != "]" } : authority.prefix { $0 != ":" }
        var rest = authority[host.endIndex...]
        if isLiteral {
            guard rest.hasPrefix("]") else {
                throw Refusal(reason: "the URL's address has no closing bracket")
            }
            rest = rest.dropFirst()
        }
        guard !host.isEmpty, host.utf8.count <= 253 else { throw Refusal(reason: "the URL has no host") }
        guard host.utf8.allSatisfy({ isLiteral ? isAddressByte($0) : isNameByte($0) }) else {
            throw Refusal(reason: "the URL's host holds characters that no host has")
        }
        guard !rest.isEmpty else { return (host.lowercased(), defaultPort) }
        guard rest.hasPrefix(":"), let port = Int(rest.dropFirst()), (1...65_535).contains(port) else {
            throw Refusal(reason: "the URL's port is not a number from 1 to 65535")
        }
        return (host.lowercased(), port)
    }

    /// Whether a byte may stand in a URL as such (RFC 3986 section 2).
    private static func isURLByte(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7F && !"\"<>\\^`{|}".utf8.contains(byte)
    }

    private static func hasWholeEscapes(_ bytes: [UInt8]) -> Bool {
        bytes.indices.allSatisfy { index in
            guard bytes[index] == UInt8(ascii: "%") else { return true }
            guard index + 2 < bytes.count else { return false }
            return bytes[(index + 1)...(index + 2)].allSatisfy { Character(Unicode.Scalar($0)).isHexDigit }
        }
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    private static func isAddressByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "A")...UInt8(ascii: "F"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: ":"), UInt8(ascii: "."):
            true
        default: false
        }
    }

}

extension String {
    /// The first place of `part`.
    fileprivate func range(of part: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(part) { return start..<index(start, offsetBy: part.count) }
            start = index(after: start)
        }
        return nil
    }
}
