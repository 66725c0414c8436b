// SPDX-License-Identifier: Apache-2.0

// URLs of brokers as they may be seen: whatever could be a credential is masked, references to secrets are not secret.

internal import JSONText

/// What is shown of a URL.
enum MaskedURL {
    static let mask = "****"
    private static let sensitiveWords = [
        "auth", "token", "key", "secret", "password", "credential", "signature", "sas",
    ]

    /// The URL without anything secret.
    static func text(_ url: String) -> String {
        var rest = url[...]
        var fragment = ""
        if let hash = rest.firstIndex(of: "#") {
            fragment = String(rest[hash...])
            rest = rest[..<hash]
        }
        var query = ""
        if let mark = rest.firstIndex(of: "?") {
            query = "?" + masked(query: rest[rest.index(after: mark)...])
            rest = rest[..<mark]
        }
        return masked(authorityOf: rest) + query + fragment
    }

    /// Everything that could be a credential in a URL whose references to secrets are resolved, as it stands there and as it is meant. The longest first, so that
    /// none is found within another.
    static func secrets(of url: String) -> [String] {
        var found: Set<String> = []
        let rest = url.prefix { $0 != "#" }
        if let start = rest.firstRange(of: "://")?.upperBound {
            let authority = rest[start...].prefix { $0 != "/" && $0 != "?" }
            if let at = authority.lastIndex(of: "@"), let colon = authority[..<at].firstIndex(of: ":") {
                found.insert(String(authority[authority.index(after: colon)..<at]))
            }
        }
        if let mark = rest.firstIndex(of: "?") {
            for pair in rest[rest.index(after: mark)...].split(separator: "&") {
                guard let equals = pair.firstIndex(of: "="), isSensitive(pair[..<equals]) else { continue }
                found.insert(String(pair[pair.index(after: equals)...]))
            }
        }
        found.formUnion(found.compactMap { PercentEncoding.decoded($0) })
        found.remove("")
        return found.sorted { ($0.utf8.count, $0) > ($1.utf8.count, $1) }
    }

    /// Whether a setting of this name holds a credential. Where a key is, is no secret.
    private static func isSensitive(_ name: Substring) -> Bool {
        let name = name.lowercased()
        return sensitiveWords.contains { name.contains($0) }
            && !["file", "location", "mechanism"].contains { name.hasSuffix($0) }
    }

    private static func masked(authorityOf text: Substring) -> String {
        guard let start = text.firstRange(of: "://")?.upperBound else { return String(text) }
        let end = text[start...].firstIndex(of: "/") ?? text.endIndex
        guard let at = text[start..<end].lastIndex(of: "@"),
            let colon = text[start..<at].firstIndex(of: ":")
        else { return String(text) }
        let password = text[text.index(after: colon)..<at]
        let shown = password.isEmpty || Secrets.isReference(password) ? String(password) : mask
        return text[...colon] + shown + text[at...]
    }

    private static func masked(query: Substring) -> String {
        query.split(separator: "&", omittingEmptySubsequences: false).map { pair -> String in
            guard let equals = pair.firstIndex(of: "=") else { return String(pair) }
            let value = pair[pair.index(after: equals)...]
            guard isSensitive(pair[..<equals]), !value.isEmpty, !Secrets.isReference(value) else {
                return String(pair)
            }
            return "\(pair[..<equals])=\(mask)"
        }.joined(separator: "&")
    }
}
