// SPDX-License-Identifier: Apache-2.0

// URLs of brokers as they may be seen: whatever could be a credential is masked, references to secrets are not secret.

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
            let name = pair[..<equals].lowercased()
            let value = pair[pair.index(after: equals)...]
            // Where a key is, is no secret.
            let isSensitive =
                sensitiveWords.contains { name.contains($0) }
                && !["file", "location", "mechanism"].contains { name.hasSuffix($0) }
            guard isSensitive, !value.isEmpty, !Secrets.isReference(value) else { return String(pair) }
            return "\(pair[..<equals])=\(mask)"
        }.joined(separator: "&")
    }
}
